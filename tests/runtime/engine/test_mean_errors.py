"""Bias correction of programs: what is missing to the mean of every layer, and that nothing is missing afterwards."""

import numpy as np
import onnx_ir as ir
import pytest
from common.running import random_feeds, run
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from attar.graph import load
from attar.graph.expose import expose
from attar.graph.offsets import shift
from attar.numerics.formats import dequantize
from attar.runtime.engine.mean_errors import shifts, sums_of
from attar.runtime.integer import Affine, FixedPoint, MinMax, calibrate
from attar.runtime.integer import run as oracle
from attar.runtime.integer.kernels import convolution, dense
from attar.runtime.integer.lower import lowered
from attar.runtime.integer.program import Convolution

from .programs import RANDOM, Draw

SAMPLES = 40


def network(seed: int = 0) -> ir.Model:
    """Return a network with strides, borders, groups, a residual sum, a dense layer and a MatMul with an Add."""
    rng = np.random.default_rng(seed)
    weights = {
        "w1": rng.normal(size=(8, 3, 3, 3)),
        "b1": rng.normal(size=8),
        "w2": rng.normal(size=(8, 1, 3, 3)),
        "b2": rng.normal(size=8),
        "w3": rng.normal(size=(8, 8, 1, 1)) / 3,
        "w4": rng.normal(size=(16, 4, 3, 3)) / 6,
        "b4": rng.normal(size=16),
        "w5": rng.normal(size=(6, 16)) / 4,
        "b5": rng.normal(size=6),
        "w6": rng.normal(size=(6, 5)) / 2,
        "b6": rng.normal(size=5),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], group=8, pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("Conv", ["r2", "w3"], ["c3"]),
        helper.make_node("Add", ["c3", "r1"], ["sum"]),
        helper.make_node("Conv", ["sum", "w4", "b4"], ["c4"], group=2, dilations=[2, 2], pads=[2, 2, 1, 1]),
        helper.make_node("Relu", ["c4"], ["r4"]),
        helper.make_node("GlobalAveragePool", ["r4"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w5", "b5"], ["g5"], transB=1),
        helper.make_node("Relu", ["g5"], ["r5"]),
        helper.make_node("MatMul", ["r5", "w6"], ["m6"]),
        helper.make_node("Add", ["m6", "b6"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 12, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])],
        [numpy_helper.from_array(values.astype(np.float32), name) for name, values in weights.items()],
    )
    return load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))


def prepared(scheme, seed=0):
    """Return a network, samples, what it is in integers, and the means of its layers' sums in floats."""
    model = network(seed)
    feeds = random_feeds(model, samples=SAMPLES, seed=seed)
    formats = calibrate(model, feeds, scheme, method=MinMax())
    done = lowered(model, formats, scheme)
    sums = sums_of(done)
    seen = dict(zip(sums.values(), run(expose(model, list(sums.values())), feeds), strict=True))
    axes = {name: tuple(axis for axis in range(seen[name].ndim) if axis != 1) for name in seen}
    return model, feeds, formats, sums, {out: seen[name].mean(axis=axes[name]) for out, name in sums.items()}


def corrected(model, scheme, feeds, formats, sums, wanted):
    """Return a copy of the network with its biases moved."""
    copy = model.clone()
    for output, values in shifts(lowered(model, formats, scheme).program, wanted, feeds).items():
        shift(copy, sums[output], values)
    return copy


@pytest.mark.parametrize("kind", ["convolution", "depthwise", "dense"])
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_mean_of_an_operator_is_that_of_the_oracles_sums(kind, seed):
    draw = Draw(seed)
    program = RANDOM[kind](draw)
    (operator,), form = program.operators, program.tensors["x"].format
    q = draw.rng.integers(form.low, form.high + 1, (3, *program.tensors["x"].shape))
    if isinstance(operator, Convolution):
        moves = {name: getattr(operator, name) for name in ("strides", "dilations", "pads", "groups")}
        sums = np.moveaxis(convolution(q - form.zero, operator.weights, **moves), 1, -1)
    else:
        sums = dense(q - form.zero, operator.weights)
    units = operator.scales.astype(np.float64) * float(form.scale)
    wanted = (sums + operator.bias).reshape(-1, sums.shape[-1]).mean(axis=0) * units
    missing = shifts(program, {"y": wanted}, {"x": dequantize(q, form)})
    largest = np.abs(sums).max() + np.abs(operator.bias.astype(np.float64)).max() + 1
    assert np.all(np.abs(missing["y"] / units) < 1e-9 * largest)


@pytest.mark.parametrize("scheme", [Affine(), FixedPoint(), Affine(5, 5), Affine(16, 4)], ids=str)
def test_nothing_is_missing_to_the_mean_of_any_layer_afterwards(scheme):
    model, feeds, formats, sums, wanted = prepared(scheme)
    copy = corrected(model, scheme, feeds, formats, sums, wanted)
    program = lowered(copy, formats, scheme).program
    operators = {operator.output: operator for operator in program.operators}
    left = shifts(program, wanted, feeds)
    assert left.keys() == sums.keys() == wanted.keys()
    for name, values in left.items():
        source = program.tensors[operators[name].inputs[0]].format
        units = operators[name].scales * float(source.scale)
        # half a unit of the accumulator, once here and once on the way, and what float32 keeps of a bias
        assert np.all(np.abs(values) <= 1.01 * units + 1e-6 * np.abs(wanted[name]).max()), name


def test_a_mean_error_that_was_planted_is_found_where_it_was_planted():
    model, feeds, formats, _, wanted = prepared(Affine(16, 16))
    planted = model.clone()
    shift(planted, "c2", np.linspace(-1, 1, 8))
    found = shifts(lowered(planted, formats, Affine(16, 16)).program, wanted, feeds)
    np.testing.assert_allclose(found["r2"], -np.linspace(-1, 1, 8), atol=1e-3)
    for name in found.keys() - {"r2"}:
        np.testing.assert_allclose(found[name], 0, atol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_at_few_bits_the_mean_output_comes_back(seed):
    scheme = Affine(8, 4)
    model, feeds, formats, sums, wanted = prepared(scheme, seed)
    before, after = (
        oracle(lowered(each, formats, scheme).program, feeds).outputs["y"].mean(axis=0) - wanted["y"]
        for each in (model, corrected(model, scheme, feeds, formats, sums, wanted))
    )
    # what the output's range cuts off stays
    assert np.abs(after).max() < min(formats["y"].scale, np.abs(before).max() / 3)


def test_layers_that_nobody_asks_for_stay_as_they_are():
    model, feeds, formats, _, wanted = prepared(Affine())
    found = shifts(lowered(model, formats, Affine()).program, {"y": wanted["y"]}, feeds)
    assert found.keys() == {"y"}
    assert shifts(lowered(model, formats, Affine()).program, {}, feeds) == {}
