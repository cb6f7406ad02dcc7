"""Every operator in integers is within a step of onnxruntime in floats, in both schemes and at several widths."""

import numpy as np
import pytest
from common.networks import build, normal

from attar.runtime.integer.program import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    MaxPool,
    Product,
    Requantize,
    Reshape,
    ScaleShift,
    Sum,
)

from .beside_float import SCHEMES, assert_within, on_grid, one

IDS = [f"{type(scheme).__name__}{scheme.activation_bits}" for scheme in SCHEMES]
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=IDS)

CONVOLUTIONS = {
    "plain": ("", "3, 7, 8", "4, 5, 6", (4, 3, 3, 3)),
    "strides": ("<strides = [2, 3]>", "3, 7, 8", "4, 3, 2", (4, 3, 3, 3)),
    "asymmetric pads": ("<pads = [0, 1, 2, 3]>", "3, 5, 6", "4, 5, 8", (4, 3, 3, 3)),
    "pads that leave a rest": ("<strides = [2, 2], pads = [1, 0, 0, 0]>", "2, 6, 6", "3, 3, 2", (3, 2, 3, 3)),
    "dilations": ("<dilations = [2, 3], pads = [2, 3, 2, 3]>", "2, 7, 9", "3, 7, 9", (3, 2, 3, 3)),
    "groups": ("<group = 2, pads = [1, 1, 1, 1]>", "4, 5, 5", "6, 5, 5", (6, 2, 3, 3)),
    "depthwise": ("<group = 5, pads = [1, 1, 1, 1], strides = [2, 2]>", "5, 7, 7", "5, 4, 4", (5, 1, 3, 3)),
    "same, longer behind": ('<auto_pad = "SAME_UPPER", strides = [2, 2]>', "2, 5, 6", "3, 3, 3", (3, 2, 2, 2)),
    "same, longer before": ('<auto_pad = "SAME_LOWER">', "2, 5, 6", "3, 5, 6", (3, 2, 2, 2)),
    "valid": ('<auto_pad = "VALID">', "2, 5, 6", "3, 4, 5", (3, 2, 2, 2)),
    "one axis": ("<pads = [2, 1], strides = [2], dilations = [2]>", "3, 11", "4, 5", (4, 3, 3)),
}


@every_scheme
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions(case, scheme):
    attributes, shape, out, kernel = CONVOLUTIONS[case]
    proto = one(f"y = Conv {attributes} (x, w, b)", shape, out, {"w": on_grid(*kernel), "b": normal(kernel[0])})
    program = assert_within(proto, scheme, "w")
    assert [type(operator) for operator in program.operators] == [Convolution]


@every_scheme
@pytest.mark.parametrize(
    "attributes, shape",
    [("", (6, 4)), ("<transB = 1>", (4, 6)), ("<transB = 1, alpha = 0.7, beta = 1.5>", (4, 6))],
)
def test_gemm(attributes, shape, scheme):
    proto = one(f"y = Gemm {attributes} (x, w, b)", "6", "4", {"w": on_grid(*shape), "b": normal(4)})
    assert isinstance(assert_within(proto, scheme, "w").operators[0], Dense)


@every_scheme
def test_matmul_takes_the_bias_behind_it_and_runs_along_the_last_axis(scheme):
    proto = one("m = MatMul (x, w)  y = Add (b, m)", "3, 6", "3, 4", {"w": on_grid(6, 4), "b": normal(4)})
    program = assert_within(proto, scheme, "w")
    assert [type(operator) for operator in program.operators] == [Dense]
    assert program.operators[0].bias.any()


@every_scheme
@pytest.mark.parametrize("clamp", ["Relu (h)", "Clip (h, zero, six)", "Clip (h, , six)"])
def test_relu_and_clip_go_into_what_precedes(clamp, scheme):
    tensors = {"w": on_grid(4, 6) * 8, "b": normal(4), "zero": np.float32(0), "six": np.float32(0.6)}
    used = {name: values for name, values in tensors.items() if name in f"wb {clamp}"}
    program = assert_within(one(f"h = Gemm <transB = 1> (x, w, b)  y = {clamp}", "6", "4", used), scheme, "w")
    (operator,) = program.operators
    form = program.tensors["y"].format
    assert operator.low == (form.low if clamp == "Clip (h, , six)" else form.zero)
    assert (
        "six" not in clamp
        or abs((operator.high - form.zero) * form.scale - 0.6) <= form.scale / 2
        or (operator.high == form.high)
    )


POOLS = {
    "plain": ("<kernel_shape = [2, 3]>", "3, 6, 7", "3, 5, 5"),
    "strides and pads": ("<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 0, 1, 1]>", "2, 7, 6", "2, 4, 3"),
    "rounded up": ("<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1>", "2, 6, 8", "2, 3, 4"),
    "same": ('<kernel_shape = [2, 2], auto_pad = "SAME_UPPER", strides = [2, 2]>', "2, 5, 5", "2, 3, 3"),
    "one axis": ("<kernel_shape = [3], strides = [2], pads = [1, 1]>", "2, 9", "2, 5"),
}


@every_scheme
@pytest.mark.parametrize("case", POOLS)
def test_max_pools_are_exact(case, scheme):
    attributes, shape, out = POOLS[case]
    program = assert_within(one(f"y = MaxPool {attributes} (x)", shape, out), scheme, steps=0)
    assert isinstance(program.operators[0], MaxPool)
    assert program.tensors["y"].format == program.tensors["x"].format


def test_a_max_pool_with_gaps():
    assert_within(one("y = MaxPool <kernel_shape = [2], dilations = [3]> (x)", "2, 9", "2, 6"), SCHEMES[0], steps=0)


@every_scheme
@pytest.mark.parametrize("border", [0, 1])
@pytest.mark.parametrize("case", POOLS)
def test_average_pools_count_the_border_or_not(case, border, scheme):
    attributes, shape, out = POOLS[case]
    attributes = attributes.replace("<", f"<count_include_pad = {border}, ")
    program = assert_within(one(f"y = AveragePool {attributes} (x)", shape, out), scheme)
    assert isinstance(program.operators[0], AveragePool)


@every_scheme
def test_means_over_space(scheme):
    assert_within(one("y = GlobalAveragePool (x)", "3, 5, 7", "3, 1, 1"), scheme)
    kept = one("y = ReduceMean (x, axes)", "3, 5, 7", "3, 1, 1", {"axes": np.array([-1, 2])})
    assert_within(kept, scheme)
    gone = one("y = ReduceMean <axes = [2, 3], keepdims = 0> (x)", "3, 5, 7", "3", opset=13)
    assert [type(operator) for operator in assert_within(gone, scheme).operators] == [AveragePool, Reshape]


@every_scheme
@pytest.mark.parametrize("arithmetic", ["Add (x, z)", "Sub (x, z)", "Sub (z, x)", "Add (x, x)"])
def test_sums_of_tensors_of_different_scales(arithmetic, scheme):
    proto = build(
        f"""net (float[n, 3, 4] x, float[n, 3, 1] z) => (float[n, 3, 4] y, float[n, 3, 1] v) {{
            y = {arithmetic}  v = Identity (z)
        }}"""
    )
    program = assert_within(proto, scheme)
    assert isinstance(program.operators[0], Sum)


@every_scheme
def test_a_residual_with_a_relu(scheme):
    proto = one(
        "h = Conv (x, w)  s = Add (h, x)  y = Relu (s)", "3, 4, 4", "3, 4, 4", {"w": on_grid(3, 3, 1, 1, largest=60)}
    )
    program = assert_within(proto, scheme, "w", steps=2)  # of h's step and the sum's
    assert [type(operator) for operator in program.operators] == [Convolution, Sum]


@every_scheme
def test_products_of_tensors(scheme):
    proto = build(
        "net (float[n, 3, 4, 2] x, float[n, 3, 1, 1] z) => (float[n, 3, 4, 2] y) { y = Mul (x, z) }",
    )
    assert isinstance(assert_within(proto, scheme).operators[0], Product)


@pytest.mark.parametrize("scheme", SCHEMES[:2], ids=IDS[:2])
@pytest.mark.parametrize(
    "arithmetic", ["Add (x, c)", "Add (c, x)", "Sub (x, c)", "Sub (c, x)", "Mul (x, c)", "Div (x, c)"]
)
@pytest.mark.parametrize("shape", [(), (1,), (3, 1, 1), (1, 3, 1, 1), (4,)])
def test_arithmetic_with_constants(arithmetic, shape, scheme):
    constant = np.asarray(normal(*shape, seed=3) + np.sign(normal(*shape, seed=3)), np.float32)
    program = assert_within(one(f"y = {arithmetic}", "3, 2, 4", "3, 2, 4", {"c": constant}), scheme)
    assert isinstance(program.operators[0], ScaleShift)


@every_scheme
def test_concat_brings_all_inputs_to_one_format(scheme):
    proto = build(
        """net (float[n, 2, 3] x, float[n, 4, 3] z) => (float[n, 10, 3] y) {
            big = Mul (z, eight)  y = Concat <axis = -2> (x, big, z)
        }""",
        {"eight": np.float32(8)},
    )
    program = assert_within(proto, scheme)
    assert isinstance(program.operators[-1], Concat) and len(program.operators[-1].rescale.shifts) == 3


@every_scheme
def test_what_moves_integers_is_exact(scheme):
    proto = one(
        """t = Transpose <perm = [0, 3, 1, 2]> (x)  u = Unsqueeze (t, first)  v = Squeeze (u, first)
        p = Pad (v, pads)  f = Flatten (p)  d = Dropout (f)  r = Reshape (d, to)  y = Identity (r)""",
        "3, 2, 4",
        "6, 8",
        {"first": np.array([1]), "pads": np.array([0, 0, 1, 0, 0, 0, 0, 1]), "to": np.array([-1, 6, 8])},
    )
    program = assert_within(proto, scheme, steps=0)
    assert program.outputs == ("y",) and not {"r", "d"} & set(program.tensors)


def test_a_pad_with_axes_and_a_value():
    tensors = {"pads": np.array([1, 2]), "value": np.float32(0.5), "axes": np.array([-1])}
    proto = one('y = Pad <mode = "constant"> (x, pads, value, axes)', "2, 3", "2, 6", tensors)
    assert_within(proto, SCHEMES[1], steps=0)


@every_scheme
@pytest.mark.parametrize("clamp", ["Relu (x)", "Clip (x, low, high)"])
def test_a_clamp_that_stands_alone_changes_the_format(clamp, scheme):
    tensors = {"low": np.float32(-0.3), "high": np.float32(0.8)} if "low" in clamp else {}
    program = assert_within(one(f"y = {clamp}", "3, 4", "3, 4", tensors), scheme)
    assert isinstance(program.operators[0], Requantize)


@every_scheme
@pytest.mark.parametrize("shape", ["4, 3", "4, 3, 2", "4"])
def test_a_norm_that_no_layer_took_in(shape, scheme):
    tensors = {"g": normal(4), "b": normal(4, seed=1), "m": normal(4, seed=2), "v": np.square(normal(4, seed=3)) + 1}
    tensors["g"][1] = 0  # a dead channel, which is all bias
    program = assert_within(one("y = BatchNormalization (x, g, b, m, v)", shape, shape, tensors), scheme)
    assert isinstance(program.operators[0], ScaleShift if shape == "4" else Convolution)
