"""What a search strives for: least bytes within a quality budget, or least damage within a byte budget."""

from dataclasses import dataclass
from typing import Protocol

Choice = tuple[int, ...]  # one candidate index for every layer


@dataclass(frozen=True)
class Judged:
    """A choice after the network ran with it: bytes of the layers' streams, damage, and whether quality limits hold."""

    choice: Choice
    size_bytes: int
    damage: float
    within: bool


class Goal(Protocol):
    """An order of judged choices and a direction along the curve from many bytes to few."""

    def rank(self, judged: Judged) -> tuple[float, float]:
        """Return the sort key: the least is best."""

    def go_on(self, judged: Judged) -> bool:
        """Tell whether fewer bytes than these are still to be tried."""

    def promising(self, saved: int, added: float, size_bytes: int) -> bool:
        """Tell whether a move that saves bytes and adds damage (both by estimate) is worth a run of the network."""


@dataclass(frozen=True)
class LeastBytes:
    """The fewest bytes among the choices that keep the quality limits."""

    def rank(self, judged: Judged) -> tuple[float, float]:
        return (not judged.within, judged.size_bytes if judged.within else judged.damage)

    def go_on(self, judged: Judged) -> bool:
        return judged.within

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

    def promising(self, saved: int, added: float, size_bytes: int) -> bool:
        return size_bytes <= self.target_bytes and added < 0
