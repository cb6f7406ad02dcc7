"""Widths of activations under a fixed sum of bits: Ge et al. 2017, eq. 5 for m, solved by exchanging bits.

The paper gives no algorithm. Since E_m is a maximum, only the layers at the maximum matter: a round takes one bit from
each of them and gives it to the layer where that costs least, among those that stay below the maximum. E_m falls with
every round, so no exchange is ever taken back: that would restore a maximum already left. A round costs one evaluation
of E_c for every layer that might receive.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .shared_buffer import shared_buffer_bits

Widths = tuple[int, ...]
LEAST_BITS, MOST_BITS = 2, 32  # one bit of an activation is a sign that it doesn't use
EVALUATIONS_PER_LAYER = 8


@dataclass(frozen=True)
class Solved:
    """Widths, what they come to, and what they cost to find.

    Attributes:
        widths: bits by layer. shared_bits: E_m. error: E_c. evaluations: calls of the judge.
    """

    widths: Widths
    shared_bits: int
    error: float
    evaluations: int


def solve(
    widths: Sequence[int],
    elements: Sequence[int],
    judge: Callable[[Widths], float],
    *,
    memory_weight: float,
    error_weight: float = 1.0,
    max_evaluations: int | None = None,
) -> Solved:
    """Return widths of the same sum with a lower memory_weight x E_m + error_weight x E_c, where there are any.

    Args:
        widths: bits to begin with, by layer. elements: numbers in each layer's output.
        judge: returns E_c of widths. memory_weight, error_weight: the paper's lambda_m, in 1 / bits, and lambda_c.
        max_evaluations: calls of `judge` at most; eight for every layer if not given.
    """
    allowed = EVALUATIONS_PER_LAYER * len(widths) if max_evaluations is None else max_evaluations
    counted = _Counted(judge, max(allowed, 1))
    best = tuple(widths)
    error = counted(best)
    while True:
        found = _round(best, elements, counted)
        if found is None:
            break
        gain = memory_weight * (shared_buffer_bits(best, elements) - shared_buffer_bits(found[0], elements))
        if gain <= error_weight * (found[1] - error):
            break
        best, error = found
    return Solved(best, shared_buffer_bits(best, elements), error, counted.evaluations)


class _Counted:
    """A judge that knows how often it may still be asked."""

    def __init__(self, judge: Callable[[Widths], float], allowed: int) -> None:
        self.judge, self.allowed, self.evaluations = judge, allowed, 0

    def __call__(self, widths: Widths) -> float:
        self.evaluations += 1
        return self.judge(widths)

    def affords(self, count: int) -> bool:
        return self.evaluations + count <= self.allowed


def _round(widths: Widths, elements: Sequence[int], judge: _Counted) -> tuple[Widths, float] | None:
    """Take a bit from every layer at the maximum; return widths and error, None where that can't be done."""
    limit, error = shared_buffer_bits(widths, elements), 0.0
    for donor in [i for i, width in enumerate(widths) if width * elements[i] == limit]:
        options = _exchanges(widths, elements, donor, limit)
        if not options or not judge.affords(len(options)):
            return None
        error, widths = min((judge(option), option) for option in options)
    return widths, error


def _exchanges(widths: Widths, elements: Sequence[int], donor: int, limit: int) -> list[Widths]:
    """Return the widths after each exchange from `donor` to a layer that stays below `limit` bits of memory."""
    if widths[donor] <= LEAST_BITS:
        return []
    receivers = (i for i, m in enumerate(widths) if i != donor and m < MOST_BITS and (m + 1) * elements[i] < limit)
    return [tuple(m + (i == to) - (i == donor) for i, m in enumerate(widths)) for to in receivers]
