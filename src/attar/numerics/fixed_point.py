"""Dynamic fixed point: n bits of two's complement, the last f of them behind the binary point; f may have any sign.

Integer lengths as Ristretto chooses them (Gysel et al. 2016): il = ceil(log2(max) + 1) with the sign bit, f = n - il.
"""

import math

import numpy as np

from .formats import Format, quantize

FARTHEST = 100  # largest |f|: 2^-f and its products with integers stay normal float32 numbers
FINER = 2  # how many steps beyond the one that covers everything are tried: f, f + 1, f + 2


def fixed_point(bits: int, fraction: int, *, signed: bool = True) -> Format:
    """Return the format of `bits` bits, `fraction` of them behind the point."""
    return Format(bits, signed, 2.0**-fraction)


def covering_fraction(largest: float, *, bits: int, signed: bool = True) -> int:
    """Return the fraction length that covers magnitudes up to `largest`; a power of two itself saturates by a step.

    `signed`: il = ceil(log2(largest)) + 1, the sign bit included; else il = ceil(log2(largest)).
    """
    if not largest > 0:
        return bits - signed
    fraction = bits - signed - math.ceil(math.log2(largest))
    return max(-FARTHEST, min(fraction, FARTHEST))


def ristretto_fraction(largest: float, *, bits: int, signed: bool = True) -> int:
    """Return the fraction length of activations as Ristretto chooses it: an integer bit less than would cover them."""
    return min(covering_fraction(largest, bits=bits, signed=signed) + 1, FARTHEST)


def best_fraction(
    values: np.ndarray, first: int, *, bits: int, signed: bool = True, weights: np.ndarray | None = None
) -> int:
    """Return which of `first`, `first` + 1 and `first` + 2 has the least squared error, the smallest of equals.

    A finer step clips the tail and halves the rounding error of all else. `weights`: what each squared error counts,
    of a shape that broadcasts to that of `values`; alike without.
    """
    candidates = range(first, min(first + FINER, FARTHEST) + 1)
    return min(candidates, key=lambda f: squared_error(values, fixed_point(bits, f, signed=signed), weights))


def squared_error(values: np.ndarray, form: Format, weights: np.ndarray | None = None) -> float:
    """Return the sum of weighted squared differences between `values` and what `form` makes of them, float64."""
    kept = (quantize(values, form).astype(np.float64) - form.zero) * form.scale
    errors = np.square(values - kept)
    return float(np.sum(errors if weights is None else errors * weights))
