"""What the symbol coders need to know about n integers: their range and, when it is small, how often each occurs."""

from dataclasses import dataclass

import numpy as np

from .. import _native

ALPHABET_MAX = 4096


@dataclass(frozen=True)
class Histogram:
    """n symbols within low..high; `counts` (int64, one per value of the range) is None beyond 4096 values."""

    n: int
    low: int
    high: int
    counts: np.ndarray | None


def histogram(symbols: np.ndarray) -> Histogram:
    """The histogram of a contiguous int32 vector of at least one symbol."""
    low, high = _native.symbol_range(symbols)
    if high - low >= ALPHABET_MAX:
        return Histogram(symbols.size, low, high, None)
    counts = np.empty(high - low + 1, np.uint64)
    _native.histogram(symbols, low, counts)
    return Histogram(symbols.size, low, high, counts.astype(np.int64))


def information_bits(counts: np.ndarray) -> float:
    """n times the order-0 entropy, in bits: the least any code of one code word per symbol takes."""
    present = counts[counts > 0].astype(np.float64)
    total = present.sum()
    return float(total * np.log2(total) - (present * np.log2(present)).sum()) if total else 0.0
