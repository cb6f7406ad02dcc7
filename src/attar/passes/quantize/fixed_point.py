"""Dynamic fixed point: every weight becomes an integer of a few bits times a power of two, one for the layer.

w = (-1)^s 2^-f sum 2^i x_i with n bits, the sign included; f is the fraction length of least squared error among the
one that covers the largest weight and the two finer ones, which clip the tail. Where the second moment of a matrix's
inputs was measured, each weight's error counts by the power of its input. Sources: Ge et al. 2017, eq. 2; Ristretto
(Gysel et al. 2016). Cost: n bits a weight before entropy coding, and 2 bytes for the step.
"""

from dataclasses import dataclass, field

import numpy as np

from ...codec import GridHint
from ...numerics.fixed_point import best_fraction, covering_fraction, fixed_point
from ...numerics.formats import quantize
from ..settings import limits
from ..weights import Weights


@dataclass(frozen=True)
class FixedPoint:
    """How many bits a weight has, its sign included; `fraction`, where it is not to be chosen."""

    bits: int = field(default=8, metadata=limits(2, 16))
    fraction: int | None = field(default=None, metadata=limits(-100, 100))


@dataclass(frozen=True)
class Point:
    """The decision: bits, and how many of them lie behind the binary point."""

    bits: int
    fraction: int


def plan(weights: Weights, config: FixedPoint) -> Point:
    """Settle the fraction length."""
    if config.fraction is not None:
        return Point(config.bits, config.fraction)
    first = covering_fraction(float(np.abs(weights.values).max(initial=0.0)), bits=config.bits)
    return Point(config.bits, best_fraction(weights.matrix, first, bits=config.bits, weights=_powers(weights)))


def apply(weights: Weights, point: Point) -> Weights:
    """Clamp every weight to the range, then round it half to even."""
    form = fixed_point(point.bits, point.fraction)
    integers, scale = quantize(weights.values, form), np.float32(form.scale)
    return weights.with_values(integers.astype(np.float32) * scale, GridHint(integers, np.array([scale])))


def _powers(weights: Weights) -> np.ndarray | None:
    """Return the power of each input (inputs,), in the order of the columns; None where it was not measured."""
    return np.diagonal(weights.statistics.moment) if weights.has_moment else None
