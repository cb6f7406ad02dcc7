"""What the accumulators of a run held, beside the widths that were planned for them."""

from dataclasses import dataclass

import numpy as np

from ...errors import ModelError
from ...numerics.accumulators import signed_bits


@dataclass(frozen=True)
class Accumulator:
    """What an operator's accumulators held: their planned width, and the least and greatest that was seen."""

    planned_bits: int
    low: int
    high: int

    @property
    def used_bits(self) -> int:
        """The fewest bits that would have held what was seen."""
        return signed_bits(self.low, self.high)

    def joined(self, other: "Accumulator") -> "Accumulator":
        """Return both together."""
        return Accumulator(self.planned_bits, min(self.low, other.low), max(self.high, other.high))


class Record:
    """The accumulators of a run, by the name of the operator's output."""

    def __init__(self) -> None:
        self.seen: dict[str, Accumulator] = {}

    def add(self, name: str, planned_bits: int, sums: np.ndarray) -> None:
        """Take in the accumulators of one batch.

        Raises:
            ModelError: one leaves the planned width.
        """
        found = Accumulator(planned_bits, int(sums.min()), int(sums.max()))
        if found.used_bits > planned_bits:
            raise ModelError(
                f"operator '{name}': its accumulator reached {found.low}..{found.high}, "
                f"which {planned_bits} bits do not hold"
            )
        self.seen[name] = found.joined(self.seen[name]) if name in self.seen else found
