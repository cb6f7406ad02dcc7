"""Pieces of memory with lifetimes: bytes after bit widths, blocks of pieces that share bytes, and what must be live.

A step is one operator. A buffer holds bytes from step `first` to step `last`, both included.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

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
        return replace(self, offset=self.offset + distance)

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


def live_bytes(blocks: Sequence[Block]) -> list[int]:
    """Return, for every step up to the last one that anything lives, how many bytes hold something."""
    steps = max((member.last for block in blocks for member in block.members), default=-1) + 1
    totals = [0] * steps
    for block in blocks:
        for step in range(min(m.first for m in block.members), max(m.last for m in block.members) + 1):
            totals[step] += covered(member for member in block.members if member.first <= step <= member.last)
    return totals


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
