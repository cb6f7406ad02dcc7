"""The streams K (values) and I (gaps) of a relative index as histograms, for any bound (Ge et al. 2017, eq. 3).

A gap g under bound b becomes (g - 1) // b fillers of b and a last gap of g - b * fillers, so the histogram of the
gaps alone tells both streams' histograms, whatever the bound, with no second look at the symbols.
"""

from dataclasses import dataclass

import numpy as np

from .elements import pieces
from .histogram import ALPHABET_MAX

BOUND_MAX = 4096
_SHORT = 1 << 12


@dataclass(frozen=True)
class GapHistogram:
    """Distinct gaps (ascending) with their counts, and the counts of the non-zero values from `low` on (all int64)."""

    gaps: np.ndarray
    counts: np.ndarray
    low: int
    values: np.ndarray

    @property
    def entries(self) -> int:
        """The number of non-zero symbols."""
        return int(self.counts.sum())

    @property
    def bounds(self) -> range:
        """Every bound worth a try."""
        return range(1, min(int(self.gaps[-1]), BOUND_MAX) + 1)


def gap_histogram(symbols: np.ndarray, *, low: int, counts: np.ndarray) -> GapHistogram | None:
    """The gaps of an int32 vector with at least one non-zero, where `counts` tell its symbols from `low` on.

    None when the values together with the zero of fillers span too many for a table.
    """
    gaps, gap_counts = _count_gaps(symbols)
    low, values = _without_zero(low, counts)
    if max(low + len(values) - 1, 0) - min(low, 0) >= ALPHABET_MAX:
        return None
    return GapHistogram(gaps, gap_counts, low, values)


def _count_gaps(symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct gaps, ascending, and their counts; piece by piece, as positions take twice the memory of symbols."""
    short, long, last = np.zeros(_SHORT, np.int64), {}, -1
    for part in pieces(symbols):
        positions = np.flatnonzero(symbols[part]) + part.start
        found = np.diff(positions, prepend=last)
        last = int(positions[-1]) if len(positions) else last
        short += np.bincount(found[found < _SHORT], minlength=_SHORT)
        for gap in found[found >= _SHORT].tolist():
            long[gap] = long.get(gap, 0) + 1
    gaps = np.flatnonzero(short)
    return np.append(gaps, sorted(long)).astype(np.int64), np.append(
        short[gaps], [long[gap] for gap in sorted(long)]
    ).astype(np.int64)


def _without_zero(low: int, counts: np.ndarray) -> tuple[int, np.ndarray]:
    counts = counts.copy()
    if 0 <= -low < len(counts):
        counts[-low] = 0
    present = np.flatnonzero(counts)
    return low + int(present[0]), counts[present[0] : present[-1] + 1]


def split(hist: GapHistogram, bound: int) -> tuple[np.ndarray, int]:
    """Counts of the gaps 0..bound in stream I, and the number of fillers among them."""
    fillers = (hist.gaps - 1) // bound
    counts = np.zeros(bound + 1, np.int64)
    np.add.at(counts, hist.gaps - bound * fillers, hist.counts)
    total = int(fillers @ hist.counts)
    counts[bound] += total
    return counts, total


def with_fillers(hist: GapHistogram, fillers: int) -> tuple[int, np.ndarray]:
    """Least value and counts of stream K: the non-zero values and `fillers` zeros."""
    if fillers == 0:
        return hist.low, hist.values
    low = min(hist.low, 0)
    high = max(hist.low + len(hist.values) - 1, 0)
    counts = np.zeros(high - low + 1, np.int64)
    counts[hist.low - low : hist.low - low + len(hist.values)] = hist.values
    counts[-low] += fillers
    return low, counts
