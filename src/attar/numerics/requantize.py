"""From one integer scale to another: a real factor as an integer multiplier and a shift, applied in 64 bits.

A factor M becomes multiplier x 2^-shift. A power of two becomes a multiplier of 1 with a shift alone (or, above 1, the
power itself without a shift), so that fixed point needs no rule of its own.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from .rounding import half_added_and_shifted

MOST_SHIFT = 62
PRODUCT_BITS = 63  # of an accumulator times a multiplier, their signs together: room for the half that is added
MULTIPLIER_BITS = 31  # fit an int32 without its sign

Scaling = tuple[int, int]  # multiplier, shift


def precision_for(accumulator_bits: int) -> int:
    """Return how many bits a multiplier may have so that its products with such accumulators fit 64 bits."""
    return min(MULTIPLIER_BITS, PRODUCT_BITS - accumulator_bits)


def scaling(factor: Fraction, *, precision: int = MULTIPLIER_BITS) -> Scaling:
    """Return multiplier and shift of `factor` > 0: `precision` significant bits, rounded half to even, in lowest terms.

    The shift is 0 to 62: of factors below 2^(precision - 63) only what is left at 2^-62 counts. The multiplier is odd
    unless the shift is 0; taking common factors of two out of both changes no result.

    Raises:
        ValueError: the factor is not positive, or 2^precision and more.
    """
    ((multiplier,), shift) = shared_scaling([factor], precision=precision)
    if factor <= 0:
        raise ValueError(f"a factor of {float(factor):g} is not positive")
    return multiplier, shift


def shared_scaling(factors: Sequence[Fraction], *, precision: int = MULTIPLIER_BITS) -> tuple[tuple[int, ...], int]:
    """Return one multiplier for each factor, of either sign, and their common shift; the largest has `precision` bits.

    Raises:
        ValueError: a factor is 2^precision or more.
    """
    largest = max(map(abs, factors))
    shift = MOST_SHIFT if largest == 0 else min(precision - 1 - _exponent(largest), MOST_SHIFT)
    if largest and round(largest * Fraction(2) ** shift) == 2**precision:  # rounded up to a bit more
        shift -= 1
    if shift < 0:
        raise ValueError(f"a factor of {float(largest):g} does not fit {precision} bits")
    multipliers = [round(factor * 2**shift) for factor in factors]
    while shift > 0 and not any(multiplier & 1 for multiplier in multipliers):
        multipliers, shift = [multiplier >> 1 for multiplier in multipliers], shift - 1
    return tuple(multipliers), shift


def requantize(accumulators: np.ndarray, multipliers: np.ndarray | int, shifts: np.ndarray | int) -> np.ndarray:
    """Return (accumulator x multiplier + half) >> shift in int64; multipliers and shifts broadcast."""
    products = accumulators.astype(np.int64) * np.asarray(multipliers, np.int64)
    return half_added_and_shifted(products, np.asarray(shifts, np.int64))


def _exponent(number: Fraction) -> int:
    """Return the exponent e with 2^e <= number < 2^(e+1)."""
    guess = number.numerator.bit_length() - number.denominator.bit_length()
    return guess if Fraction(2) ** guess <= number else guess - 1
