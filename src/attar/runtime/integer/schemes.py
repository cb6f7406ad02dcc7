"""The choices of integer inference: which formats, how many bits, and which part of a tensor's range they cover."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import RecipeError
from ...numerics.formats import FEWEST_BITS, MOST_BITS

Bits = int | Mapping[str, int]  # one width for all, or one by name; names that are missing get DEFAULT_BITS
DEFAULT_BITS = 8


@dataclass(frozen=True)
class KeepSign:
    """Non-negative activations leave the sign bit unused, as the activation format of Ge et al. counts it."""


@dataclass(frozen=True)
class DropSign:
    """Non-negative activations use all their bits: a finer step by a factor of two."""


@dataclass(frozen=True)
class FixedPoint:
    """Power-of-two scales, one for each tensor: requantization is a shift alone.

    Attributes:
        activation_bits: 2 to 16, by tensor. weight_bits: 2 to 16, by the name of the weights.
        non_negative: what becomes of the sign bit of tensors that are never negative.
    """

    activation_bits: Bits = DEFAULT_BITS
    weight_bits: Bits = DEFAULT_BITS
    non_negative: KeepSign | DropSign = DropSign()


@dataclass(frozen=True)
class Affine:
    """Real scales: activations with a zero point, weights symmetric with one scale for every output channel."""

    activation_bits: Bits = DEFAULT_BITS
    weight_bits: Bits = DEFAULT_BITS


Scheme = FixedPoint | Affine


@dataclass(frozen=True)
class MinMax:
    """Everything that was seen."""


@dataclass(frozen=True)
class Extrapolated:
    """Everything that was seen, and the room that `numbers` of a normal distribution take beyond as many as were.

    A hundred numbers end where the next hundred do not: of few, the ends say little about those to come.
    """

    numbers: int = 10_000

    def room(self, seen: int) -> float:
        """Return what the ends of `seen` numbers are to be multiplied by."""
        return max(math.log(self.numbers) / math.log(max(seen, 2)), 1.0) ** 0.5


@dataclass(frozen=True)
class Percentile:
    """All but the outermost: at either end the share of values beyond is at most 100 - `percent` percent."""

    percent: float = 99.99


@dataclass(frozen=True)
class LeastSquares:
    """The range of least squared error, rounding and clipping together."""


@dataclass(frozen=True)
class Ristretto:
    """Of fixed point, an integer bit less than what was seen would need."""


Method = MinMax | Extrapolated | Percentile | LeastSquares | Ristretto


def bits_of(bits: Bits, name: str) -> int:
    """Return the width chosen for `name`.

    Raises:
        RecipeError: it is below 2 or above 16.
    """
    chosen = bits if isinstance(bits, int) else bits.get(name, DEFAULT_BITS)
    if not FEWEST_BITS <= chosen <= MOST_BITS:
        raise RecipeError(f"'{name}': {chosen} bits are outside {FEWEST_BITS} to {MOST_BITS}")
    return chosen
