"""Interleaved rANS (Duda 2013): order-0 coding to within a hundredth of a bit of the entropy.

The plan weighs the table's bytes against the code length for every total 2^8..2^14.
"""

from dataclasses import dataclass

import numpy as np

from .. import _native
from .bitio import varint, varint_size, zigzag, zigzag_size
from .frequencies import code_bits, quantize
from .histogram import Histogram

TOTAL_LOG2 = range(8, 15)

# Eight lanes hide the latency of a decoder's dependent steps and cost 28 bytes more than one lane. Below this many
# symbols a single lane decodes in a fraction of a millisecond, and the 28 bytes would be seen.
_LANES_FROM = 1 << 15


@dataclass(frozen=True)
class RansPlan:
    """Frequencies (uint16, 0 = absent) of the symbols from `low` on, summing to 2^total_log2.

    `order` is that of the Exp-Golomb code of the table; `estimated_bytes` leaves a few bytes of doubt.
    """

    low: int
    frequencies: np.ndarray
    total_log2: int
    lanes_log2: int
    order: int
    estimated_bytes: float


def plan(hist: Histogram, *, lanes_log2: int | None = None) -> RansPlan | None:
    """The best table for a histogram; None when its alphabet is too wide."""
    if hist.counts is None:
        return None
    if lanes_log2 is None:
        lanes_log2 = 3 if hist.n >= _LANES_FROM else 0
    present = np.flatnonzero(hist.counts)
    plans = [_plan(hist, hist.counts, present, log2, lanes_log2) for log2 in TOTAL_LOG2 if len(present) <= 1 << log2]
    return min(plans, key=lambda plan: plan.estimated_bytes)


def _plan(hist: Histogram, counts: np.ndarray, present: np.ndarray, total_log2: int, lanes_log2: int) -> RansPlan:
    quantized = quantize(counts[present], 1 << total_log2)
    frequencies = np.zeros(len(counts), np.uint16)
    frequencies[present] = quantized
    order, table_bits = best_order(frequencies)
    header = 1 + zigzag_size(hist.low) + varint_size(hist.high - hist.low) + (4 + table_bits + 7) // 8
    bits = code_bits(counts[present], quantized, total=1 << total_log2)
    return RansPlan(hist.low, frequencies, total_log2, lanes_log2, order, header + bits / 8 + (4 << lanes_log2))


def best_order(frequencies: np.ndarray) -> tuple[int, int]:
    """The Exp-Golomb order 0..14 with the fewest bits for the table, and these bits."""
    values, repeats = np.unique(frequencies.astype(np.int64), return_counts=True)
    orders = np.arange(15)[:, None]
    widths = np.frexp(values + (1 << orders))[1] - 1
    bits = ((2 * widths - orders + 1) * repeats).sum(axis=1)
    return int(bits.argmin()), int(bits.min())


def table(frequencies: np.ndarray, order: int) -> bytes:
    """The table as the payload carries it: 4 bits of order, then every frequency as Exp-Golomb."""
    stream, at = order, 4
    for frequency in frequencies.tolist():
        shifted = frequency + (1 << order)
        width = shifted.bit_length() - 1
        ones = width - order
        stream |= ((1 << ones) - 1 | (shifted - (1 << width)) << ones + 1) << at
        at += ones + 1 + width
    return stream.to_bytes((at + 7) // 8, "little")


def write(symbols: np.ndarray, plan: RansPlan) -> bytes:
    """The payload of a contiguous int32 vector under its plan."""
    header = bytes([plan.total_log2 | plan.lanes_log2 << 4]) + zigzag(plan.low) + varint(len(plan.frequencies) - 1)
    header += table(plan.frequencies, plan.order)
    body = np.empty((4 << plan.lanes_log2) + 2 * symbols.size, np.uint8)
    size = _native.rans_encode(symbols, plan.low, plan.frequencies, plan.total_log2, plan.lanes_log2, body)
    return header + body[:size].tobytes()
