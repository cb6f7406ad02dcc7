"""Formats: what lies on the grid stays, what lies between moves by half a step at most, what lies beyond clamps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar.numerics.affine import affine, symmetric_integers, symmetric_scales
from attar.numerics.fixed_point import (
    best_fraction,
    covering_fraction,
    fixed_point,
    ristretto_fraction,
    squared_error,
)
from attar.numerics.formats import dequantize, quantize

BITS, FRACTIONS, SIGNED = st.integers(2, 16), st.integers(-20, 40), st.booleans()
ENDS = st.floats(-1e6, 1e6, width=32)


@given(BITS, FRACTIONS, SIGNED)
def test_every_value_of_a_fixed_point_grid_is_a_fixed_point(bits, fraction, signed):
    form = fixed_point(bits, fraction, signed=signed)
    integers = np.unique(np.linspace(form.low, form.high, 300).astype(np.int32))
    values = dequantize(integers, form)
    np.testing.assert_array_equal(values, integers * 2.0**-fraction)
    np.testing.assert_array_equal(quantize(values, form), integers)


@given(BITS, FRACTIONS, st.integers(0, 2**32 - 1))
def test_inside_the_range_fixed_point_errs_by_half_a_step_at_most(bits, fraction, seed):
    form = fixed_point(bits, fraction)
    values = np.random.default_rng(seed).uniform(form.low, form.high, 100).astype(np.float32) * np.float32(form.scale)
    errors = np.abs(dequantize(quantize(values, form), form).astype(np.float64) - values)
    assert errors.max() <= 2.0 ** (-fraction - 1)


@pytest.mark.parametrize("largest, fraction", [(0.9, 7), (1.0, 7), (1.01, 6), (0.5, 8), (100.0, 0), (300.0, -2)])
def test_the_integer_length_of_weights(largest, fraction):
    """il = ceil(log2(max) + 1) with the sign bit, f = 8 - il; it may have any sign."""
    assert covering_fraction(largest, bits=8) == fraction


def test_one_saturates_to_127_of_128():
    form = fixed_point(8, covering_fraction(1.0, bits=8))
    assert dequantize(quantize(np.float32([1.0, -1.0]), form), form).tolist() == [127 / 128, -1.0]


def test_activations_have_an_integer_bit_less_as_ristretto_chooses_it():
    assert ristretto_fraction(0.9, bits=8) == covering_fraction(0.9, bits=8) + 1
    assert covering_fraction(0.9, bits=8, signed=False) == 8


def test_zeros_and_extremes_keep_a_usable_fraction():
    assert covering_fraction(0.0, bits=8) == 7
    assert covering_fraction(1e-38, bits=8) == 100 and covering_fraction(1e38, bits=8) == -100


@given(st.integers(0, 2**32 - 1), st.integers(3, 8))
def test_the_best_fraction_has_the_least_weighted_error_of_three(seed, bits):
    rng = np.random.default_rng(seed)
    values, weights = rng.laplace(size=200).astype(np.float32), rng.uniform(size=200)
    first = covering_fraction(float(np.abs(values).max()), bits=bits)
    errors = [squared_error(values, fixed_point(bits, f), weights) for f in (first, first + 1, first + 2)]
    assert best_fraction(values, first, bits=bits, weights=weights) == first + int(np.argmin(errors))


def test_an_outlier_is_clipped_where_that_costs_less():
    values = np.append(np.random.default_rng(0).normal(size=10_000).astype(np.float32), np.float32(8.5))
    assert covering_fraction(8.5, bits=4) == -1
    assert best_fraction(values, -1, bits=4) == 1
    assert best_fraction(values, -1, bits=4, weights=np.append(np.zeros(10_000), 1)) == -1


@given(ENDS, ENDS, BITS)
def test_an_affine_format_makes_zero_exact_and_covers_its_range(one, other, bits):
    low, high = min(one, other), max(one, other)
    form = affine(low, high, bits=bits)
    assert quantize(np.float32(0), form) == form.zero and form.low <= form.zero <= form.high
    assert dequantize(np.array([form.zero]), form) == 0
    reached = [(form.low - form.zero) * form.scale, (form.high - form.zero) * form.scale]
    slack = form.scale * (0.5 + 2**-6)  # of a zero point rounded, and of a scale rounded to float32
    assert reached[0] <= min(low, 0) + slack and reached[1] >= max(high, 0) - slack


def test_the_affine_format_of_a_relu_starts_at_zero():
    form = affine(0.5, 2.55)
    assert (form.zero, form.scale) == (-128, np.float32(0.01))


def test_halves_round_to_even_around_the_zero_point():
    form = affine(-1.0, 254.0)
    assert form.zero == -127 and form.scale == 1
    assert quantize(np.float32([0.5, 1.5, 2.5, -0.5]), form).tolist() == [-127, -125, -125, -127]


def test_what_lies_beyond_clamps_infinities_too():
    form = affine(-1.0, 1.0)
    values = np.float32([np.inf, -np.inf, 1e30, -1e30])
    assert quantize(values, form).tolist() == [127, -128, 127, -128]


@given(st.integers(0, 2**32 - 1))
def test_symmetric_weights_use_127_and_never_128(seed):
    rows = np.random.default_rng(seed).normal(size=(3, 20)).astype(np.float32)
    rows[1] = 0
    scales = symmetric_scales(rows)
    assert scales[1] == 0
    integers = symmetric_integers(rows[[0, 2]], scales[[0, 2]])
    assert np.abs(integers).max(axis=1).tolist() == [127, 127]
    errors = np.abs(rows[[0, 2]] - integers * scales[[0, 2], None])
    assert (errors <= scales[[0, 2], None] * 0.501).all()
