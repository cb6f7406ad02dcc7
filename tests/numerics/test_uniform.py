"""Uniform grids: integers in range, cheap steps, a true zero, and an error that no simpler choice of step beats."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.numerics.channels import as_rows, from_rows
from attar.numerics.rounding import to_bfloat16, to_integers
from attar.numerics.uniform import SUMMARY_BINS, SUMMARY_TAIL, dequantize, fit_steps, largest_integer, quantize

BITS = st.integers(2, 8)
SEEDS = st.integers(0, 2**32 - 1)


def random_rows(seed, rows=3, count=40):
    rng = np.random.default_rng(seed)
    draw = rng.choice([rng.normal, rng.laplace, rng.uniform])
    return (draw(size=(rows, count)) * rng.lognormal(sigma=3, size=(rows, 1))).astype(np.float32)


def squared_error(rows, steps, bits):
    rest = rows.astype(np.float64) - dequantize(quantize(rows, steps, bits=bits), steps)
    return np.sum(rest**2, axis=1)


@given(SEEDS, BITS)
def test_integers_stay_in_their_symmetric_range(seed, bits):
    rows = random_rows(seed)
    integers = quantize(rows, fit_steps(rows, bits=bits), bits=bits)
    assert integers.dtype == np.int32
    assert np.abs(integers).max() <= largest_integer(bits) == 2 ** (bits - 1) - 1


@given(SEEDS, BITS)
def test_steps_are_positive_and_cost_two_bytes(seed, bits):
    steps = fit_steps(random_rows(seed), bits=bits)
    assert steps.dtype == np.float32 and (steps > 0).all()
    np.testing.assert_array_equal(steps, steps.astype(ml_dtypes.bfloat16).astype(np.float32))


@given(SEEDS, BITS)
def test_zero_stays_zero_and_signs_mirror(seed, bits):
    rows = random_rows(seed)
    rows[:, ::3] = 0
    steps = fit_steps(rows, bits=bits)
    values = dequantize(quantize(rows, steps, bits=bits), steps)
    assert (values[rows == 0] == 0).all()
    np.testing.assert_array_equal(dequantize(quantize(-rows, steps, bits=bits), steps), -values)


@given(SEEDS, BITS)
def test_a_fitted_step_beats_the_one_of_the_largest_weight(seed, bits):
    rows = random_rows(seed)
    simple = to_bfloat16(np.abs(rows).max(axis=1) / largest_integer(bits))
    fitted = squared_error(rows, fit_steps(rows, bits=bits), bits)
    assert (fitted <= squared_error(rows, simple, bits) * (1 + 1e-5)).all()


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
def test_fitted_steps_are_close_to_the_best_that_can_be_stored(bits):
    rows = np.random.default_rng(bits).normal(size=(20, 300)).astype(np.float32)
    fitted = squared_error(rows, fit_steps(rows, bits=bits), bits)
    largest = np.abs(rows).max(axis=1) / largest_integer(bits)
    scan = [squared_error(rows, to_bfloat16(share * largest), bits) for share in np.linspace(0.05, 1, 400)]
    excess = fitted / np.min(scan, axis=0)
    assert excess.mean() <= 1.02 and excess.max() <= 1.25


def test_a_step_from_a_summary_is_nearly_as_good_as_one_from_all_values():
    rows = np.random.default_rng(0).laplace(size=(1, 50 * (SUMMARY_BINS + SUMMARY_TAIL))).astype(np.float32)
    summary = squared_error(rows, fit_steps(rows, bits=4), 4)[0]
    scan = np.linspace(0.05, 1, 200) * np.abs(rows).max() / 7
    assert summary <= 1.02 * min(squared_error(rows, np.array([step], np.float32), 4)[0] for step in scan)


@given(SEEDS, BITS)
@settings(max_examples=50)
def test_channels_with_steps_of_their_own_lose_less(seed, bits):
    weights = random_rows(seed, rows=6)
    errors = []
    for axis in (0, None):
        rows = as_rows(weights, axis)
        errors.append(squared_error(rows, fit_steps(rows, bits=bits), bits).sum())
    assert errors[0] <= errors[1] * (1 + 1e-5)


@given(SEEDS, BITS)
def test_values_on_a_full_grid_stay_where_they_are(seed, bits):
    rng = np.random.default_rng(seed)
    top = largest_integer(bits)
    integers = rng.integers(-top, top + 1, size=(2, 50))
    integers[:, 0] = top
    steps = to_bfloat16(rng.lognormal(sigma=3, size=2))
    rows = dequantize(integers, steps)
    np.testing.assert_array_equal(fit_steps(rows, bits=bits), steps)
    np.testing.assert_array_equal(quantize(rows, steps, bits=bits), integers)


@pytest.mark.parametrize("bits", [2, 8])
def test_a_row_of_zeros_keeps_a_usable_step(bits):
    rows = np.zeros((2, 5), np.float32)
    steps = fit_steps(rows, bits=bits)
    assert (steps > 0).all() and not quantize(rows, steps, bits=bits).any()


def test_halves_round_to_even():
    halves = np.array([[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5]], np.float32)
    assert to_integers(halves).tolist() == [[-2, -2, 0, 0, 2, 2, 4]]
    assert quantize(halves, np.ones(1, np.float32), bits=8).tolist() == [[-2, -2, 0, 0, 2, 2, 4]]


def test_bfloat16_rounds_halves_to_even_too():
    assert to_bfloat16(np.array([1 + 2**-8, 1 + 3 * 2**-8])).tolist() == [1, 1 + 2**-6]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_rows_and_back_is_the_identity(shape, data):
    axis = data.draw(st.integers(0, len(shape) - 1))
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    for along in (None, axis):
        np.testing.assert_array_equal(from_rows(as_rows(values, along), values.shape, along), values)
    np.testing.assert_array_equal(as_rows(values, axis)[0], np.take(values, 0, axis).ravel())
