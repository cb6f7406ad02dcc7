"""The oracle: plain loops in Python agree with it bit for bit, nothing wraps, batches leave no trace."""

from dataclasses import replace

import numpy as np
import pytest
from common.networks import normal
from hypothesis import given
from hypothesis import strategies as st

from attar.errors import DataError, ModelError
from attar.numerics.formats import Format, dequantize, quantize
from attar.runtime.integer import Program, Tensor, oracle, run, run_integers
from attar.runtime.integer.program import Convolution, Dense, Rescale

from .beside_float import SCHEMES, on_grid, one, programmed


def random_convolution(seed: int, bits: int) -> Program:
    """A convolution with everything at once: groups, strides, dilations, uneven pads, zero points, scales a channel."""
    rng = np.random.default_rng(seed)
    top, groups = 2 ** (bits - 1), int(rng.integers(1, 3))
    source = Format(bits, True, 0.5, int(rng.integers(-top, top)))
    target = Format(bits, True, 0.25, int(rng.integers(-top, top)))
    channels, outputs = 2 * groups, 2 * groups
    operator = Convolution(
        inputs=("x",),
        output="y",
        low=target.low,
        high=target.high - 1,
        accumulator_bits=bits + 1 + bits + 5,
        rescale=Rescale(
            rng.integers(1, 2**31, outputs).astype(np.int32), rng.integers(31, 40, outputs).astype(np.int32)
        ),
        weights=rng.integers(-top, top, (outputs, channels // groups, 2, 3)).astype(np.int16),
        weight_bits=bits,
        bias=rng.integers(-(2 ** (2 * bits)), 2 ** (2 * bits), outputs),
        scales=np.ones(1, np.float32),
        strides=(2, 1),
        dilations=(1, 2),
        pads=((1, 0), (0, 2)),
        groups=groups,
    )
    shapes = {"x": (channels, 4, 6), "y": (outputs, 2, 4)}
    tensors = {name: Tensor(name, shapes[name], form) for name, form in (("x", source), ("y", target))}
    return Program(tensors, (operator,), ("x",), ("y",))


def by_loops(program: Program, q: np.ndarray) -> np.ndarray:
    """The convolution of one sample, number by number, in Python's integers of any size."""
    (op,), x, y = program.operators, program.tensors["x"], program.tensors["y"]
    result = np.zeros(y.shape, np.int32)
    each = len(op.weights) // op.groups
    for o, i, j in np.ndindex(y.shape):
        total = int(op.bias[o])
        for c, a, b in np.ndindex(op.weights.shape[1:]):
            row = i * op.strides[0] + a * op.dilations[0] - op.pads[0][0]
            column = j * op.strides[1] + b * op.dilations[1] - op.pads[1][0]
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                channel = o // each * op.weights.shape[1] + c
                total += (int(q[channel, row, column]) - x.format.zero) * int(op.weights[o, c, a, b])
        multiplier, shift = int(op.rescale.multipliers[o]), int(op.rescale.shifts[o])
        scaled = (total * multiplier + ((1 << shift) >> 1)) >> shift
        result[o, i, j] = min(max(y.format.zero + scaled, op.low), op.high)
    return result


@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_a_convolution_equals_plain_loops_bit_for_bit(seed, bits):
    program = random_convolution(seed, bits)
    form = program.tensors["x"].format
    q = np.random.default_rng(seed).integers(form.low, form.high + 1, (2, *program.tensors["x"].shape))
    found = run_integers(program, {"x": q}).outputs["y"]
    np.testing.assert_array_equal(found, [by_loops(program, sample) for sample in q])


@pytest.mark.parametrize("bits", [8, 16])
def test_sums_are_exact_at_the_far_end_of_every_width(bits):
    """Largest weights times largest inputs, where float32 and then float64 would be the first to round."""
    top, inputs = 2 ** (bits - 1), 4096
    form, wide = Format(bits, True, 1.0), Format(16, True, 1.0)
    weights = np.full((2, inputs), top - 1, np.int16)
    weights[1, -1] -= 1
    operator = Dense(
        inputs=("x",),
        output="y",
        low=wide.low,
        high=wide.high,
        accumulator_bits=2 * bits + 12,
        rescale=Rescale(np.array([1], np.int32), np.array([2 * bits + 12 - 17], np.int32)),
        weights=weights,
        weight_bits=bits,
        bias=np.zeros(2, np.int64),
        scales=np.ones(1, np.float32),
    )
    program = Program({"x": Tensor("x", (inputs,), form), "y": Tensor("y", (2,), wide)}, (operator,), ("x",), ("y",))
    done = run_integers(program, {"x": np.full((1, inputs), -top)})
    assert (done.accumulators["y"].low, done.accumulators["y"].high) == (
        -top * (top - 1) * inputs,
        -top * ((top - 1) * inputs - 1),
    )


def dense(bits: int = 8) -> tuple[Program, dict[str, np.ndarray]]:
    proto = one("y = Gemm <transB = 1> (x, w, b)", "6", "4", {"w": on_grid(4, 6), "b": normal(4)})
    scheme = SCHEMES[0] if bits == 8 else type(SCHEMES[0])(bits, bits)
    return programmed(proto, {"x": normal(300, 6)}, scheme, "w")


def test_a_planted_overflow_is_an_error_and_no_wrap():
    program, q = dense()
    seen = run_integers(program, q).accumulators["y"]
    assert seen.used_bits <= seen.planned_bits == program.operators[0].accumulator_bits
    narrow = replace(program, operators=(replace(program.operators[0], accumulator_bits=seen.used_bits),))
    run_integers(narrow, q)
    narrow = replace(program, operators=(replace(program.operators[0], accumulator_bits=seen.used_bits - 1),))
    with pytest.raises(ModelError, match=f"'y': its accumulator reached .* which {seen.used_bits - 1} bits"):
        run_integers(narrow, q)


def test_int64_accumulators_where_equation_4_asks_for_them():
    proto = one("y = Gemm <transB = 1> (x, w)", "6", "4", {"w": normal(4, 6)})
    program, q = programmed(proto, {"x": normal(9, 6)}, type(SCHEMES[0])(16, 16))
    assert program.operators[0].accumulator_bits == 16 + 16 + 3 and program.operators[0].bias.dtype == np.int64
    assert run_integers(program, q).accumulators["y"].used_bits > 24


def test_the_number_of_samples_in_one_go_changes_nothing(monkeypatch):
    program, q = dense()
    whole = run_integers(program, q)
    monkeypatch.setattr(oracle, "MOST_SAMPLES", 7)
    parts = run_integers(program, q)
    np.testing.assert_array_equal(parts.outputs["y"], whole.outputs["y"])
    assert parts.accumulators == whole.accumulators


def test_floats_are_quantized_on_entry_and_come_back_last():
    program, q = dense()
    values = normal(300, 6)
    np.testing.assert_array_equal(quantize(values, program.tensors["x"].format), q["x"])
    outputs = run(program, {"x": values}).outputs["y"]
    assert outputs.dtype == np.float32
    integers = run_integers(program, q).outputs["y"]
    np.testing.assert_array_equal(outputs, dequantize(integers, program.tensors["y"].format))


@pytest.mark.parametrize(
    "inputs, message",
    [
        ({}, "needs input 'x'"),
        ({"x": np.zeros((2, 5), int)}, "integers .6,. wanted"),
        ({"x": np.zeros((2, 6))}, "float64 .6,. given"),
        ({"x": np.full((2, 6), 128)}, "0..128 leaves -128..127"),
        ({"x": np.zeros((0, 6), int)}, "one at least"),
    ],
)
def test_inputs_that_do_not_fit_are_named(inputs, message):
    with pytest.raises(DataError, match=message):
        run_integers(dense()[0], inputs)


def test_nan_is_refused():
    with pytest.raises(DataError, match="NaN"):
        run(dense()[0], {"x": np.full((1, 6), np.nan)})
