"""What flows through a network and how large it is; who may share memory; shapes that nobody knows are named."""

import numpy as np
import onnxruntime
import pytest
from common.networks import NETWORKS, build, normal
from onnx import TensorProto, helper

from attar.errors import ModelError
from attar.graph import load
from attar.graph.expose import expose
from attar.graph.lifetimes import VIEWS, activations, nested
from attar.graph.load import serialize
from attar.plan.arena import plan_arena
from attar.plan.program import in_bytes

RESIDUAL = """net (float[batch, 4, 6, 6] x) => (float[batch, 144] y) {
    a = Relu (x)
    b = Conv <pads = [1, 1, 1, 1]> (a, w)
    low = Constant <value_float = -1.0> ()
    c = Clip (b, low)
    d = Add (a, c)
    e = Reshape (d, flat)
    y = Mul (e, e)
}"""
TWO_PARTS = """net (float[batch, 2, 4, 4] x) => (float[batch, 6, 4, 4] y) {
    a = Conv (x, w)
    b = Relu (x)
    y = Concat <axis = AXIS> (a, b)
}"""


def flow_of(text, weights, **shapes):
    return activations(load(build(text, weights)), shapes)


def residual():
    return flow_of(RESIDUAL, {"w": normal(4, 4, 3, 3), "flat": np.array([0, -1])})


def operator(flow, name):
    return next(each for each in flow.operators if each.name == name)


def test_shapes_are_those_of_one_sample():
    tensors = residual().tensors
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        **dict.fromkeys("xabcd", (1, 4, 6, 6)),
        "y": (1, 144),
    }
    assert all(tensor.is_float and tensor.width_bits == 32 for tensor in tensors.values())


def test_weights_and_constants_do_not_flow_and_views_are_what_they_show():
    flow = residual()
    assert flow.views == {"e": "d"}
    assert flow.inputs == ("x",) and flow.outputs == ("y",)
    assert [each.name for each in flow.operators] == ["a", "b", "c", "d", "y"]
    assert operator(flow, "b").reads == ("a",)
    assert operator(flow, "y").reads == ("d",)


def test_elementwise_operators_may_write_over_inputs_as_large_as_they_are():
    flow = residual()
    assert {each.name: each.over for each in flow.operators} == {
        **{"a": ("x",), "b": (), "c": ("b",), "d": ("a", "c"), "y": ("d",)}
    }
    text = "net (float[n, 3, 4] x, float[4] z) => (float[n, 3, 4] y) { y = Add (z, x) }"
    assert operator(flow_of(text, {}), "y").over == ("x",)


@pytest.mark.parametrize(("axis", "parts"), [(1, ("a", "b")), (-3, ("a", "b")), (2, ())])
def test_a_concat_holds_its_parts_where_nothing_is_interleaved(axis, parts):
    text = TWO_PARTS.replace("AXIS", str(axis))
    text = text if parts else text.replace("float[batch, 6, 4, 4] y", "float[batch, 2, 8, 4] y")
    assert operator(flow_of(text, {"w": normal(4 if parts else 2, 2, 1, 1)}), "y").parts == parts


def test_an_input_that_is_handed_through():
    flow = flow_of("net (float[n, 3] x) => (float[n, 3] y) { y = Identity (x) }", {})
    assert (flow.operators, flow.outputs, flow.views) == ((), ("x",), {"y": "x"})
    assert plan_arena(in_bytes(flow, 8)).arena_bytes == 3


def test_what_shapes_alone_decide_is_a_constant():
    text = """net (float[n, 3, 4] x) => (float[n, 12] y) {
        s = Shape (x) zero = Constant <value_int = 0> () n_ = Gather (s, zero) row = Unsqueeze (n_, axes)
        wanted = Concat <axis = 0> (row, rest) r = Relu (x) y = Reshape (r, wanted)
    }"""
    flow = flow_of(text, {"axes": np.array([0]), "rest": np.array([-1])})
    assert list(flow.tensors) == ["x", "r"] and flow.views == {"y": "r"}


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"detector"}))
def test_shapes_are_those_that_onnxruntime_computes(name):
    model = load(NETWORKS[name]())
    flow = activations(model)
    inner = [n for n in flow.tensors if n not in flow.inputs]
    session = onnxruntime.InferenceSession(serialize(expose(model, inner)), providers=["CPUExecutionProvider"])
    feeds = {i.name: _feed(i, flow.tensors[i.name].shape) for i in session.get_inputs()}
    for output, values in zip(session.get_outputs(), session.run(None, feeds), strict=True):
        known = flow.tensors[flow.views.get(output.name, output.name)]
        assert values.size == known.elements and 8 * values.itemsize == known.width_bits


def _feed(described, shape):
    dtype = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(bool)": bool}[described.type]
    return np.ones(shape, dtype)


def test_what_runs_inside_of_an_operator_is_told():
    assert set(nested(load(NETWORKS["branches"]()))) == {"If"}
    flow = activations(load(NETWORKS["branches"]()))
    assert operator(flow, "y").reads == ("flag", "h") or set(operator(flow, "y").reads) == {"flag", "h"}


def test_an_operator_whose_output_depends_on_numbers_is_named():
    with pytest.raises(ModelError, match=r"tensor 'picked' of NonMaxSuppression: its shape .* is not known"):
        activations(load(NETWORKS["detector"]()))


OPEN = "net (float[n, 3, height, width] x) => (float[n, 3, height, width] y) { y = Relu (x) }"


def test_open_axes_are_named_and_can_be_given():
    with pytest.raises(ModelError, match="input 'x': its shape nx3xheightxwidth is not known beyond the first axis"):
        flow_of(OPEN, {})
    assert flow_of(OPEN, {}, x=(1, 3, 5, 7)).tensors["y"].elements == 105


@pytest.mark.parametrize("shape", [(1, 4, 5, 5), (1, 3, 5), (1, 3, 0, 5)])
def test_a_given_shape_has_to_fit(shape):
    with pytest.raises(ModelError, match="input 'x' has shape nx3xheightxwidth"):
        flow_of(OPEN, {}, x=shape)


def test_a_given_shape_has_to_be_of_an_input():
    with pytest.raises(ModelError, match="no input 'z' in the network; it has x"):
        flow_of(OPEN, {}, z=(1,))


def test_an_unknown_operator_is_named():
    model = build("net (float[n, 3] x) => (float[n, 3] y) { y = Relu (x) }")
    model.graph.node.insert(0, helper.make_node("Strange", ["x"], ["odd"], domain="somewhere"))
    model.opset_import.append(helper.make_opsetid("somewhere", 1))
    model.graph.node[1].input[0] = "odd"
    with pytest.raises(ModelError, match=r"tensor 'odd' of Strange: its shape \? is not known"):
        activations(load(model))


def test_inner_shapes_of_a_file_for_a_larger_batch_are_forgotten():
    model = build("net (float[n, 3] x) => (float[n, 3] y) { h = Relu (x) y = Relu (h) }")
    model.graph.value_info.append(helper.make_tensor_value_info("h", TensorProto.FLOAT, [8, 3]))
    assert activations(load(model)).tensors["h"].shape == (1, 3)


@pytest.mark.parametrize(
    ("bits", "sizes"), [(8, (9, 9)), (4, (5, 5)), (1, (2, 2)), (32, (36, 36)), ({"y": 8}, (36, 9))]
)
def test_bytes_of_widths(bits, sizes):
    flow = flow_of("net (float[n, 9] x) => (float[n, 9] y) { y = Relu (x) }", {})
    program = in_bytes(flow, bits)
    assert (program.sizes["x"], program.sizes["y"]) == sizes
    assert all(size % 16 == 0 for size in in_bytes(flow, bits, alignment=16).sizes.values())


def test_a_wider_output_is_not_written_over_a_narrower_input_whatever_the_alignment():
    flow = flow_of("net (float[n, 3] x) => (float[n, 3] y) { y = Relu (x) }", {})
    assert in_bytes(flow, {"x": 8, "y": 4}, alignment=16).steps[0].over == ("x",)
    assert in_bytes(flow, {"x": 4, "y": 8}, alignment=16).steps[0].over == ()


def test_integers_keep_their_width():
    flow = flow_of("net (int64[n, 9] x) => (float[n, 9] y) { y = Cast <to = 1> (x) }", {})
    assert dict(in_bytes(flow, 4).sizes) == {"x": 72, "y": 5}


def test_parts_of_a_concat_have_to_end_at_whole_bytes_and_multiples():
    flow = flow_of(TWO_PARTS.replace("AXIS", "1"), {"w": normal(4, 2, 1, 1)})
    assert in_bytes(flow, 8).steps[-1].inside == (("a", 0), ("b", 64))
    assert in_bytes(flow, 8, alignment=64).steps[-1].inside == (("a", 0), ("b", 64))
    assert in_bytes(flow, 8, alignment=128).steps[-1].inside == ()
    assert in_bytes(flow, {"y": 8, "a": 8, "b": 4}).steps[-1].inside == ()
    odd = TWO_PARTS.replace("AXIS", "1").replace("4, 4]", "3, 1]").replace("[batch, 6", "[batch, 3")
    assert in_bytes(flow_of(odd, {"w": normal(1, 2, 1, 1)}), 4).steps[-1].inside == ()


def test_views_are_operators_that_move_nothing():
    assert {"Reshape", "Flatten", "Identity", "Squeeze"} <= VIEWS and "Transpose" not in VIEWS
