"""Transposed convolutions: onnxruntime within a step, plain loops bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
from common.networks import normal
from hypothesis import given
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import load
from attar.runtime.integer import Affine, FixedPoint, Program, calibrate, lower, run_integers
from attar.runtime.integer.program import Convolution, Rescale, TransposedConvolution

from .beside_float import assert_within, given_of, on_grid, one, programmed
from .by_loops import finished, program_of, random_format, random_integers
from .test_operators import every_scheme

CASES = {
    "plain": ("", "3, 4, 5", "4, 6, 7", (3, 4, 3, 3)),
    "strides": ("<strides = [2, 3]>", "3, 4, 3", "4, 8, 8", (3, 4, 2, 2)),
    "gaps between windows": ("<strides = [3, 3]>", "2, 3, 3", "3, 8, 8", (2, 3, 2, 2)),
    "pads": ("<strides = [2, 2], pads = [1, 0, 2, 1]>", "2, 4, 4", "3, 6, 8", (2, 3, 3, 3)),
    "pads beyond the window": ("<pads = [2, 2, 2, 2]>", "2, 6, 6", "3, 3, 3", (2, 3, 2, 2)),
    "output padding": ("<strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]>", "2, 3, 4", "3, 6, 8",
                       (2, 3, 3, 3)),
    "dilations": ("<strides = [2, 1], dilations = [3, 2]>", "2, 3, 4", "3, 8, 8", (2, 3, 2, 3)),
    "groups": ("<group = 2, strides = [2, 2]>", "4, 3, 3", "6, 6, 6", (4, 3, 2, 2)),
    "depthwise": ("<group = 4, strides = [2, 2], pads = [1, 1, 1, 1]>", "4, 3, 3", "4, 6, 6", (4, 1, 4, 4)),
    "same, cut behind": ('<auto_pad = "SAME_UPPER", strides = [2, 2]>', "2, 3, 4", "3, 6, 8", (2, 3, 3, 3)),
    "same, cut before": ('<auto_pad = "SAME_LOWER", strides = [2, 2]>', "2, 3, 4", "3, 6, 8", (2, 3, 3, 3)),
    "an output's shape": ("<strides = [2, 2], output_shape = [7, 9]>", "2, 4, 5", "3, 7, 9", (2, 3, 3, 3)),
    "one axis": ("<strides = [3], pads = [1, 2], dilations = [2]>", "3, 5", "2, 14", (3, 2, 3)),
}  # fmt: skip


@every_scheme
@pytest.mark.parametrize("case", CASES)
def test_transposed_convolutions(case, scheme):
    attributes, shape, out, kernel = CASES[case]
    tensors = {"w": on_grid(*kernel), "b": normal(int(out.split(",")[0]))}
    program = assert_within(one(f"y = ConvTranspose {attributes} (x, w, b)", shape, out, tensors), scheme, "w")
    assert [type(operator) for operator in program.operators] == [TransposedConvolution]


def test_each_output_channel_has_a_scale_of_its_own():
    weights = normal(4, 3, 2, 2) * np.float32([1, 4, 16]).reshape(3, 1, 1)
    weights[2:] *= 100  # the second group
    proto = one("y = ConvTranspose <group = 2> (x, w)", "4, 3, 3", "6, 4, 4", {"w": weights})
    (operator,) = programmed(proto, {"x": normal(5, 4, 3, 3)}, Affine())[0].operators
    assert operator.weights.shape == (6, 2, 2, 2) and operator.rescale.shifts.size == 6
    assert (np.abs(operator.weights.reshape(6, -1)).max(axis=1) == 127).all()


def test_given_weights_keep_their_integers_and_the_steps_of_their_channels():
    integers, steps = np.arange(-18, 18).reshape(4, 3, 3).astype(np.int16), np.float32([0.5, 0.25, 0.125])
    proto = one("y = ConvTranspose <group = 2> (x, w)", "4, 3", "6, 5", {"w": integers * steps.reshape(3, 1)})
    held = {"w": (integers, steps)}
    formats = calibrate(load(proto), {"x": normal(5, 4, 3)}, Affine(), kept=held)
    (operator,) = lower(load(proto), formats, Affine(), weights=held).operators
    np.testing.assert_array_equal(operator.weights[1], integers[:2, 1])
    np.testing.assert_array_equal(operator.weights[4], integers[2:, 1])
    np.testing.assert_array_equal(operator.rescale.multipliers[:3], operator.rescale.multipliers[3:])
    every = np.float32([0.5, 0.25, 0.125, 1, 3, 5])
    (operator,) = lower(load(proto), formats, Affine(), weights={"w": (integers, every)}).operators
    np.testing.assert_array_equal(operator.scales, every)
    with pytest.raises(ModelError, match="weights 'w': 4 steps given; one or 6, all above 0, are wanted"):
        lower(load(proto), formats, Affine(), weights={"w": (integers, every[:4])})


def test_a_norm_behind_it_is_folded_and_a_relu_clamps():
    norm = {"g": normal(4), "b": normal(4), "m": normal(4), "v": np.square(normal(4)) + 1}
    text = "h = ConvTranspose (x, w)  k = BatchNormalization (h, g, b, m, v)  y = Relu (k)"
    proto = one(text, "3, 3, 3", "4, 5, 5", {"w": on_grid(3, 4, 3, 3), **norm})
    program, _ = programmed(proto, {"x": normal(5, 3, 3, 3)}, FixedPoint())
    assert [type(operator) for operator in program.operators] == [TransposedConvolution]
    kept = assert_within(proto, Affine(), "w", steps=3)
    assert [type(operator) for operator in kept.operators] == [TransposedConvolution, Convolution]


def random_program(seed: int, bits: int) -> Program:
    rng = np.random.default_rng(seed)
    top, groups = 2 ** (bits - 1), int(rng.integers(1, 3))
    strides, dilations = tuple(rng.integers(1, 4, 2).tolist()), tuple(rng.integers(1, 3, 2).tolist())
    begins = tuple(rng.integers(0, 4, 2).tolist())
    form, target = random_format(rng, bits), random_format(rng, bits)
    operator = TransposedConvolution(
        inputs=("x",),
        output="y",
        low=target.low,
        high=target.high - 1,
        accumulator_bits=2 * bits + 6,
        rescale=Rescale(rng.integers(1, 2**31, 2 * groups), rng.integers(31, 40, 2 * groups)),
        weights=rng.integers(-top, top, (2 * groups, 2, 2, 3)).astype(np.int16),
        weight_bits=bits,
        bias=rng.integers(-(2 ** (2 * bits)), 2 ** (2 * bits), 2 * groups),
        scales=np.ones(1, np.float32),  # of no account: `rescale` has them in it
        strides=strides,
        dilations=dilations,
        begins=begins,
        groups=groups,
    )
    extents = tuple(rng.integers(1, 12, 2).tolist())
    return program_of(operator, x=((2 * groups, 3, 2), form), y=((2 * groups, *extents), target))


def spread(program: Program, q: np.ndarray) -> np.ndarray:
    """One sample, cell by cell of the input, as the page defines it."""
    (op,), x, y = program.operators, program.tensors["x"], program.tensors["y"]
    sums = np.broadcast_to(op.bias.reshape(-1, 1, 1), y.shape).astype(object)
    each = len(op.weights) // op.groups
    for o, i, j in np.ndindex(len(op.weights), *x.shape[1:]):
        for c, a, b in np.ndindex(op.weights.shape[1:]):
            row = i * op.strides[0] + a * op.dilations[0] - op.begins[0]
            column = j * op.strides[1] + b * op.dilations[1] - op.begins[1]
            if 0 <= row < y.shape[1] and 0 <= column < y.shape[2]:
                channel = o // each * op.weights.shape[1] + c
                sums[o, row, column] += (int(q[channel, i, j]) - x.format.zero) * int(op.weights[o, c, a, b])
    return np.array([[[finished(op, y, v, o) for v in row] for row in sums[o]] for o in range(len(sums))])


@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_it_equals_plain_loops_bit_for_bit(seed, bits):
    program = random_program(seed, bits)
    q = random_integers(program, seed)
    found = run_integers(program, {"x": q}).outputs["y"]
    np.testing.assert_array_equal(found, [spread(program, sample) for sample in q])


def test_a_place_off_by_one_shows():
    proto = one("y = ConvTranspose <strides = [2], pads = [1, 0]> (x, w)", "2, 4", "3, 8", {"w": on_grid(2, 3, 3)})
    program, q = programmed(proto, {"x": normal(5, 2, 4)}, FixedPoint(), *given_of(proto, "w"))
    moved = replace(program, operators=(replace(program.operators[0], begins=(0,)),))
    assert (run_integers(program, q).outputs["y"] != run_integers(moved, q).outputs["y"]).any()
