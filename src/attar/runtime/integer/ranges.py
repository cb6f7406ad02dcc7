"""What values tensors take, seen batch by batch: their ends first, then a histogram between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

BINS = 8192


@dataclass(frozen=True)
class Range:
    """The least and the greatest value that was seen."""

    low: float
    high: float

    @property
    def largest(self) -> float:
        """The largest magnitude."""
        return max(-self.low, self.high, 0.0)

    def times(self, room: float) -> "Range":
        """Return the range with both ends that much farther from 0."""
        return Range(self.low * room, self.high * room)

    @property
    def span(self) -> float:
        """How far apart the ends are, 0 included as in every format."""
        return max(self.high, 0.0) - min(self.low, 0.0)

    @property
    def is_finite(self) -> bool:
        """Whether all that was seen is a number."""
        return bool(np.isfinite([self.low, self.high]).all())

    def with_number(self, number: float) -> "Range":
        """Return the range that has `number` in it too; NaN stays."""
        return self.joined(Range(number, number))

    def joined(self, other: "Range") -> "Range":
        """Return both together; NaN stays."""
        return Range(float(np.minimum(self.low, other.low)), float(np.maximum(self.high, other.high)))


@dataclass(frozen=True, eq=False)
class Histogram:
    """Points that stand for all values: the means (float64) of those in each bin, ascending, and how many those are."""

    points: np.ndarray
    counts: np.ndarray

    def within(self, percent: float) -> Range:
        """Return the range that leaves out, at either end, at most 100 - `percent` percent of the values."""
        share = np.cumsum(self.counts) / self.counts.sum()
        low = int(np.searchsorted(share, 1 - percent / 100, side="right"))
        high = int(np.searchsorted(share, percent / 100))
        return Range(float(self.points[min(low, high)]), float(self.points[min(high, len(share) - 1)]))


Batches = Iterator[Mapping[str, np.ndarray]]


def find_ranges(batches: Batches) -> tuple[dict[str, Range], dict[str, tuple[int, ...]]]:
    """Return the ends of every tensor that has numbers at all, NaN or infinite where it holds such, and its shape.

    The shape is what follows the first axis.
    """
    found: dict[str, Range] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for batch in batches:
        for name, values in batch.items():
            shapes[name] = values.shape[1:]
            if values.size:
                seen = Range(float(values.min()), float(values.max()))
                found[name] = seen.joined(found.get(name, seen))
    return found, shapes


def find_histograms(batches: Batches, ranges: Mapping[str, Range]) -> dict[str, Histogram]:
    """Return the histogram of every tensor over its range."""
    counts = {name: np.zeros(BINS, np.int64) for name in ranges}
    sums = {name: np.zeros(BINS) for name in ranges}
    for batch in batches:
        for name in ranges:
            values = batch[name]
            flat, ends = values.reshape(-1).astype(np.float64), ranges[name]
            width = (ends.high - ends.low) / BINS or 1.0
            bins = np.clip((flat - ends.low) / width, 0, BINS - 1).astype(np.int64)
            counts[name] += np.bincount(bins, minlength=BINS)
            sums[name] += np.bincount(bins, flat, BINS)
    return {name: _histogram(counts[name], sums[name]) for name in ranges}


def _histogram(counts: np.ndarray, sums: np.ndarray) -> Histogram:
    held = counts > 0
    return Histogram(sums[held] / counts[held], counts[held])
