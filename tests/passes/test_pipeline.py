"""Chains: what one step does is what the next one sees, and what a step cannot do is noted and passed over."""

import numpy as np
import pytest
from common import networks
from common.networks import normal
from common.running import random_feeds, run

from attar.errors import RecipeError
from attar.graph import load, serialize
from attar.passes.approximate.svd import Plain, TruncatedSvd
from attar.passes.pipeline import Declined, apply_plan, chain
from attar.passes.prune.magnitude import Magnitude
from attar.passes.quantize.bias_correction import BiasCorrection
from attar.passes.quantize.uniform import Uniform
from attar.passes.share.kmeans import KMeans
from attar.passes.weights import Weights, product

HALVE = TruncatedSvd(ratio=0.5, metric=Plain())


@pytest.fixture
def model():
    return load(networks.mlp())


def values_of(model, name):
    return model.graph.initializers[name].const_value.numpy()


def test_a_chain_is_its_steps_one_after_another():
    weights = Weights(normal(6, 9), "Gemm", 0, is_matrix=True)
    by_chain = chain(weights, (Magnitude(level=0.5), Uniform(bits=4)))
    by_hand = chain(chain(weights, (Magnitude(level=0.5),)).parts[0], (Uniform(bits=4),))
    np.testing.assert_array_equal(by_chain.parts[0].values, by_hand.parts[0].values)
    assert (by_chain.parts[0].values == 0).mean() >= 0.5


def test_steps_after_a_factorization_treat_both_factors(model):
    applied = apply_plan(model, {"turned": (HALVE, Uniform(bits=4))})
    assert set(applied.hints) == {"turned/in", "turned/out"}
    for name in applied.hints:
        assert len(np.unique(values_of(applied.model, name))) <= 15


@pytest.mark.parametrize("name", ["turned", "straight"])
def test_the_rewritten_network_computes_the_product_of_the_parts(model, name):
    applied = apply_plan(model, {name: (HALVE,)})
    layer = {"turned": Weights(values_of(model, "turned"), "Gemm", 0, is_matrix=True)}
    layer["straight"] = Weights(values_of(model, "straight"), "Gemm", 1, is_matrix=True)
    expected = model.clone()
    expected.graph.initializers[name].const_value = _tensor(product(chain(layer[name], (HALVE,)).parts))
    feeds = random_feeds(model)
    np.testing.assert_allclose(run(applied.model, feeds)[0], run(expected, feeds)[0], rtol=1e-4, atol=1e-4)


def _tensor(values):
    import onnx_ir as ir

    return ir.tensor(np.ascontiguousarray(values))


def test_a_layer_outside_of_the_plan_keeps_its_bits_and_is_listed(model):
    applied = apply_plan(model, {"turned": (Uniform(bits=2),)})
    assert values_of(applied.model, "straight").tobytes() == values_of(model, "straight").tobytes()
    assert ("straight", "its plan changes nothing") in [(a.name, a.reason) for a in applied.left_alone]


def test_an_empty_plan_changes_nothing(model):
    applied = apply_plan(model, {})
    assert serialize(applied.model) == serialize(model)
    assert (applied.changed, applied.hints, applied.declined) == ({}, {}, ())


def test_a_step_that_cannot_treat_a_layer_is_noted_and_the_next_ones_go_on():
    applied = apply_plan(load(networks.conv_net()), {"point": (HALVE, Uniform(bits=2))})
    reason = "Conv: only the second operand of one Gemm or MatMul can become two layers"
    assert applied.declined == (Declined("point", "approximate.svd", reason),)
    assert applied.changed == {"point": (Uniform(bits=2),)}


@pytest.mark.parametrize("network, name", [("matmul", "left"), ("shared", "twice"), ("matmul", "of_heads")])
def test_matrices_that_are_not_one_right_operand_are_never_factored(network, name):
    applied = apply_plan(load(networks.NETWORKS[network]()), {name: (HALVE,)})
    assert applied.changed == {}
    assert [note.technique for note in applied.declined] == ["approximate.svd"]


def test_a_second_factorization_is_declined():
    weights = Weights(normal(12, 12), "Gemm", 0, is_matrix=True)
    done = chain(weights, (HALVE, HALVE))
    assert len(done.parts) == 2 and done.steps == (HALVE,)
    assert [name for name, _ in done.declined] == ["approximate.svd"]


def test_weights_that_a_chain_leaves_equal_count_as_unchanged(model):
    applied = apply_plan(model, {"turned": (KMeans(clusters=4096), Magnitude(quality=0.0))})
    assert applied.changed == {}


def test_a_correction_that_later_steps_make_stale_is_dropped():
    layer_net = load(networks.gemm())
    from common.running import statistics_of

    statistics = statistics_of(layer_net, ["w"], random_feeds(layer_net, samples=50))
    last = apply_plan(layer_net, {"w": (Uniform(bits=2), BiasCorrection())}, statistics=statistics)
    stale = apply_plan(layer_net, {"w": (BiasCorrection(), Uniform(bits=2))}, statistics=statistics)
    assert not np.array_equal(values_of(last.model, "b"), values_of(layer_net, "b"))
    np.testing.assert_array_equal(values_of(stale.model, "b"), values_of(layer_net, "b"))


def test_a_plan_for_a_layer_that_is_not_there_names_those_that_are(model):
    with pytest.raises(RecipeError, match="the plan names layer 'fc9'; the network has: turned, straight"):
        apply_plan(model, {"fc9": ()})


@pytest.mark.parametrize("axis", [0, 1])
def test_product_keeps_the_layers_layout(axis):
    weights = Weights(normal(8, 8) @ np.diag([1, 1, 1, 0, 0, 0, 0, 0]).astype(np.float32), "Gemm", axis, is_matrix=True)
    parts = chain(weights, (TruncatedSvd(rank=3, metric=Plain()),)).parts
    np.testing.assert_allclose(product(parts), weights.values, atol=1e-5)
