"""How an integer stands for a number: value = (q - zero) x scale, with q of so many bits, signed or not.

Fixed point and affine formats are both of this kind: the first has a power of two for its scale and no zero point.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .accumulators import signed_bits
from .rounding import to_integers

FEWEST_BITS, MOST_BITS = 2, 16


@dataclass(frozen=True)
class Format:
    """What integers of one tensor mean.

    Attributes:
        bits: 2 to 16. signed: two's complement, or 0 to 2^bits - 1.
        scale: of one step, above 0; a float32 value, so that it fits into a file as it is.
        zero: the integer that stands for 0.0, within the range.
    """

    bits: int
    signed: bool
    scale: float
    zero: int = 0

    @property
    def low(self) -> int:
        """The least integer."""
        return -(2 ** (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The greatest integer."""
        return self.low + 2**self.bits - 1

    @property
    def exact_scale(self) -> Fraction:
        """The scale as the rational number that it is."""
        return Fraction(self.scale)


def offset_bits(form: Format) -> int:
    """Return the bits of q - zero, the sign included: the m of eq. 4 of Ge et al."""
    return signed_bits(form.low - form.zero, form.high - form.zero)


def quantize(values: np.ndarray, form: Format) -> np.ndarray:
    """Return int32 integers, same shape: zero + round half to even of values / scale, clamped before it is rounded.

    The division is one in float32, exact for a power of two. Infinities clamp; NaN is the caller's to refuse.
    """
    steps = np.asarray(values, np.float32) / np.float32(form.scale)
    clamped = np.clip(steps, np.float32(form.low - form.zero), np.float32(form.high - form.zero))
    return to_integers(clamped).astype(np.int32) + np.int32(form.zero)


def dequantize(integers: np.ndarray, form: Format) -> np.ndarray:
    """Return float32 values, same shape: (q - zero) x scale, one float32 multiplication."""
    return (integers.astype(np.int32) - np.int32(form.zero)).astype(np.float32) * np.float32(form.scale)
