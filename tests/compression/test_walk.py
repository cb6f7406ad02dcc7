"""A walk shows every layer what it multiplies now and multiplied before; what it changes is the network it leaves."""

import numpy as np
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run

from attar.compression.walk import Walk, in_order, walk
from attar.graph import load, survey
from attar.graph.expose import expose
from attar.passes.approximate.svd import TruncatedSvd
from attar.passes.pipeline import Chained, chain, changed_tensors
from attar.passes.quantize.bias_correction import BiasCorrection
from attar.passes.quantize.rate_distortion import RateDistortion
from attar.passes.quantize.uniform import Uniform
from attar.runtime.layer_inputs import LayerInputs, find_inputs

from . import nets

COARSE = (RateDistortion(slope=1e-2), BiasCorrection())


def layers_of(model):
    return list(survey(model).layers)


def residual():
    """Two layers around a shortcut, a branch that joins later, and one layer read twice."""
    return load(
        build(
            """r (float[n, 8] x) => (float[n, 8] y, float[n, 4] z) {
                a = MatMul (x, first)
                b = Relu (a)
                c = MatMul (b, second)
                s = Add (x, c)
                d = MatMul (s, twice)
                e = Tanh (d)
                y = MatMul (e, twice)
                z = MatMul (s, side)
            }""",
            {
                "side": normal(8, 4) / 3,
                "twice": normal(8, 8, seed=1) / 3,
                "second": normal(8, 8, seed=2) / 3,
                "first": normal(8, 8, seed=3) / 3,
            },
        )
    )


NETWORKS = {
    "residual": residual,
    **{n: lambda n=n: load(networks.NETWORKS[n]()) for n in ("conv_net", "mlp", "matmul", "grouped_conv", "half")},
}
everywhere = pytest.mark.parametrize("network", NETWORKS)


def recorded(model, feeds, steps):
    """Walk; return what came out and the weights, with their moments, that every layer was treated with."""
    met = {}

    def treat(layer, weights):
        met[layer.name] = weights
        return chain(weights, steps)

    return walk(model, layers_of(model), feeds, treat, threads=1), met


def mean_input(model, layer, feeds):
    """Mean of what a layer multiplies (inputs,), of all samples and positions, straight from onnxruntime."""
    inputs = find_inputs(model, layer)
    (reading,) = inputs.readings
    (seen,) = run(expose(model, [reading.tensor]), feeds)
    return seen.reshape(-1, seen.shape[-1]).astype(np.float64).mean(axis=0)


@everywhere
def test_every_layer_is_met_once_in_the_order_of_the_flow(network):
    model = NETWORKS[network]()
    layers = layers_of(model)
    _, met = recorded(model, random_feeds(model, samples=20), ())
    assert (
        list(met)
        == [layer.name for layer in in_order(model, layers)]
        == [lay.name for lay in in_order(model, layers[::-1])]
    )
    assert set(met) == {layer.name for layer in layers}


def test_the_order_is_that_of_the_first_reader_not_of_the_file():
    assert [layer.name for layer in in_order(residual(), layers_of(residual()))] == ["first", "second", "twice", "side"]


@everywhere
def test_while_nothing_changes_what_is_seen_is_the_original(network):
    model = NETWORKS[network]()
    applied, met = recorded(model, random_feeds(model, samples=20), ())
    assert applied.changed == {}
    for weights in met.values():
        np.testing.assert_allclose(weights.moments.mean, weights.moments.mean_before, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(weights.moments.cross, weights.moments.moment, rtol=1e-3, atol=1e-4)


def test_in_front_of_the_first_change_both_networks_are_one():
    model = residual()
    _, met = recorded(model, random_feeds(model, samples=20), COARSE)
    assert met["first"].moments.cross is met["first"].moments.moment
    assert not np.allclose(met["second"].moments.cross, met["second"].moments.moment)


STEPS = {
    "grid": COARSE,
    "factors": (TruncatedSvd(rank=2, metric=TruncatedSvd().metric), Uniform(bits=6)),
    "biases": (Uniform(bits=2), BiasCorrection(step=0.125)),
}


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("network", ["residual", "mlp"])
def test_what_a_layer_sees_are_the_inner_values_of_the_network_that_comes_out(network, steps):
    model = NETWORKS[network]()
    feeds = random_feeds(model, samples=200)
    applied, met = recorded(model, feeds, STEPS[steps])
    assert applied.changed
    for layer in layers_of(model):
        if layer.name == "twice":  # its second reader comes after the layer itself has changed
            continue
        moments = met[layer.name].moments
        np.testing.assert_allclose(moments.mean_before[0], mean_input(model, layer, feeds), rtol=1e-4, atol=1e-5)
        (tensor,) = {reading.tensor for reading in find_inputs(model, layer).readings}
        (now,) = run(expose(applied.model, [tensor]), feeds)
        np.testing.assert_allclose(moments.mean[0], now.mean(axis=0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(moments.moment[0], now.T @ now / len(now), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("network", ["conv_net", "grouped_conv", "half", "matmul"])
def test_the_changed_network_is_the_one_that_comes_out(network):
    """Bit for bit, tensor by tensor: what `Walk.change` is told and what is written."""
    model = NETWORKS[network]()
    told = {}

    def treat(layer, weights):
        done = chain(weights, COARSE)
        told.update(changed_tensors(model, layer, done))
        return done

    applied = walk(model, layers_of(model), random_feeds(model, samples=20), treat, threads=1)
    assert set(told) >= set(applied.changed)
    for name, values in told.items():
        written = applied.model.graph.initializers[name].const_value.numpy()
        assert written.dtype == values.dtype and written.tobytes() == values.tobytes()


def test_a_mean_output_stays_what_it_was_however_much_the_layers_in_front_have_changed():
    model, feeds = NETWORKS["mlp"](), random_feeds(NETWORKS["mlp"](), samples=300)
    plain, corrected = (
        recorded(model, feeds, steps)[0].model for steps in ((Uniform(bits=2),), (Uniform(bits=2), BiasCorrection()))
    )
    wanted, without, found = (run(m, feeds)[0].mean(axis=0) for m in (model, plain, corrected))
    assert np.abs(without - wanted).max() > 0.05
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_without_samples_nothing_is_looked_at():
    model = residual()
    met = {}

    def treat(layer, weights):
        met[layer.name] = weights
        return Chained((weights,), (), ())

    walk(model, layers_of(model), None, treat)
    assert list(met) == ["first", "second", "twice", "side"]
    assert all(weights.moments is None for weights in met.values())


def test_a_layer_that_cannot_be_seen_comes_without_moments():
    text = "t (int64[n, 3] i) => (float[n, 3, 4] y) { h = Gather (table, i)  y = MatMul (h, w) }"
    model = load(build(text, {"table": normal(5, 8), "w": normal(8, 4)}))
    feeds = {"i": np.random.default_rng(0).integers(0, 5, (40, 3))}
    applied, met = recorded(model, feeds, COARSE)
    assert met["table"].moments is None and met["w"].moments is not None
    assert set(applied.changed) == {"table", "w"}


def test_progress_ends_at_one():
    model, seen = residual(), []
    walk(model, layers_of(model), None, lambda _, weights: Chained((weights,), (), ()), progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) == 4


def test_wide_layers_are_seen_in_blocks(monkeypatch):
    monkeypatch.setattr("attar.compression.walk.MOST_CELLS", 100 * 216)
    model = load(nets.classifier())
    by_name = {layer.name: layer for layer in layers_of(model)}
    weights = Walk(model, {"image": nets.images(20)}, threads=1).weights(by_name["fc1_weight"])
    assert weights.as_rows.blocks == 3
    assert weights.moments.moment.shape == (3, 72, 72) and weights.rows.shape == (3, 24, 72)


def test_the_seed_chooses_the_positions_and_threads_change_nothing():
    model = load(networks.conv_net())
    by_name = {layer.name: layer for layer in layers_of(model)}
    feeds = random_feeds(model, samples=20)
    one, two, other = (
        Walk(model, feeds, threads=threads, seed=seed).weights(by_name["square"]).moments.moment
        for threads, seed in ((1, 0), (2, 0), (1, 1))
    )
    assert one.tobytes() == two.tobytes() != other.tobytes()
    assert isinstance(find_inputs(model, by_name["square"]), LayerInputs)
