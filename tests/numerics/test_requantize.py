"""Requantization against exact rational arithmetic, and accumulators against brute force."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar.numerics.accumulators import accumulator_bits, signed_bits, storage_bits, with_bias
from attar.numerics.requantize import precision_for, requantize, scaling, shared_scaling
from attar.numerics.rounding import half_added_and_shifted

FACTORS = st.fractions(min_value=Fraction(1, 2**31), max_value=2**20)
ACCUMULATORS = st.integers(-(2**31), 2**31 - 1)


def nearest(value: Fraction) -> int:
    """The nearest integer, halves up."""
    return math.floor(value + Fraction(1, 2))


@given(st.integers(-(2**61), 2**61), st.integers(0, 62))
def test_half_is_added_then_shifted(value, shift):
    assert int(half_added_and_shifted(np.array([value]), shift)[0]) == nearest(Fraction(value, 2**shift))


def test_halves_go_up_on_both_sides_of_zero():
    assert half_added_and_shifted(np.array([-6, -2, 2, 6]), 2).tolist() == [-1, 0, 1, 2]


@given(FACTORS)
def test_a_multiplier_is_normalized_and_close(factor):
    multiplier, shift = scaling(factor)
    assert 0 <= shift <= 62 and 0 < multiplier < 2**31
    assert multiplier % 2 or shift == 0
    assert abs(Fraction(multiplier, 2**shift) - factor) <= factor / 2**31


@given(FACTORS, ACCUMULATORS)
def test_requantization_is_the_exact_product_rounded(factor, accumulator):
    multiplier, shift = scaling(factor)
    exact = nearest(accumulator * Fraction(multiplier, 2**shift))
    found = int(requantize(np.array([accumulator], np.int32), multiplier, shift)[0])
    assert found == exact
    assert abs(found - accumulator * factor) <= Fraction(1, 2) + abs(accumulator) * factor / 2**31


@given(st.integers(0, 62), ACCUMULATORS)
def test_a_power_of_two_is_one_shift(exponent, accumulator):
    assert scaling(Fraction(1, 2**exponent)) == (1, exponent)
    found = requantize(np.array([accumulator]), 1, exponent)
    assert int(found[0]) == (accumulator + ((1 << exponent) >> 1)) >> exponent


@pytest.mark.parametrize("exponent", [0, 1, 30])
def test_a_power_above_one_needs_no_shift(exponent):
    assert scaling(Fraction(2**exponent)) == (2**exponent, 0)


def test_a_multiplier_that_rounds_up_to_a_power_loses_its_shift():
    assert scaling(1 - Fraction(1, 2**40)) == (1, 0)


def test_what_is_too_small_becomes_nothing_and_what_is_too_large_an_error():
    assert scaling(Fraction(1, 2**70)) == (0, 0)
    assert scaling(Fraction(3, 2**63)) == (1, 61)
    with pytest.raises(ValueError, match="does not fit 31 bits"):
        scaling(Fraction(2**31))
    with pytest.raises(ValueError, match="not positive"):
        scaling(Fraction(0))


@given(st.lists(FACTORS, min_size=1, max_size=4))
def test_factors_that_share_a_shift_are_as_exact_as_the_largest(factors):
    multipliers, shift = shared_scaling(factors)
    for multiplier, factor in zip(multipliers, factors, strict=True):
        assert abs(Fraction(multiplier, 2**shift) - factor) <= max(factors) / 2**31


@given(st.integers(32, 48), st.integers(0, 2**62), FACTORS)
def test_wide_accumulators_get_multipliers_whose_products_fit(bits, seed, factor):
    accumulator = seed % 2 ** (bits - 1)
    precision = precision_for(bits)
    if factor >= 2 ** (precision - 1):
        return
    multiplier, shift = scaling(factor, precision=precision)
    assert accumulator * multiplier + 2**61 < 2**63
    assert int(requantize(np.array([accumulator]), multiplier, shift)[0]) == nearest(
        accumulator * Fraction(multiplier, 2**shift)
    )


def test_equation_4_holds_by_brute_force():
    """The largest |sum| of o products of m-bit and n-bit integers fits in m + n + ceil(log2 o) bits, a bias too."""
    for m, n, terms in itertools.product(range(1, 6), range(1, 6), range(1, 17)):
        ends = itertools.product((-(2 ** (m - 1)), 2 ** (m - 1) - 1), (-(2 ** (n - 1)), 2 ** (n - 1) - 1))
        products = [a * w for a, w in ends]
        bits = accumulator_bits(m, n, terms)
        assert bits == m + n + math.ceil(math.log2(terms))
        bias = 2 ** (bits - 2) - 1
        assert with_bias(bits, bias) == bits and with_bias(bits, bias + 1) == bits + 1
        assert signed_bits(terms * min(products) - bias, terms * max(products) + bias) <= bits


@pytest.mark.parametrize("values, bits", [((0,), 1), ((-1,), 1), ((1,), 2), ((-128, 127), 8), ((128,), 9), ((255,), 9)])
def test_bits_of_twos_complement(values, bits):
    assert signed_bits(*values) == bits


@pytest.mark.parametrize("bits, stored", [(8, 32), (32, 32), (33, 64), (48, 64)])
def test_accumulators_are_32_bits_wide_unless_that_is_too_little(bits, stored):
    assert storage_bits(bits) == stored
