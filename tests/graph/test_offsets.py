"""Adding a constant to the channels of a tensor, in the bias of what makes it."""

import numpy as np
import pytest
from common.networks import NETWORKS
from common.running import random_feeds, run
from onnx import TensorProto, helper, numpy_helper

from attar.graph import load
from attar.graph.expose import expose
from attar.graph.offsets import may_shift, shift


def network(*nodes, opset=17, **constants):
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.asarray(values, np.float32), name) for name, values in constants.items()],
    )
    return load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]), fold=False)


W, B, ADDED = np.arange(12.0).reshape(4, 3) / 7, np.array([1.0, -1.0, 0.5]), np.array([0.5, -2.0, 3.0])
GEMM, MATMUL = (helper.make_node(kind, ["x", "w"], ["y"]) for kind in ("Gemm", "MatMul"))
INNER = helper.make_node("MatMul", ["x", "w"], ["h"])
CASES = {
    "a bias": network(helper.make_node("Gemm", ["x", "w", "b"], ["y"]), w=W, b=B),
    "a bias with a factor": network(helper.make_node("Gemm", ["x", "w", "b"], ["y"], beta=0.25), w=W, b=B),
    "a bias of one row": network(helper.make_node("Gemm", ["x", "w", "b"], ["y"]), w=W, b=B[None]),
    "no bias yet": network(GEMM, w=W),
    "a sum in front": network(INNER, helper.make_node("Add", ["b", "h"], ["y"]), w=W, b=B),
    "a sum behind": network(INNER, helper.make_node("Add", ["h", "b"], ["y"]), w=W, b=B),
    "handed on": network(
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]), helper.make_node("Identity", ["h"], ["y"]), w=W, b=B
    ),
}
REFUSED = {
    "no constant of its own": network(MATMUL, w=W),
    "one number for all": network(helper.make_node("Gemm", ["x", "w", "b"], ["y"]), w=W, b=1.0),
    "a bias that is not read": network(helper.make_node("Gemm", ["x", "w", "b"], ["y"], beta=0.0), w=W, b=B),
    "another reader": network(
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]), helper.make_node("Add", ["h", "b"], ["y"]), w=W, b=B
    ),
    "a function": network(INNER, helper.make_node("Relu", ["h"], ["y"]), w=W),
}


@pytest.mark.parametrize("case", CASES)
def test_a_constant_is_added_to_every_channel(case):
    model, feeds = CASES[case], {"x": np.ones((2, 4), np.float32)}
    copy = model.clone()
    assert may_shift(copy, "y", 3)
    shift(copy, "y", ADDED)
    np.testing.assert_allclose(run(copy, feeds)[0] - run(model, feeds)[0], np.tile(ADDED, (2, 1)), atol=1e-6)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_take_it_says_so(case):
    assert not may_shift(REFUSED[case], "y", 3)
    assert not may_shift(REFUSED[case], "no such tensor", 3)


def test_layers_that_share_weights_get_a_bias_each():
    nodes = [helper.make_node("Gemm", ["x", "w"], ["h"]), helper.make_node("Gemm", ["h", "w"], ["w:bias"])]
    model = network(*nodes, helper.make_node("Gemm", ["w:bias", "v"], ["y"]), w=np.eye(4), v=W)
    for name, tensor in enumerate(("h", "w:bias"), start=1):
        assert may_shift(model, tensor, 4)
        shift(model, tensor, np.full(4, name, float))
    np.testing.assert_allclose(run(model, {"x": np.ones((1, 4), np.float32)})[0], np.full((1, 4), 4.0) @ W, rtol=1e-6)


def test_the_number_of_channels_has_to_fit():
    assert not may_shift(CASES["a bias"], "y", 4)


@pytest.mark.parametrize("name", NETWORKS)
def test_of_any_network_a_layers_own_output_moves(name):
    model = load(NETWORKS[name]())
    feeds = random_feeds(model)
    layers = [node for node in model.graph if node.op_type in ("Conv", "Gemm", "BatchNormalization")]
    for node in layers[:4]:
        output = node.outputs[0].name
        axis = 1
        before = run(expose(model, [output]), feeds)[0]
        values = np.linspace(1, 2, before.shape[axis])
        if not may_shift(model, output, len(values)):
            continue
        copy = model.clone()
        shift(copy, output, values)
        moved = np.moveaxis(run(expose(copy, [output]), feeds)[0] - before, axis, -1)
        np.testing.assert_allclose(moved, np.broadcast_to(values, moved.shape), rtol=1e-3, atol=1e-3)
