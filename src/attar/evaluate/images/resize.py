"""The ways in which a processor says how large a picture becomes: each tells the new height and width of an old one."""

from dataclasses import dataclass
from typing import Protocol

from ...errors import DataError

MAX_EDGE = 16_384  # pixels; more is a slip of the pen, and gigabytes for one picture


class Resize(Protocol):
    """How large a picture becomes."""

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the new (height, width) of a picture of that size."""


@dataclass(frozen=True)
class Exactly:
    """That height and width, whatever the aspect was."""

    height: int
    width: int

    def size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width


@dataclass(frozen=True)
class ShortestEdge:
    """The shorter side gets that many pixels, the longer one as many as keep the aspect, its fraction cut off.

    Attributes:
        longest: what the longer side may have at most; where it would have more, both shrink.
    """

    pixels: int
    longest: int | None = None

    def size(self, height: int, width: int) -> tuple[int, int]:
        short, long = sorted((height, width))
        wanted = float(self.pixels)
        if self.longest is not None and long / short * self.pixels > self.longest:
            wanted = self.longest * short / long
        pixels = round(wanted)
        if pixels == short:
            return height, width
        other = int(wanted * long / short) if wanted < self.pixels else int(self.pixels * long / short)
        pixels, other = max(pixels, 1), _capped(other)
        return (pixels, other) if height <= width else (other, pixels)


@dataclass(frozen=True)
class Within:
    """As large as fits into that height and width with the aspect kept."""

    height: int
    width: int

    def size(self, height: int, width: int) -> tuple[int, int]:
        share = min(self.height / height, self.width / width)
        return max(int(height * share), 1), max(int(width * share), 1)


@dataclass(frozen=True)
class Bare:
    """A number, height and width for some processors, the shorter side for others: on a square picture all agree."""

    pixels: int

    def size(self, height: int, width: int) -> tuple[int, int]:
        if height != width:
            raise DataError(
                f"size {self.pixels} is height and width for some processors, the shortest edge for others, and no "
                f'image_processor_type says which; write {{"height": {self.pixels}, "width": {self.pixels}}} or '
                f'{{"shortest_edge": {self.pixels}}}'
            )
        return self.pixels, self.pixels


def _capped(pixels: int) -> int:
    """A strip of a picture may not become gigabytes."""
    if pixels > MAX_EDGE * 4:
        raise DataError(f"its longer side would become {pixels:,} pixels; the limit is {4 * MAX_EDGE:,}")
    return max(pixels, 1)
