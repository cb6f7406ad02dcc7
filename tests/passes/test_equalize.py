"""Cross-layer equalization: both ranges of a channel agree, the answers stay."""

import numpy as np
import pytest
from common.running import run
from graph.equalizable import SAMPLES, network
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from attar.graph import load, set_initializer
from attar.graph.streams import streams
from attar.passes.equalize import MARGIN, equalized, ranges


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_answers_stay_and_both_ranges_agree(seed):
    rng = np.random.default_rng(seed)
    model = network(rng)
    feeds = {"x": rng.normal(size=(SAMPLES, 3, 9, 9)).astype(np.float32)}
    result, before = equalized(model), run(model, feeds)[0]
    after = run(result, feeds)[0]
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-4 * np.abs(before).max())
    for stream in streams(result):
        made, read = ranges(result, stream)
        np.testing.assert_allclose(made, read, rtol=1e-2)


def pair(*functions, limit=6.0):
    rng = np.random.default_rng(0)
    weights = {"w1": rng.normal(size=(3, 4)) * [[1], [30], [0.02]], "w2": rng.normal(size=(2, 3))}
    weights |= {"low": np.array(0.0), "high": np.array(limit)}
    nodes = [helper.make_node("Gemm", ["x", "w1"], ["h0"], transB=1)]
    for number, kind in enumerate(functions):
        read = [f"h{number}", "low", "high"] if kind == "Clip" else [f"h{number}"]
        nodes.append(helper.make_node(kind, read, [f"h{number + 1}"]))
    nodes.append(helper.make_node("Gemm", [f"h{len(functions)}", "w2"], ["y"], transB=1))
    names = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(np.asarray(v, np.float32), name) for name, v in weights.items() if name in names],
    )
    return load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), fold=False)


def weights_of(model):
    return {name: value.const_value.numpy() for name, value in model.graph.initializers.items()}


@pytest.mark.parametrize("functions", [("Sigmoid",), ("Relu", "Tanh"), ("Clip",)])
def test_where_nothing_can_be_equalized_nothing_changes(functions):
    model = pair(*functions)
    before, after = weights_of(model), weights_of(equalized(model))
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_channel_that_reaches_its_clip_stays():
    model, rng = pair("Clip"), np.random.default_rng(1)
    feeds = {"x": rng.normal(size=(50, 4)).astype(np.float32)}
    seen = np.maximum(feeds["x"] @ weights_of(model)["w1"].T, 0).max(axis=0)
    assert seen[1] > 6 > MARGIN * seen[2]
    result = equalized(model, largest={"h1": np.minimum(seen, 6)})
    before, after = weights_of(model)["w1"], weights_of(result)["w1"]
    assert np.array_equal(before[1], after[1]) and np.abs(after[2]).max() > 2 * np.abs(before[2]).max()
    np.testing.assert_allclose(run(result, feeds)[0], run(model, feeds)[0], rtol=1e-4, atol=1e-5)
    assert np.maximum(feeds["x"] @ after[2], 0).max() <= 6 / MARGIN * 1.001


def test_a_channel_of_zeros_stays():
    model = pair("Relu")
    values = weights_of(model)["w1"].copy()
    values[0] = 0
    set_initializer(model, "w1", values)
    result = weights_of(equalized(model))
    assert not result["w1"][0].any() and np.array_equal(result["w2"][:, 0], weights_of(model)["w2"][:, 0])
