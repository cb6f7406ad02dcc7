"""Constant operators in front of weights are folded, bit for bit, where no more numbers come out than went in."""

import time

import numpy as np
import onnx_ir as ir
import pytest
from common.networks import build, normal
from common.running import random_feeds, run

from attar.errors import ModelError
from attar.graph import load, survey

# How torch's exporter turns the gates i, f, g, o into ONNX's i, o, f, g, and r, z, n into z, r, n.
LSTM_ORDER = """
    {0}i = Slice ({0}, zero, one, zero)  {0}f = Slice ({0}, one, two, zero)
    {0}g = Slice ({0}, two, three, zero)  {0}o = Slice ({0}, three, four, zero)
    {0}all = Concat <axis = 0> ({0}i, {0}o, {0}f, {0}g)  {0}w = Unsqueeze ({0}all, zero)"""
GRU_ORDER = """
    {0}r, {0}z, {0}n = Split <axis = 0> ({0}, sizes)
    {0}all = Concat <axis = 0> ({0}z, {0}r, {0}n)  {0}w = Unsqueeze ({0}all, zero)"""
HIDDEN = 6
BOUNDS = {name: np.array([n * HIDDEN]) for n, name in enumerate(("zero", "one", "two", "three", "four"))}


def lstm(names=("w", "r", "b")):
    """An LSTM whose weights and bias are cut into gates and put together again."""
    order = "".join(LSTM_ORDER.format(name) for name in names)
    text = f"""l (float[5, n, 4] x) => (float[5, 1, n, {HIDDEN}] y) {{ {order}
        y = LSTM <hidden_size = {HIDDEN}> (x, ww, rw, {"bw" if "b" in names else ""}) }}"""
    rows = 4 * HIDDEN
    arrays = {"w": normal(rows, 4), "r": normal(rows, HIDDEN), "b": normal(rows, 1)}
    if "b" in names:
        text = text.replace(
            "bw = Unsqueeze (ball, zero)",
            "bb = Concat <axis = 0> (ball, ball)\nbt = Transpose (bb)  bw = Identity (bt)",
        )
    return build(text, {name: arrays[name] for name in names} | BOUNDS)


def gru():
    """Two directions of a GRU, each cut and put together, then joined."""
    names = ("w", "r", "wb", "rb")
    order = "".join(GRU_ORDER.format(name) for name in names)
    text = f"""g (float[5, n, 4] x) => (float[5, 2, n, {HIDDEN}] y) {{ {order}
        W = Concat <axis = 0> (ww, wbw)  R = Concat <axis = 0> (rw, rbw)
        y = GRU <hidden_size = {HIDDEN}, direction = "bidirectional", linear_before_reset = 1> (x, W, R) }}"""
    arrays = {name: normal(3 * HIDDEN, 4 if name[0] == "w" else HIDDEN, seed=n) for n, name in enumerate(names)}
    return build(text, arrays | {"sizes": np.array([HIDDEN] * 3), "zero": np.array([0])})


def qkv():
    """Three projections in one tensor."""
    text = """q (float[n, 5] x) => (float[n, 4] y, float[n, 4] z, float[n, 6] v) {
        a, b, c = Split <axis = 0> (w, sizes)
        at = Transpose (a)  y = MatMul (x, at)  z = Gemm <transB = 1> (x, b)
        ct = Transpose (c)  v = MatMul (x, ct) }"""
    return build(text, {"w": normal(14, 5), "sizes": np.array([4, 4, 6])})


def single(text, opset=21, **arrays):
    return build(f"s (float[n, 6] x) => (float[n, m] y) {{ {text} }}", arrays, opset=opset)


FOLDED = {
    "gates of an LSTM": (lstm(("w", "r")), {"w": (1, 24, 4), "r": (1, 24, 6)}),
    "gates of a GRU in two directions": (gru(), {"w": (2, 18, 4), "r": (2, 18, 6)}),
    "projections in one tensor": (qkv(), {"w": (4, 5), "w_1": (5, 4), "w_2": (5, 6)}),
    "a norm of weights": (
        single(
            "l = ReduceL2 (v, axes) d = Div (v, l) w = Mul (g, d) y = Gemm <transB = 1> (x, w)",
            **{"v": normal(7, 6), "g": normal(7, 1), "axes": np.array([1])},
        ),
        {"v": (7, 6)},
    ),
    "a codebook": (
        single(
            "f = Gather (book, places) w = Reshape (f, shape) y = MatMul (x, w)",
            **{"book": normal(8), "places": np.arange(30) % 8, "shape": np.array([6, 5])},
        ),
        {"places": (6, 5)},
    ),
    "a mask": (
        single(
            "w = Where (kept, v, none) y = MatMul (x, w)",
            **{"kept": normal(6, 5) > 0, "v": normal(6, 5), "none": np.float32(0)},
        ),
        {"kept": (6, 5)},
    ),
    "a correction of low rank": (
        single(
            "p = MatMul (a, b) w = Add (v, p) y = MatMul (x, w)",
            **{"v": normal(6, 9), "a": normal(6, 2), "b": normal(2, 9)},
        ),
        {"v": (6, 9)},
    ),
    "equal operators of one tensor": (
        single(
            "s = Transpose (v) t = Transpose (v) a = MatMul (x, s) b = MatMul (x, t) y = Mul (a, b)", v=normal(5, 6)
        ),
        {"v": (6, 5)},
    ),
    "pieces of which one is put aside": (
        single("a, b = Split <axis = 1> (v, sizes) y = MatMul (x, a)", v=normal(6, 9), sizes=np.array([4, 5])),
        {"v": (6, 4)},
    ),
}
LEFT = {
    "more than there was": single("w = Concat <axis = 1> (v, v, v) y = MatMul (x, w)", v=normal(6, 4)),
    "expanded": single("w = Expand (v, shape) y = MatMul (x, w)", v=normal(6, 1), shape=np.array([6, 9])),
    "tiled": single("w = Tile (v, times) y = MatMul (x, w)", v=normal(6, 2), times=np.array([1, 3])),
    "one number": single("w = ConstantOfShape (shape) y = MatMul (x, w)", shape=np.array([6, 3])),
    "an outer sum": single("w = Add (u, v) y = MatMul (x, w)", u=normal(6, 1), v=normal(1, 7)),
    "a product of factors": single("w = MatMul (a, b) y = MatMul (x, w)", a=normal(6, 2), b=normal(2, 9)),
    "read elsewhere too": single("w = Transpose (v) a = MatMul (x, w) y = Add (a, v)", v=normal(1, 6)),
    "one column, many times": single(
        "w = Gather <axis = 1> (v, places) y = MatMul (x, w)", v=normal(6, 1), places=np.zeros(7, int)
    ),
}


@pytest.mark.parametrize("name", FOLDED)
def test_what_makes_nothing_larger_is_folded(name):
    proto, layers = FOLDED[name]
    model, before = load(proto), load(proto, fold=False)
    assert {layer.name: layer.shape for layer in survey(model).layers} == layers
    assert all(layer.direct for layer in survey(model).layers)
    assert numbers(model) <= numbers(before)
    feeds = random_feeds(model)
    for ours, theirs in zip(run(model, feeds), run(before, feeds), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", LEFT)
def test_what_would_be_larger_stays(name):
    model, before = load(LEFT[name]), load(LEFT[name], fold=False)
    assert [node.op_type for node in model.graph] == [node.op_type for node in before.graph]
    assert numbers(model) == numbers(before)


def numbers(model):
    return sum(value.const_value.size for value in model.graph.initializers.values())


def test_the_bias_of_a_recurrent_layer_is_folded_with_it():
    model = load(lstm())
    assert {node.op_type for node in model.graph} <= {"LSTM", "Concat", "Transpose", "Identity"}
    feeds = random_feeds(model)
    np.testing.assert_array_equal(run(model, feeds)[0], run(load(lstm(), fold=False), feeds)[0])


def test_a_table_that_is_quantized_and_tied_is_stored_once():
    text = """t (int64[n] i) => (float[n, 9] y) {
        v = DequantizeLinear (q, s)  e = Gather (v, i)  t = Transpose (v)  y = MatMul (e, t) }"""
    model = load(build(text, {"q": np.arange(36, dtype=np.int8).reshape(9, 4), "s": np.float32(0.1)}))
    assert [node.op_type for node in model.graph] == ["Gather", "Transpose", "MatMul"]
    assert [layer.name for layer in survey(model).layers] == ["q"] and numbers(model) == 36


def test_weights_that_a_caller_may_override_stay_as_they_are():
    proto = single("w = Transpose (v) y = MatMul (x, w)", v=normal(5, 6))
    proto.graph.input.append(
        ir.to_proto(ir.Value(name="v", shape=ir.Shape([5, 6]), type=ir.TensorType(ir.DataType.FLOAT)))
    )
    assert [node.op_type for node in load(proto).graph] == ["Transpose", "MatMul"]


def test_a_new_name_is_nobody_elses():
    text = """q (float[n, 5] x) => (float[n, 4] y, float[n, 4] z) {
        a, b = Split <axis = 1, num_outputs = 2> (w)  w_1 = MatMul (x, a)  h = MatMul (x, b)
        y = Relu (w_1)  z = Relu (h) }"""
    model = load(build(text, {"w": normal(5, 8)}))
    assert [layer.name for layer in survey(model).layers] == ["w", "w_2"]


def test_constants_that_double_and_double_are_refused_before_memory_is_taken():
    doubles = " ".join(f"v{n + 1} = Concat <axis = 1> (v{n}, v{n})" for n in range(44))
    proto = single(
        f"{doubles} s = Slice (v44, zero, one, one) y = MatMul (x, s)",
        v0=normal(6, 4),
        zero=np.array([0]),
        one=np.array([1]),
    )
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"\(Concat\): its output takes [\d,]+ bytes; the limit is [\d,]+"):
        load(proto)
    assert time.monotonic() - start < 2
