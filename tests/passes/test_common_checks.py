"""What every technique keeps, with every setting, on every network; a new technique is included by itself."""

import functools
import json

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from common.networks import NETWORKS
from common.running import random_feeds, run, statistics_of
from common.techniques import EVERY_CONFIG, steps_of

from attar import container
from attar.graph import load, serialize, survey
from attar.passes.approximate.svd import TruncatedSvd
from attar.passes.catalog import CATALOG, config_from_json, config_to_json
from attar.passes.pipeline import apply_plan
from attar.passes.prune.integers import Integers
from attar.passes.prune.magnitude import Magnitude
from attar.passes.quantize.bias_correction import BiasCorrection
from attar.passes.quantize.fixed_point import FixedPoint
from attar.passes.quantize.rate_distortion import RateDistortion
from attar.passes.quantize.uniform import Uniform
from attar.passes.share.kmeans import KMeans

# What changes nothing, for each technique; those that round get weights that lie on their grid.
ZERO_STRENGTH = {
    "approximate.svd": TruncatedSvd(ratio=1.0),
    "prune.magnitude": Magnitude(level=0.0),
    "prune.integers": Integers(threshold=0),
    "share.kmeans": KMeans(clusters=4096),
    "quantize.uniform": Uniform(bits=4),
    "quantize.fixed_point": FixedPoint(bits=8),
    "quantize.rate_distortion": RateDistortion(slope=1e-30),
    "quantize.bias_correction": BiasCorrection(),
}
TOP_OF_GRID = {"quantize.uniform": 7, "quantize.fixed_point": 7, "quantize.rate_distortion": 8}

every_network = pytest.mark.parametrize("network", NETWORKS)
every_config = pytest.mark.parametrize(
    "name, config", EVERY_CONFIG, ids=[f"{name}-{json.dumps(config_to_json(config))}" for name, config in EVERY_CONFIG]
)
every_technique = pytest.mark.parametrize("name", CATALOG)


@functools.cache
def prepared(network):
    """Return a loaded network, samples, and the statistics of its layers' inputs."""
    model = load(NETWORKS[network]())
    feeds = random_feeds(model, samples=40)
    names = [layer.name for layer in survey(model).layers]
    return model, feeds, statistics_of(model, names, feeds)


def apply_to_all(model, steps, statistics):
    return apply_plan(model, {layer.name: steps for layer in survey(model).layers}, statistics=statistics)


@functools.cache
def applied_to(network, name, config):
    """Return what the checks look at; none of them may change it."""
    return fresh(network, name, config)


def fresh(network, name, config):
    model, _, statistics = prepared(network)
    return apply_to_all(model, steps_of(config, CATALOG[name]), statistics)


def tensors_of(model):
    return {name: value.const_value.numpy() for name, value in model.graph.initializers.items()}


@every_network
@every_config
def test_the_given_network_is_untouched_and_the_same_bytes_come_out_twice(network, name, config):
    model, _, _ = prepared(network)
    before = serialize(model)
    first, second = (serialize(fresh(network, name, config).model) for _ in range(2))
    assert serialize(model) == before
    assert first == second


@every_network
@every_config
def test_the_result_is_valid_runs_and_goes_through_a_file_unchanged(network, name, config):
    _, feeds, _ = prepared(network)
    applied = applied_to(network, name, config)
    onnx.checker.check_model(onnx.load_from_string(serialize(applied.model)), full_check=True)
    data = container.to_bytes(applied.model, hints=applied.hints)
    again = container.open(data).model()
    expected, found = tensors_of(applied.model), tensors_of(again)
    assert found.keys() == expected.keys()
    for tensor in expected:
        assert found[tensor].dtype == expected[tensor].dtype
        assert found[tensor].tobytes() == expected[tensor].tobytes()
    for ours, theirs in zip(run(again, feeds), run(applied.model, feeds), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@every_network
@every_config
def test_every_layer_is_changed_or_listed_with_a_reason(network, name, config):
    model, _, _ = prepared(network)
    applied = applied_to(network, name, config)
    reasons = {alone.name: alone.reason for alone in applied.left_alone}
    assert all(reasons.values())
    before, after = tensors_of(model), tensors_of(applied.model)
    for layer in survey(model).layers:
        same = layer.name in after and np.array_equal(before[layer.name], after[layer.name])
        assert (layer.name in applied.changed) == (not same)
        assert (layer.name in reasons) == same
    assert set(before) <= set(applied.changed) | set(reasons)


@every_network
@every_config
def test_hints_are_exact(network, name, config):
    applied = applied_to(network, name, config)
    tensors = tensors_of(applied.model)
    for tensor, hint in applied.hints.items():
        scales = (
            hint.scales if hint.axis is None else np.expand_dims(hint.scales, tuple(range(1, tensors[tensor].ndim)))
        )
        integers = hint.integers if hint.axis is None else np.moveaxis(hint.integers, hint.axis, 0)
        values = (integers.astype(np.float32) * scales).astype(tensors[tensor].dtype)
        wanted = tensors[tensor] if hint.axis is None else np.moveaxis(tensors[tensor], hint.axis, 0)
        np.testing.assert_array_equal(values, wanted)


@every_technique
def test_what_a_layer_could_not_take_is_told_with_technique_and_operator(name):
    for network in ("transposed_conv", "detector"):
        for _, config in (pair for pair in EVERY_CONFIG if pair[0] == name):
            for note in applied_to(network, name, config).declined:
                assert note.technique == name and note.layer in tensors_of(prepared(network)[0])
                assert note.reason and "\n" not in note.reason


@every_technique
def test_an_unsupported_operator_is_named_in_the_reason(name):
    config = CATALOG[name].config()
    reasons = {alone.name: alone.reason for alone in applied_to("detector", name, config).left_alone}
    assert reasons["scales"] == "bias, norm statistics or constant of Resize"


@every_technique
def test_a_convolution_in_place_of_a_matrix_is_named_where_it_is_declined(name):
    for _, config in (pair for pair in EVERY_CONFIG if pair[0] == name):
        for note in applied_to("transposed_conv", name, config).declined:
            assert "ConvTranspose" in note.reason or note.technique == "quantize.bias_correction"


@every_network
@every_technique
def test_zero_strength_is_the_identity(network, name):
    model, _, statistics = prepared(network)
    if name in TOP_OF_GRID:
        model = on_grid(model, top=TOP_OF_GRID[name])
    applied = apply_to_all(model, (ZERO_STRENGTH[name],), statistics)
    assert serialize(applied.model) == serialize(model)
    assert applied.changed == {}


def on_grid(model, *, top):
    """Return the network with weights on a grid whose outermost level is in use."""
    copy = model.clone()
    for layer in survey(copy).layers:
        value = copy.graph.initializers[layer.name]
        integers = np.random.default_rng(0).integers(-top, top + 1, layer.shape)
        integers.flat[0] = top
        value.const_value = ir.tensor((integers * 0.25).astype(value.dtype.numpy()))
    return copy


@every_config
def test_a_config_survives_json(name, config):
    step = json.loads(json.dumps(config_to_json(config)))
    assert step["technique"] == name
    assert config_from_json(step) == config
    assert config_to_json(config_from_json(step)) == step


@every_technique
def test_the_default_config_is_what_an_empty_step_means(name):
    assert config_from_json({"technique": name}) == CATALOG[name].config()
