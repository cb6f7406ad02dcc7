"""Networks whose shapes cannot be, or whose constants fill memory, are refused before onnxruntime sees them."""

import os
import signal

import numpy as np
import onnx
import pytest
from common.networks import build
from onnx import numpy_helper

from attar.errors import ModelError
from attar.files.limits import Limits, memory_limit
from attar.graph import load
from attar.graph.child import signal_of

CUT = "y = Slice (q, start, end, axis)"
WHERE = {"start": np.array([2]), "end": np.array([5]), "axis": np.array([1])}


def network(text, shape="n, 6", **constants):
    body = f"net (float[{shape}] x) => (float[{', '.join('abcd'[: len(shape.split(','))])}] y) {{ {text} }}"
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 18]>{body}')
    arrays = {**(WHERE if "Slice" in text else {}), **constants}
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(v), name) for name, v in arrays.items())
    return model


IMPOSSIBLE = {
    "padded away": network(f"q = Pad (x, by) {CUT}", by=np.array([0, -9, 0, -2])),
    "padded away, uncut": network("y = Pad (x, by)", by=np.array([0, -9, 0, -2])),
    "a window larger than the image": network(
        f"q = Conv (x, w) {CUT.replace('axis', 'last')}", "n, 1, 5, 5", w=np.ones((1, 1, 9, 9), np.float32), last=[3]
    ),
    "a negative scale": network(f'q = Resize <mode = "nearest"> (x, , by) {CUT}', by=np.array([1, -3], np.float32)),
    "a pool larger than the image": network(
        f"q = AveragePool <kernel_shape = [1, 11]> (x) {CUT.replace('axis', 'last')}", "n, 1, 5, 5", last=[3]
    ),
}
HUGE = {
    "Range": network("r = Range (zero, end, step) s = ReduceSum <keepdims=0> (r) t = Cast <to=1> (s) y = Add (x, t)",
                     zero=np.int64(0), end=np.int64(5 * 10**8), step=np.int64(2)),
    "ConstantOfShape": network("r = ConstantOfShape (by) s = ReduceMax <keepdims = 0> (r) y = Add (x, s)",
                               by=[40_000, 9_000]),
    "Expand": network("r = Expand (one, by) s = ReduceMax <keepdims = 0> (r) y = Add (x, s)",
                      one=np.ones(1, np.float32), by=np.array([2**29])),
    "Tile": network("r = Tile (one, by) s = ReduceMax <keepdims = 0> (r) y = Add (x, s)",
                    one=np.ones((3, 5), np.float32), by=np.array([5000, 5000])),
    "sums of columns and rows": network(
        "r = Add (column, row) s = MatMul (x, part) t = ReduceMax <keepdims = 0> (r) y = Add (s, t)",
        column=np.ones((30_000, 1), np.float32), row=np.ones((1, 9_000), np.float32), part=np.ones((6, 6), np.float32)),
}  # fmt: skip


@pytest.mark.parametrize("model", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_extents_below_zero(model):
    with pytest.raises(ModelError, match=r"would have shape \[|an extent becomes negative|not a valid ONNX model"):
        load(model)


@pytest.mark.parametrize("model", HUGE.values(), ids=HUGE)
def test_constants_beyond_the_budget(model):
    with pytest.raises(ModelError, match=r"constants are computed that take [\d,]+ bytes; the limit is [\d,]+"):
        load(model)


def test_the_budget_can_be_raised():
    with memory_limit(3 << 30):
        assert load(HUGE["Expand"]).graph.outputs[0].name == "y"


def test_what_flows_is_held_against_the_limit_too():
    model = network("y = Tile (x, by)", "8, 6", by=np.array([40_000, 30_000]))
    with pytest.raises(ModelError, match=r"operator 'y' \(Tile\): its output takes 230,400,000,000 bytes"):
        load(model)


@pytest.mark.parametrize("operator", ["Div", "Mod"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_the_quotient_that_is_no_integer(operator, dtype):
    model = network(
        f"r = {operator} (least, by) s = Cast <to = 1> (r) y = Add (x, s)",
        least=np.array([7, np.iinfo(dtype).min], dtype),
        by=np.array([2, -1], dtype),
    )
    with pytest.raises(ModelError, match="by -1, beyond INT"):
        load(model)


def test_ordinary_cuts_and_pads_stay():
    model = network(f"q = Pad (x, by) {CUT}", by=np.array([0, -1, 0, -1]))
    assert [node.op_type for node in load(model).graph] == ["Pad", "Slice"]


def test_a_child_tells_what_ended_it():
    assert signal_of(lambda: os.kill(os.getpid(), signal.SIGFPE)) == "SIGFPE"
    assert signal_of(lambda: None) is None
    assert signal_of(lambda: 1 / 0) is None


def test_functions_are_counted_and_not_expanded():
    from container.models import laughing

    with pytest.raises(ModelError, match="has 8,388,608 operators, functions expanded; the limit is 100,000"):
        load(laughing(24))
    assert len(list(load(laughing(5)).graph)) == 16
    with pytest.raises(ModelError, match="calls itself"):
        load(laughing(4, circle=True))


def test_empty_parts_are_counted_before_they_are_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr("attar.graph.valid.limits", lambda: Limits(nodes=5000))
    empty = b"\n\0" * 1_100_000  # nodes without anything
    length = len(empty)
    varint = bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14 & 0x7F | 0x80, length >> 21])
    (tmp_path / "m.onnx").write_bytes(b"\x08\x0a" + b"\x3a" + varint + empty)
    with pytest.raises(ModelError, match="more parts than 5,000 operators can have"):
        load(tmp_path / "m.onnx")


def test_a_sparse_tensor_within_the_budget_is_read():
    values = numpy_helper.from_array(np.ones(1, np.float32), "w")
    model = build(
        "net (float[n, 4] x) => (float[n, 3] y) { y = MatMul (x, dense) }", {"dense": np.ones((4, 3), np.float32)}
    )
    del model.graph.initializer[:]
    values.name = "dense"
    sparse = onnx.helper.make_sparse_tensor(values, numpy_helper.from_array(np.array([5]), "places"), [4, 3])
    model.graph.sparse_initializer.append(sparse)
    assert load(model).graph.initializers["dense"].const_value.numpy().sum() == 1
    model.graph.sparse_initializer[0].dims[:] = [3 * 2**28, 3]
    with pytest.raises(ModelError, match="tensors of the network take 9,663,676,416 bytes; the limit is 268,"):
        load(model)
