"""Relative index + Huffman: the gaps and values of the non-zeros, with the bound found by exhaustive search.

Ge et al. 2017, eq. 3, and the relative index of Han et al. 2016. The search is exact: an entropy bound merely
leaves out the bounds that cannot win.
"""

import math
from dataclasses import dataclass

import numpy as np

from .. import _native
from . import huffman
from .bitio import varint, varint_size
from .gaps import BOUND_MAX, GapHistogram, gap_histogram, split, with_fillers
from .histogram import Histogram, information_bits

# Entropies are floating-point sums: a lower bound keeps this much distance from what it bounds.
_SLACK = 1 - 1e-9
_CELLS = 1 << 20


@dataclass(frozen=True)
class RelativePlan:
    """The bound, the number of entries (fillers included) and both codes; no codes when all symbols are zero."""

    bound: int
    entries: int
    values: huffman.Code | None
    gaps: huffman.Code | None
    size_bytes: int


def plan(
    symbols: np.ndarray, hist: Histogram, *, limit_bytes: int | None = None, exhaustive: bool = True
) -> RelativePlan | None:
    """The smallest relative payload of an int32 vector; None if no table can hold it or it must exceed the limit.

    `exhaustive` False tries a dozen likely bounds alone, which is quick and at most a few percent larger as a rule.
    """
    if hist.low == hist.high == 0:
        return RelativePlan(1, 0, None, None, 2)
    streams = None if hist.counts is None else gap_histogram(symbols, low=hist.low, counts=hist.counts)
    if streams is None or (limit_bytes is not None and least_size(streams) > limit_bytes):
        return None
    best = search(streams, limit_bytes=limit_bytes, exhaustive=exhaustive)
    return None if best is None else _plan(streams, best)


def least_size(streams: GapHistogram) -> float:
    """Bytes that no bound can beat.

    Whatever the bound, gap and value of a non-zero get code words of length A(gap) + B(value) that decode uniquely,
    so they take at least the information of the gaps plus that of the values.
    """
    return (information_bits(streams.counts) + information_bits(streams.values)) * _SLACK / 8 + 6


def search(streams: GapHistogram, *, limit_bytes: int | None = None, exhaustive: bool = True) -> int | None:
    """The least bound of smallest total size; None when every bound exceeds the limit."""
    value_bits: dict[int, int] = {}
    best = (math.inf if limit_bytes is None else limit_bytes, BOUND_MAX + 1)
    for bound in likely_bounds(streams):
        best = min(best, (_exact_size(streams, bound, value_bits), bound))
    if exhaustive:
        best = _search_every(streams, best, value_bits)
    return best[1] if best[1] <= BOUND_MAX else None


def likely_bounds(streams: GapHistogram) -> list[int]:
    """The powers of two, the longest bound, and the most frequent gap, which wins where the gaps are regular."""
    longest = len(streams.bounds)
    powers = [1 << i for i in range(longest.bit_length())]
    return sorted({*powers, longest, min(longest, int(streams.gaps[streams.counts.argmax()]))})


def _search_every(streams: GapHistogram, best: tuple[float, int], value_bits: dict[int, int]) -> tuple[float, int]:
    """Size and bound of the best of all, the most promising bounds first, so that most need no Huffman code."""
    least = least_sizes(streams, _bounds(streams, best[0]))
    for index in np.argsort(least, kind="stable").tolist():
        if least[index] > best[0]:
            break
        best = min(best, (_exact_size(streams, index + 1, value_bits), index + 1))
    return best


def _bounds(streams: GapHistogram, limit_bytes: float) -> np.ndarray:
    """The bounds whose gap table leaves room for the rest: half a byte for each gap from the least to the bound."""
    bounds = np.array(streams.bounds)
    return bounds[bounds <= streams.gaps[0] + 2 * (limit_bytes - least_size(streams)) + 1]


def least_sizes(streams: GapHistogram, bounds: np.ndarray) -> np.ndarray:
    """Bytes that the payload of each bound cannot go below: exact tables, streams at their entropy. Bounds ascend."""
    rows = max(1, _CELLS // max(int(bounds[-1]) + 1, len(streams.gaps)))
    return np.concatenate([_least_sizes(streams, bounds[i : i + rows]) for i in range(0, len(bounds), rows)])


def _least_sizes(streams: GapHistogram, bounds: np.ndarray) -> np.ndarray:
    """Shape (len(bounds),); the histograms of all these bounds at once, one row per bound."""
    width = int(bounds[-1]) + 1
    rows = np.arange(len(bounds))
    fillers = (streams.gaps - 1) // bounds[:, None]
    last = streams.gaps - bounds[:, None] * fillers
    weights = np.broadcast_to(streams.counts, last.shape).ravel()
    counts = np.bincount((last + rows[:, None] * width).ravel(), weights, len(bounds) * width).reshape(-1, width)
    total_fillers = fillers @ streams.counts
    counts[rows, bounds] += total_fillers
    entries = (streams.entries + total_fillers).astype(np.float64)
    bits = 2 * _x_log_x(entries) - _x_log_x(counts).sum(axis=1)
    bits -= _x_log_x(streams.values).sum() + _x_log_x(total_fillers)
    return np.ceil(bits * _SLACK / 8 - 1e-6) + _header_sizes(streams, bounds, counts > 0, total_fillers)


def _x_log_x(counts: np.ndarray) -> np.ndarray:
    return counts * np.log2(np.maximum(counts, 1))


def _header_sizes(streams: GapHistogram, bounds: np.ndarray, present: np.ndarray, fillers: np.ndarray) -> np.ndarray:
    lows = present.argmax(axis=1)
    highs = present.shape[1] - 1 - present[:, ::-1].argmax(axis=1)
    values = [_value_table_size(streams, count) for count in (0, 1)]
    sizes = [
        varint_size(bound) + varint_size(streams.entries + count) + huffman.table_size(low, high) + values[count > 0]
        for bound, count, low, high in zip(
            bounds.tolist(), fillers.tolist(), lows.tolist(), highs.tolist(), strict=True
        )
    ]
    return np.array(sizes)


def _value_table_size(streams: GapHistogram, fillers: int) -> int:
    low, counts = with_fillers(streams, fillers)
    return huffman.table_size(low, low + len(counts) - 1)


def _exact_size(streams: GapHistogram, bound: int, value_bits: dict[int, int]) -> int:
    """Bytes of the payload under `bound`; `value_bits` remembers the cost of stream K by its number of fillers."""
    counts, fillers = split(streams, bound)
    if fillers not in value_bits:
        value_bits[fillers] = huffman.code_bits(with_fillers(streams, fillers)[1])
    present = np.flatnonzero(counts)
    header = varint_size(bound) + varint_size(streams.entries + fillers) + _value_table_size(streams, fillers)
    header += huffman.table_size(int(present[0]), int(present[-1]))
    return header + (huffman.code_bits(counts) + value_bits[fillers] + 7) // 8


def _plan(streams: GapHistogram, bound: int) -> RelativePlan:
    counts, fillers = split(streams, bound)
    gaps, values = huffman.code(0, counts), huffman.code(*with_fillers(streams, fillers))
    return RelativePlan(bound, streams.entries + fillers, values, gaps, _exact_size(streams, bound, {}))


def write(symbols: np.ndarray, plan: RelativePlan) -> bytes:
    """The payload of a contiguous int32 vector under its plan."""
    header = varint(plan.bound) + varint(plan.entries)
    if plan.values is None or plan.gaps is None:
        return header
    header += huffman.table(plan.values) + huffman.table(plan.gaps)
    body = np.empty(plan.size_bytes - len(header), np.uint8)
    size = _native.relative_encode(
        symbols, plan.bound, plan.values.low, plan.values.lengths, plan.gaps.low, plan.gaps.lengths, body
    )
    return header + body[:size].tobytes()
