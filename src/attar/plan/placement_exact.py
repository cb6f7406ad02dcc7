"""The least arena there is, for few blocks: branch and bound over all placements in which every block rests on another.

Pushed down as far as they go, the blocks of any arena rest on its floor or on one another, and can be put there one
after the other, each at the floor or touching one that is there. So it is enough to try every block at each such place.
"""

from collections.abc import Sequence

from .buffers import Block, lower_bound
from .placement import Neighbors, Placement, search

MAX_STATES = 20_000


def exact(blocks: Sequence[Block], *, seed: int = 0, max_states: int = MAX_STATES) -> Placement | None:
    """Return a placement of least arena; None where `max_states` partial placements don't suffice to prove one."""
    hunt = _Hunt(blocks, search(blocks, seed=seed), max_states)
    return hunt.best if hunt.run() else None


class _Hunt:
    """One search: the best placement so far, and the partial ones that were seen."""

    def __init__(self, blocks: Sequence[Block], start: Placement, max_states: int) -> None:
        self.neighbors, self.bound = Neighbors(blocks), lower_bound(blocks)
        self.best, self.max_states = start, max_states
        self.seen: set[tuple[int | None, ...]] = set()

    def run(self) -> bool:
        """Search, and say whether the best is proven."""
        open_states: list[tuple[int | None, ...]] = [(None,) * len(self.neighbors.sizes)]
        while open_states and self.best.arena_bytes > self.bound:
            offsets = open_states.pop()
            if None not in offsets:
                self.best = Placement(offsets, self._top(offsets))
                open_states = [state for state in open_states if self._top(state) < self.best.arena_bytes]
                continue
            fresh = [after for after in self._after(offsets) if after not in self.seen]
            self.seen.update(fresh)
            if len(self.seen) > self.max_states:
                return False
            open_states += fresh
        return True

    def _after(self, offsets: tuple[int | None, ...]) -> list[tuple[int | None, ...]]:
        """Return every way to place one more block below the best arena, the most promising last."""
        found = []
        for index, offset in enumerate(offsets):
            if offset is None:
                placed = ((*offsets[:index], place, *offsets[index + 1 :]) for place in self._places(index, offsets))
                found += [state for state in placed if self._top(state) < self.best.arena_bytes]
        return sorted(found, key=self._top, reverse=True)

    def _places(self, index: int, offsets: Sequence[int | None]) -> list[int]:
        banned = self.neighbors.banned(index, offsets)
        touching = {0, *(high for _, high in banned if high > 0)}
        return [place for place in touching if not any(low < place < high for low, high in banned)]

    def _top(self, offsets: Sequence[int | None]) -> int:
        pairs = zip(offsets, self.neighbors.sizes, strict=True)
        return max((offset + size for offset, size in pairs if offset is not None), default=0)
