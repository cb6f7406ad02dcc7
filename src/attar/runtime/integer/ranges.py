"""What values tensors take, seen batch by batch: their ends first, then a histogram between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import DataError

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


def find_ranges(batches: Batches) -> dict[str, Range]:
    """Return the ends of every tensor.

    Raises:
        DataError: one holds values that are not finite.
    """
    found: dict[str, Range] = {}
    for batch in batches:
        for name, values in batch.items():
            low, high = float(values.min()), float(values.max())
            if not np.isfinite([low, high]).all():
                raise DataError(f"tensor '{name}' takes values that are not finite: {low}..{high}")
            old = found.get(name, Range(low, high))
            found[name] = Range(min(old.low, low), max(old.high, high))
    return found


def find_histograms(batches: Batches, ranges: Mapping[str, Range]) -> dict[str, Histogram]:
    """Return the histogram of every tensor over its range."""
    counts = {name: np.zeros(BINS, np.int64) for name in ranges}
    sums = {name: np.zeros(BINS) for name in ranges}
    for batch in batches:
        for name, values in batch.items():
            flat, ends = values.reshape(-1).astype(np.float64), ranges[name]
            width = (ends.high - ends.low) / BINS or 1.0
            bins = np.clip((flat - ends.low) / width, 0, BINS - 1).astype(np.int64)
            counts[name] += np.bincount(bins, minlength=BINS)
            sums[name] += np.bincount(bins, flat, BINS)
    return {name: _histogram(counts[name], sums[name]) for name in ranges}


def _histogram(counts: np.ndarray, sums: np.ndarray) -> Histogram:
    held = counts > 0
    return Histogram(sums[held] / counts[held], counts[held])
