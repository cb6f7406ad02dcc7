"""Lowering: what cannot run in integers is named, what is given is taken as it is, widths follow equation 4."""

from fractions import Fraction

import numpy as np
import onnx
import pytest
from common.networks import build, normal

from attar.errors import DataError, ModelError
from attar.graph import load
from attar.numerics.fixed_point import fixed_point
from attar.runtime.integer import Affine, FixedPoint, MinMax, Percentile, calibrate, lower, run
from attar.runtime.integer.lower import lowered as lowered_with_its_network
from attar.runtime.integer.program import Convolution, Dense

from .beside_float import assert_within, on_grid, one, programmed

FIXED = FixedPoint()


def lowered(proto, scheme=FIXED, weights=None, samples=4):
    shapes = {
        value.name: [d.dim_value or samples for d in value.type.tensor_type.shape.dim] for value in proto.graph.input
    }
    feeds = {name: normal(*shape) for name, shape in shapes.items()}
    formats = calibrate(load(proto), feeds, scheme, method=MinMax(), kept=weights or {})
    return lower(load(proto), formats, scheme, weights=weights)


REFUSED = {
    "unknown": ("y = Cos (x)", "2, 3", {}, "operator Cos 'y': no integer arithmetic is known"),
    "inner logarithm": ("s = LogSoftmax (x)  y = Mul (s, x)", "2, 3", {}, "operator LogSoftmax 's': no integer"),
    "samples moved": ("t = Transpose (x)  y = Transpose (t)", "2, 3", {}, "first axis of"),
    "weights in front": ("y = MatMul (w, x)", "2, 3", {"w": normal(2, 2)}, "MatMul 'y': its weights are the first"),
    "matrices": ("y = MatMul (x, w)", "2, 3", {"w": normal(2, 3, 3)}, "MatMul 'y': its weights have 3 axes"),
    "reflected": ('y = Pad <mode = "reflect"> (x, p)', "2, 3", {"p": np.zeros(6, np.int64)}, "Pad 'y': mode reflect"),
    "in training": ("y = Dropout (x, , t)", "2, 3", {"t": np.array(True)}, "operator Dropout 'y': it is in training"),
    "samples joined": ("y = ReduceMean (x)", "1, 1", {}, "first axis of"),
    "division": ("z = Add (x, x)  y = Div (x, z)", "2, 3", {}, "operator Div 'y': only a division by a constant"),
    "negative": ("f = Flatten (x)  g = Gemm <alpha = -1.0> (f, w)  y = Reshape (g, to)", "2, 3",
                 {"w": normal(6, 6), "to": np.array([-1, 2, 3])}, "operator Gemm 'g': alpha -1"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_integers_is_named_with_its_reason(case):
    text, out, tensors, message = REFUSED[case]
    with pytest.raises(ModelError, match=message):
        lowered(one(text, "2, 3", out, tensors))


def test_computed_weights_are_named():
    proto = one("k = ReduceMean <axes = [0]> (x)  y = Conv (x, k)", "2, 4, 4", "1, 1, 1", opset=13)
    with pytest.raises(ModelError, match="operator Conv 'y': its weights are not constant"):
        lowered(proto)
    with pytest.raises(ModelError, match="operator Gemm 'y': 2 of its inputs flow"):
        lowered(one("y = Gemm <transB = 1> (x, x)", "3", "m"), samples=2)


def test_a_constant_that_makes_the_tensor_larger_is_named():
    with pytest.raises(ModelError, match=r"operator Add 'y': a constant of shape .2, 3. does not fit into samples"):
        lowered(one("y = Add (x, c)", "2, 1", "2, 3", {"c": normal(2, 3)}))


def test_a_table_of_more_than_12_bits_is_refused():
    proto = one("y = Sigmoid (x)", "3", "3")
    assert len(lowered(proto, FixedPoint(12)).operators[0].table) == 4096
    with pytest.raises(ModelError, match="operator Sigmoid 'y': a table of 13-bit integers"):
        lowered(proto, FixedPoint(13))


def test_a_missing_format_names_its_tensor():
    with pytest.raises(ModelError, match="tensor 'x': no format"):
        lower(load(one("y = Relu (x)", "3", "3")), {}, FixedPoint())


def test_free_shapes_come_from_the_caller():
    proto = build("net (float[n, c, l] x) => (float[n, c, l] y) { y = Relu (x) }")
    formats = calibrate(load(proto), {"x": normal(4, 2, 5)}, FixedPoint())
    with pytest.raises(ModelError, match=r"tensor 'x': shape .* is not known"):
        lower(load(proto), formats)
    assert lower(load(proto), formats, shapes={"x": (2, 5)}).tensors["y"].shape == (2, 5)


def test_given_weights_are_taken_as_they_are():
    w, steps = np.arange(-12, 12).reshape(6, 4), np.array([0.5, 0.25, 0.3, 1.0], np.float32)
    proto = one("y = Gemm (x, w, b)", "6", "4", {"w": (w * steps).astype(np.float32), "b": normal(4)})
    for scheme in (FixedPoint(weight_bits=2), Affine()):
        program = lowered(proto, scheme, {"w": (w, steps)})
        (operator,) = program.operators
        np.testing.assert_array_equal(operator.weights, w.T)
        assert operator.weight_bits == 5 and len(operator.rescale.shifts) == 4
        source, target = program.tensors["x"].format, program.tensors["y"].format
        for channel, step in enumerate(steps):
            factor = source.exact_scale * Fraction(float(step)) / target.exact_scale
            multiplier, shift = int(operator.rescale.multipliers[channel]), int(operator.rescale.shifts[channel])
            assert abs(Fraction(multiplier, 2**shift) - factor) <= factor / 2**31


@pytest.mark.parametrize(
    "given, message",
    [
        ((np.zeros((4, 6), int), 1.0), "integers .6, 4. wanted"),
        ((np.zeros((6, 4)), 1.0), "float64 .6, 4. given"),
        ((np.full((6, 4), 40000), 1.0), "take 17 bits, more than 16"),
        ((np.zeros((6, 4), int), np.ones(6)), "6 steps given; one or 4"),
        ((np.zeros((6, 4), int), 0.0), "above 0"),
    ],
)
def test_given_weights_that_do_not_fit_are_named(given, message):
    with pytest.raises(ModelError, match=f"weights 'w': .*{message}"):
        lowered(one("y = MatMul (x, w)", "6", "4", {"w": normal(6, 4)}), weights={"w": given})


def test_a_norm_is_folded_unless_the_weights_in_front_are_given():
    norm = {"g": normal(4), "b": normal(4), "m": normal(4), "v": np.square(normal(4)) + 1}
    text = "h = Conv (x, w)  k = BatchNormalization (h, g, b, m, v)  y = Relu (k)"
    proto = one(text, "3, 5, 5", "4, 3, 3", {"w": on_grid(4, 3, 3, 3), **norm})
    assert len(lowered(proto).operators) == 1
    program = assert_within(proto, Affine(), "w", steps=3)  # of h's step times the norm's scale, and its own
    assert [type(operator) for operator in program.operators] == [Convolution, Convolution]


def test_a_softmax_at_the_end_is_left_to_the_caller():
    proto = one("h = MatMul (x, w)  s = Softmax (h)  y = Identity (s)", "6", "4", {"w": normal(6, 4)})
    program = lowered(proto)
    assert program.outputs == ("h",) and [type(operator) for operator in program.operators] == [Dense]


def test_a_relu_whose_input_others_read_stands_alone():
    proto = one("h = MatMul (x, w)  r = Relu (h)  y = Add (r, h)", "4", "4", {"w": on_grid(4, 4)})
    kinds = [type(operator).__name__ for operator in assert_within(proto, Affine(), "w", steps=3).operators]
    assert kinds == ["Dense", "Requantize", "Sum"]


def test_a_dropout_that_is_told_not_to_train_changes_nothing():
    proto = one("y = Dropout (x, , t)", "3", "3", {"t": np.array(False)})
    assert_within(proto, FIXED, steps=0)


def test_an_input_that_is_an_output_passes_through():
    program = lowered(one("y = Identity (x)", "3", "3"))
    assert program.inputs == ("x",) and program.outputs == ("y",)


@pytest.mark.parametrize("bits, weight_bits", [(4, 4), (8, 5), (12, 8), (16, 16)])
def test_accumulators_have_the_width_of_equation_4(bits, weight_bits):
    weights = np.sign(normal(4, 40)) * np.float32(0.7)
    weights[:, 20:] = 0  # not multiplied
    scheme = FixedPoint(bits, weight_bits)
    program = lowered(one("r = Relu (x)  y = Gemm <transB = 1> (r, w)", "40", "4", {"w": weights}), scheme)
    assert program.operators[-1].accumulator_bits == (bits + 1) + weight_bits + 5  # unsigned inputs; 20 terms
    assert (program.operators[-1].bias.dtype == np.int64) == (bits + 1 + weight_bits + 5 > 32)


def test_fixed_point_needs_shifts_alone():
    proto = one("h = MatMul (x, w)  a = Add (h, x)  y = AveragePool <kernel_shape = [2]> (a)", "3, 6", "3, 5",
                {"w": normal(6, 6)})  # fmt: skip
    program = lowered(proto)
    assert program.operators[0].rescale.multipliers.tolist() == [1]
    assert program.operators[2].rescale.multipliers.tolist() == [1]


def test_a_channel_of_zeros_keeps_its_bias():
    weights, bias = on_grid(4, 6), normal(4) + 3
    weights[2] = 0
    program = assert_within(one("y = Gemm <transB = 1> (x, w, b)", "6", "4", {"w": weights, "b": bias}), Affine())
    assert not program.operators[0].weights[2].any() and program.operators[0].accumulator_bits <= 32


def test_lowering_leaves_the_network_alone_and_repeats_itself():
    proto = one("h = MatMul (x, w)  y = Relu (h)", "6", "4", {"w": normal(6, 4)})
    model, feeds = load(proto), {"x": normal(5, 6)}
    before = onnx.ModelProto.SerializeToString(proto)
    programs = [lower(model, calibrate(model, feeds, Affine(), method=Percentile()), Affine()) for _ in range(2)]
    assert proto.SerializeToString() == before and len(list(model.graph)) == 2
    one_run, other = (run(program, feeds).outputs["y"] for program in programs)
    np.testing.assert_array_equal(one_run, other)
    assert list(programs[0].tensors) == ["x", "y"]


def test_two_inputs_and_two_outputs():
    proto = build(
        """net (float[n, 3] a, float[n, 4] b) => (float[n, 5] p, float[n, 5] s) {
            p = MatMul (a, v)  q = MatMul (b, w)  s = Add (p, q)
        }""",
        {"v": on_grid(3, 5), "w": on_grid(4, 5)},
    )
    program, _ = programmed(proto, {"a": normal(4, 3), "b": normal(4, 4)}, FixedPoint(), "v", "w")
    assert program.inputs == ("a", "b") and program.outputs == ("p", "s")


def test_an_input_that_tells_a_shape_alone_is_none_of_the_programs():
    proto = build("net (float[n, 2, 3] x, int64[2] to) => (float[n, 6] y) { y = Reshape (x, to) }")
    model = load(proto)
    with pytest.raises(DataError, match="needs input 'to', which was not given"):
        calibrate(model, {"x": normal(4, 2, 3)}, FIXED)
    with pytest.raises(ModelError, match=r"tensor 'y': shape .* is not known"):
        lower(model, {"x": fixed_point(8, 5)})


def test_a_window_beside_the_input_is_named():
    pool = "Pool <kernel_shape = [1], pads = [1, 0]> (x)"
    for kind in ("Max", "Average"):
        with pytest.raises(ModelError, match=f"operator {kind}Pool 'y': a window lies outside"):
            lower(load(one(f"y = {kind}{pool}", "2, 3", "2, 4")), dict.fromkeys("xy", fixed_point(8, 5)))


def test_a_given_channel_that_is_bias_and_little_else_gets_a_coarser_scale_where_that_is_allowed():
    weights, steps = np.array([[3, -4], [100, 27]], np.int8), np.array([1e-25, 0.01], np.float32)
    tensors = {"w": weights * steps[:, None], "b": np.ones(2, np.float32)}
    model, feeds = load(one("y = Gemm <transB = 1> (x, w, b)", "2", "2", tensors)), {"x": normal(50, 2)}
    given = {"w": (weights, steps)}
    formats = calibrate(model, feeds, Affine(), kept=given)
    with pytest.raises(ModelError, match="too large"):
        lowered_with_its_network(model, formats, Affine(), weights=given)
    done = lowered_with_its_network(model, formats, Affine(), weights=given, coarsens=True)
    (operator,) = done.program.operators
    np.testing.assert_array_equal(operator.weights, [[0, 0], [100, 27]])
    assert operator.scales[1] == steps[1] and np.abs(operator.bias).max() < 2**29 * 1.001


@pytest.mark.parametrize("exponent", range(25, 36))
def test_a_given_channel_of_any_small_step_leaves_the_accumulator_narrow(exponent):
    """Its bias takes about 2^exponent units of its own step; every layer beside it would pay for more than 32 bits."""
    weights, bias = np.array([[90, -40], [100, 27]], np.int8), np.float32([-3, 0.5])
    x = normal(50, 2)
    steps = np.float32([3 / (2.0**exponent * float(np.ptp(x)) / 255), 0.01])
    tensors = {"w": weights * steps[:, None], "b": bias}
    model, given = load(one("y = Gemm <transB = 1> (x, w, b)", "2", "2", tensors)), {"w": (weights, steps)}
    formats = calibrate(model, {"x": x}, Affine(), kept=given)
    (operator,) = lowered_with_its_network(model, formats, Affine(), weights=given, coarsens=True).program.operators
    assert operator.accumulator_bits <= 32
    np.testing.assert_allclose(
        operator.weights * operator.scales[:, None], tensors["w"], atol=1e-2 * 2 ** max(0, 8 - exponent)
    )
    np.testing.assert_array_equal(operator.weights[1], weights[1])
