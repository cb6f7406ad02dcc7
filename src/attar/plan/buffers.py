"""Pieces of memory with lifetimes: bytes after bit widths, blocks of pieces that share bytes, and what must be live.

A step is one operator. A buffer holds bytes from step `first` to step `last`, both included.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

MIN_BITS, MAX_BITS = 1, 64


@dataclass(frozen=True)
class Buffer:
    """`size_bytes` bytes at `offset` that hold a tensor from step `first` to step `last`, inclusive."""

    name: str
    size_bytes: int
    first: int
    last: int
    offset: int = 0

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.size_bytes

    def moved(self, distance: int) -> "Buffer":
        """Return it at another place."""
        return Buffer(self.name, self.size_bytes, self.first, self.last, self.offset + distance)

    def meets(self, other: "Buffer") -> bool:
        """Whether there is a step at which both hold something."""
        return self.first <= other.last and other.first <= self.last

    def overlaps(self, other: "Buffer") -> bool:
        """Whether both hold something at one step in one byte; a tensor without numbers holds nothing anywhere."""
        return self.meets(other) and max(self.offset, other.offset) < min(self.end, other.end)


@dataclass(frozen=True)
class Block:
    """Buffers whose places are fixed beside each other, the lowest at 0; they may share bytes, other blocks may not."""

    members: tuple[Buffer, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes from its lowest to its highest."""
        return max(member.end for member in self.members)

    @property
    def is_flat(self) -> bool:
        """Whether all buffers begin at the same byte."""
        return all(member.offset == 0 for member in self.members)


def packed_bytes(elements: int, bits: int) -> int:
    """Return the whole bytes that hold numbers of `bits` bits side by side: two to a byte for 4.

    Raises:
        ValueError: a width that no number has.
    """
    if not MIN_BITS <= bits <= MAX_BITS:
        raise ValueError(f"a width of {bits} bits: {MIN_BITS} to {MAX_BITS} are known")
    return -(-elements * bits // 8)


def aligned(size_bytes: int, alignment: int) -> int:
    """Return the least multiple of `alignment` that is not less.

    Raises:
        ValueError: an alignment below 1.
    """
    if alignment < 1:
        raise ValueError(f"an alignment of {alignment} bytes: at least 1 is needed")
    return -(-size_bytes // alignment) * alignment


def meetings(buffers: Sequence[Buffer]) -> Iterator[tuple[int, int]]:
    """Yield the places of every two buffers that hold something at one step, in no order that means anything."""
    live: list[int] = []
    for place in sorted(range(len(buffers)), key=lambda place: buffers[place].first):
        live = [other for other in live if buffers[other].last >= buffers[place].first]
        yield from ((other, place) for other in live)
        live.append(place)


def live_bytes(blocks: Sequence[Block]) -> list[int]:
    """Return, for every step up to the last one that anything lives, how many bytes hold something."""
    steps = max((member.last for block in blocks for member in block.members), default=-1) + 1
    changes = [0] * (steps + 1)
    for block in blocks:
        before = 0
        for step, now in _coverage(block):
            changes[step] += now - before
            before = now
    return list(accumulate(changes[:steps]))


def _coverage(block: Block) -> Iterator[tuple[int, int]]:
    """Yield the steps at which members come or go, and the bytes that hold something from there on."""
    coming = sorted(block.members, key=lambda member: member.first, reverse=True)
    live: list[Buffer] = []
    for step in sorted({end for member in block.members for end in (member.first, member.last + 1)}):
        live = [member for member in live if member.last >= step]
        while coming and coming[-1].first == step:
            live.append(coming.pop())
        yield step, covered(live)


def lower_bound(blocks: Sequence[Block]) -> int:
    """Return the bytes below which no arena can hold these blocks: the most that is live at one step."""
    return max(live_bytes(blocks), default=0)


def covered(buffers: Iterable[Buffer]) -> int:
    """Return how many bytes lie in at least one of the buffers."""
    total = reached = 0
    for buffer in sorted(buffers, key=lambda buffer: buffer.offset):
        total += max(0, buffer.end - max(buffer.offset, reached))
        reached = max(reached, buffer.end)
    return total
