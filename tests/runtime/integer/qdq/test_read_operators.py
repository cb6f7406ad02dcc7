"""Operators of QDQ models and how pairs around them are read: functions, resizing, transposed convolutions."""

import numpy as np
import pytest
from common.networks import normal

from attar.errors import ModelError
from attar.runtime.integer import run_integers
from attar.runtime.integer.program import (
    Convolution,
    Dense,
    Interpolate,
    Product,
    Requantize,
    ScaleShift,
    Sum,
    Table,
    TransposedConvolution,
)
from attar.runtime.integer.qdq import from_qdq

from .quantized import assert_agrees
from .test_read import HELD, INT8, assert_as_onnxruntime, integers, kinds, network, pair, samples

MATRIX = {"mq": integers(4, 4), "m": np.float32(0.01)}
NUMBERS = {"three": np.float32(3), "zero": np.float32(0), "six": np.float32(6)}
HARD_SWISH = ("Add (a, three)", "Clip (b, zero, six)", "Mul (a, c)", "Div (d, six)")
WIDE = {"s": np.float32(0.0005), "z": np.int16(7)}


def test_a_function_without_pairs_inside_is_one_table():
    body = pair("x", "a") + "g = Sigmoid (a)  h = Mul (a, g)\n" + pair("h", "y")
    assert_as_onnxruntime(network(body, "4", "4"), Table, shape=(4,))


def test_a_pair_inside_of_a_function_keeps_its_pieces_apart():
    body = pair("x", "a") + "g = Sigmoid (a)\n" + pair("g", "h", "su", "zu") + "k = Mul (a, h)\n" + pair("k", "y")
    program = assert_as_onnxruntime(network(body, "4", "4"), Table, Product, shape=(4,))
    assert program.tensors["g"].format.scale == np.float32(0.025)


def test_a_pair_in_the_middle_of_a_function_leaves_one_on_either_side():
    body = pair("x", "a") + "n = Neg (a)  e = Exp (n)\n" + pair("e", "f", "su", "zu") + "t = Tanh (f)  g = Neg (t)\n"
    program = assert_as_onnxruntime(network(body + pair("g", "y", "sf", "zf"), "4", "4"), Table, Table, shape=(4,))
    assert list(program.tensors) == ["x", "e", "y"]


def test_a_format_that_changes_in_front_of_a_function_is_no_part_of_its_table():
    """The tensor has 16 bits, for which there is no table."""
    body = pair("x", "i") + "w = DequantizeLinear (mq, m)  c = MatMul (i, w)\n" + pair("c", "d")
    body += pair("c", "e", "su", "zu") + "f = Sigmoid (d)\n" + pair("f", "g") + "t = Add (e, g)\n" + pair("t", "y")
    model = network(body, "4", "4", **MATRIX)
    assert_as_onnxruntime(model, Dense, Requantize, Requantize, Table, Sum, shape=(4,), steps=2)


def hard_swish(*paired: str, **tensors: np.ndarray):
    """Return a hard swish that is spelled out, with pairs behind some of its tensors `b`, `c`, `d`."""
    body, last = pair("x", "a"), None
    for result, statement in zip("bcde", HARD_SWISH, strict=True):
        last = f"{result}_float" if result in paired else result
        body += f"{last} = {statement}\n" + (pair(last, result) if result in paired else "")
    return network(body + pair(last, "y"), "4", "4", **NUMBERS, **tensors)


def test_a_spelled_function_of_wide_integers_needs_pairs_inside():
    assert_as_onnxruntime(hard_swish(), Table, shape=(4,))
    paired = hard_swish("b", "c", "d", **WIDE)
    assert_as_onnxruntime(paired, ScaleShift, Product, ScaleShift, shape=(4,), steps=2)
    with pytest.raises(ModelError, match="operator Div 'y': a table of 16-bit integers; up to 12 bits are known"):
        from_qdq(hard_swish(**WIDE))


RESIZED = "r = Resize <mode = {mode}> (a, , k)\n"
TWICE = {"k": np.float32([1, 1, 2, 1.5])}


def resized(mode: str, *behind: str, source: str = "a") -> str:
    text = RESIZED.format(mode=f'"{mode}"').replace("(a,", f"({source},")
    return text + pair("r", "y", *behind)


def test_linear_resizing_into_another_format_has_16_bits_between():
    model = network(pair("x", "a") + resized("linear"), out="3, 12, 9", **TWICE)
    assert_as_onnxruntime(model, Interpolate)
    model = network(pair("x", "a") + resized("linear", "sf", "zf"), out="3, 12, 9", **TWICE)
    program = assert_as_onnxruntime(model, Requantize, Interpolate, Requantize)
    assert program.tensors[program.operators[1].output].format.bits == 16


def test_linear_resizing_of_floats_is_refused():
    layer = pair("x", "a") + HELD + "c = Conv (a, w)\n"
    with pytest.raises(ModelError, match="operator Conv 'c': it is left in float: its output passes no QuantizeLinear"):
        from_qdq(network(layer + resized("linear", source="c"), out="4, 8, 6", **TWICE))
    with pytest.raises(ModelError, match="operator Resize 'y': it is left in float: input 'x' passes no"):
        from_qdq(network(resized("linear", source="x"), out="3, 12, 9", **TWICE))
    text = "q = QuantizeLinear (x, s, z)  r = Resize <mode = {mode}> (q, , k)  y = DequantizeLinear (r, s, z)"
    with pytest.raises(ModelError, match="operator Resize 'r': it computes with the integers of 'q'"):
        from_qdq(network(text.format(mode='"linear"'), out="3, 12, 9", **TWICE))
    assert len(from_qdq(network(text.format(mode='"nearest"'), out="3, 12, 9", **TWICE)).operators) == 1


def transposed(groups: int, scale: str, *, bias: str = "", axis: int = 1) -> str:
    """Return a ConvTranspose between pairs."""
    held = f"w = DequantizeLinear <axis = {axis}> (tq, {scale})\n" + (f"k = {bias}\n" if bias else "")
    operands = "a, w, k" if bias else "a, w"
    return pair("x", "a") + held + f"c = ConvTranspose <group = {groups}, strides = [2]> ({operands})\n"


TAPS = {"tq": integers(4, 3, 2), "ts": np.float32([0.01, 0.02, 0.004])}


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_with_scales_by_channel(groups):
    """The same for every group: a file's axis has the channels of one."""
    outputs = 3 * groups
    units = np.resize(TAPS["ts"], outputs).astype(np.float64) * INT8["s"]
    biases = np.arange(outputs, dtype=np.int32) * 2**24 + 1
    tensors = {**TAPS, "kq": biases, "ks": units.astype(np.float32)}
    body = transposed(groups, "ts", bias="DequantizeLinear <axis = 0> (kq, ks)") + pair("c", "y")
    program = from_qdq(network(body, "4, 5", f"{outputs}, 10", **tensors))
    (operator,) = program.operators
    np.testing.assert_array_equal(operator.bias, biases)
    np.testing.assert_array_equal(operator.scales, np.resize(TAPS["ts"], outputs))
    small = {**tensors, "kq": integers(outputs).astype(np.int32)}
    assert_as_onnxruntime(network(body, "4, 5", f"{outputs}, 10", **small), TransposedConvolution, shape=(4, 5))


def test_scales_by_the_inputs_of_a_transposed_convolution_are_those_of_its_outputs_where_it_is_depthwise():
    body = transposed(4, "ts", axis=0) + pair("c", "y")
    tensors = {"tq": integers(4, 1, 2), "ts": np.float32([0.01, 0.02, 0.004, 0.03])}
    program = assert_as_onnxruntime(network(body, "4, 5", "4, 10", **tensors), TransposedConvolution, shape=(4, 5))
    np.testing.assert_array_equal(program.operators[0].scales, tensors["ts"])
    with pytest.raises(
        ModelError, match="operator ConvTranspose 'y': the scales of its weights 'w' differ along other"
    ):
        from_qdq(network(transposed(2, "ts", axis=0) + pair("c", "y"), "4, 5", "2, 10", **tensors))


def test_the_last_sums_of_a_transposed_convolution_in_groups_get_16_bits():
    body = transposed(2, "ts", bias="Identity (kf)").replace("c = Conv", "y = Conv")
    model = network(body, "4, 5", "6, 10", **TAPS, kf=normal(6))
    program = from_qdq(model)
    assert kinds(program) == [TransposedConvolution] and program.tensors["y"].format.bits == 16
    assert_agrees(program, model, samples(4, 5))
    for sign in (1, -1):
        most = (sign * np.sign(TAPS["tq"][:, 0, :1])).astype(np.int8)[None] * np.ones((1, 4, 5), np.int8) * 127
        found = run_integers(program, {"x": most}).outputs["y"]
        assert program.tensors["y"].format.low < found.min() and found.max() < program.tensors["y"].format.high


def test_a_convolution_reads_its_bias_by_the_name_it_has():
    body = pair("x", "a") + HELD + "k = DequantizeLinear (kq, ks)  c = Conv (a, w, k)\n" + pair("c", "y")
    (operator,) = from_qdq(network(body, kq=integers(4).astype(np.int32), ks=np.float32(0.001))).operators
    assert isinstance(operator, Convolution) and (operator.source, operator.bias_source) == ("w", "k")
