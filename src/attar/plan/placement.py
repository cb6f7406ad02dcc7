"""Byte offsets for blocks: first fit, largest first (as TensorFlow Lite does), then a search among placement orders.

First fit puts block after block at the lowest place that keeps it apart from those already there. For blocks whose
buffers begin at one byte some order of placing gives the least arena there is: that in which the blocks of such an
arena lie, from low to high, since each then comes to lie no higher than there. So only the order is searched.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .buffers import Block, Buffer, lower_bound, meetings

EFFORT = 2000  # placements that the search tries; a fixed number, so that the same input gives the same bytes
MOST_LOOKS = EFFORT * 5000  # at neighbors, over all placements: many blocks are tried in fewer orders


@dataclass(frozen=True)
class Placement:
    """Where every block begins, and the bytes of the arena."""

    offsets: tuple[int, ...]
    arena_bytes: int

    def buffers(self, blocks: Sequence[Block]) -> list[Buffer]:
        """Return the buffers of `blocks` where they lie."""
        return [member.moved(o) for block, o in zip(blocks, self.offsets, strict=True) for member in block.members]


class Neighbors:
    """Which blocks must keep apart, and by how much: worked out once, asked at every placement."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.sizes = [block.size_bytes for block in blocks]
        # To block i: for every other block j the pairs (low, high) such that offset_i - offset_j may not lie between.
        self.bans: list[dict[int, list[tuple[int, int]]]] = [{} for _ in blocks]
        members = [(index, member) for index, block in enumerate(blocks) for member in block.members]
        for one, two in meetings([member for _, member in members]):
            (i, a), (j, b) = members[one], members[two]
            if i != j and a.size_bytes and b.size_bytes:
                self.bans[i].setdefault(j, []).append((b.offset - a.end, b.end - a.offset))
                self.bans[j].setdefault(i, []).append((a.offset - b.end, a.end - b.offset))

    def banned(self, index: int, offsets: Sequence[int | None]) -> list[tuple[int, int]]:
        """Return the open ranges in which block `index` may not begin, those without an offset left out; sorted."""
        return sorted(
            (offset + low, offset + high)
            for other, pairs in self.bans[index].items()
            if (offset := offsets[other]) is not None
            for low, high in pairs
        )

    def first_fit(self, order: Iterable[int]) -> Placement:
        """Place blocks in `order`, each at the lowest place left."""
        offsets: list[int | None] = [None] * len(self.sizes)
        for index in order:
            offsets[index] = lowest_outside(self.banned(index, offsets))
        arena = max((o + size for o, size in zip(offsets, self.sizes, strict=True)), default=0)
        return Placement(tuple(offsets), arena)


def lowest_outside(ranges: Iterable[tuple[int, int]]) -> int:
    """Return the least number from 0 on that lies inside none of the open `ranges`, sorted by their lower ends."""
    lowest = 0
    for low, high in ranges:
        if low < lowest < high:
            lowest = high
    return lowest


def by_size(blocks: Sequence[Block]) -> list[int]:
    """Return the order of TensorFlow Lite's greedy planner: largest first, then earliest."""
    return sorted(range(len(blocks)), key=lambda i: (-blocks[i].size_bytes, blocks[i].members[0].first))


def by_area(blocks: Sequence[Block]) -> list[int]:
    """Return the order of bytes times steps, largest first."""
    return sorted(
        range(len(blocks)), key=lambda i: -sum(m.size_bytes * (m.last - m.first + 1) for m in blocks[i].members)
    )


def by_time(blocks: Sequence[Block]) -> list[int]:
    """Return the order of first steps, larger blocks first."""
    return sorted(range(len(blocks)), key=lambda i: (blocks[i].members[0].first, -blocks[i].size_bytes))


STARTS: tuple[Callable[[Sequence[Block]], list[int]], ...] = (by_size, by_area, by_time)


def greedy(blocks: Sequence[Block]) -> Placement:
    """Return first fit, largest first."""
    return Neighbors(blocks).first_fit(by_size(blocks))


def search(blocks: Sequence[Block], *, seed: int = 0, effort: int = EFFORT) -> Placement:
    """Return the best of several orders and of what a walk from the best of them finds; never worse than `greedy`.

    A move takes one block to another place in the order; it stays if the arena grows no larger. The walk ends after
    `effort` placements, fewer of very many blocks, or where the lower bound is reached.
    """
    neighbors, bound = Neighbors(blocks), lower_bound(blocks)
    best, order = min(
        ((neighbors.first_fit(order), order) for order in (start(blocks) for start in STARTS)),
        key=lambda found: found[0].arena_bytes,
    )
    looks = sum(len(pairs) for bans in neighbors.bans for pairs in bans.values())
    rng, tries = random.Random(seed), min(effort, MOST_LOOKS // max(looks, 1))
    for _ in range(tries if len(blocks) > 1 else 0):
        if best.arena_bytes <= bound:
            break
        moved = _moved(order, rng)
        placed = neighbors.first_fit(moved)
        if placed.arena_bytes <= best.arena_bytes:
            best, order = placed, moved
    return best


def _moved(order: Sequence[int], rng: random.Random) -> list[int]:
    moved = list(order)
    moved.insert(rng.randrange(len(order)), moved.pop(rng.randrange(len(order))))
    return moved
