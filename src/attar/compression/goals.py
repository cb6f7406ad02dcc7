"""What a search strives for: least bytes within a quality budget, or least damage within a byte budget."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import numpy as np

NEAR = 4.0  # loads from 1/4 to 4 say where the limit is
FEWEST_TO_FIT = 4

Choice = tuple[int, ...]  # one candidate index for every layer


@dataclass(frozen=True)
class Judged:
    """A choice after the network ran with it.

    Attributes:
        size_bytes: of the layers' streams. damage: to the output. load: the share of the quality limits it uses up.
    """

    choice: Choice
    size_bytes: int
    damage: float
    load: float


class Goal(Protocol):
    """An order of judged choices and a direction along the curve from many bytes to few."""

    def rank(self, judged: Judged) -> tuple[float, float]:
        """Return the sort key: the least is best."""

    def go_on(self, judged: Judged) -> bool:
        """Tell whether fewer bytes than these are still to be tried."""

    def settle(self, seen: Collection[Judged]) -> "Goal":
        """Return the goal for single moves, once the curve has been walked."""

    def promising(self, saved: int, added: float, size_bytes: int) -> bool:
        """Tell whether a move that saves bytes and adds damage (both by estimate) is worth a run of the network."""


@dataclass(frozen=True)
class LeastBytes:
    """The fewest bytes among the choices that keep the quality limits.

    A limit such as a drop is decided by a few samples, and a search that tries hundreds of plans finds those that a few
    samples favor by chance. Damage is far smoother: once it is known how much of it the limits allow (`max_damage`),
    no choice may do more, whatever its load.
    """

    max_damage: float = math.inf

    def rank(self, judged: Judged) -> tuple[float, float]:
        kept = self.go_on(judged)
        return (not kept, judged.size_bytes if kept else judged.damage)

    def go_on(self, judged: Judged) -> bool:
        return judged.load <= 1 and judged.damage <= self.max_damage

    def settle(self, seen: Collection[Judged]) -> "LeastBytes":
        """Return the goal with the damage at which, by all that was seen, the limits are used up."""
        return LeastBytes(_damage_at_full_load(seen))

    def promising(self, saved: int, added: float, size_bytes: int) -> bool:
        return saved > 0


@dataclass(frozen=True)
class LeastDamage:
    """The least damage among the choices of at most `target_bytes`."""

    target_bytes: int

    def rank(self, judged: Judged) -> tuple[float, float]:
        fits = judged.size_bytes <= self.target_bytes
        return (not fits, judged.damage if fits else judged.size_bytes)

    def go_on(self, judged: Judged) -> bool:
        return judged.size_bytes > self.target_bytes

    def settle(self, seen: Collection[Judged]) -> "LeastDamage":
        return self

    def promising(self, saved: int, added: float, size_bytes: int) -> bool:
        return size_bytes <= self.target_bytes and added < 0


def _damage_at_full_load(seen: Collection[Judged]) -> float:
    """Return where a straight line of log load over log damage crosses load 1; infinity if that can't be told."""
    near = [
        (math.log(j.damage), math.log(j.load)) for j in seen if 0 < j.damage < math.inf and 1 / NEAR < j.load < NEAR
    ]
    if len({damage for damage, _ in near}) < FEWEST_TO_FIT:
        return math.inf
    slope, intercept = np.polyfit(*zip(*near, strict=True), deg=1)
    return math.exp(-intercept / slope) if slope > 0 else math.inf
