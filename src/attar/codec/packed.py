"""Packed symbols: all in the same number of bits. The cheapest to decode, and the only coder of wide ranges."""

from dataclasses import dataclass

import numpy as np

from .. import _native
from .bitio import zigzag, zigzag_size
from .histogram import Histogram


@dataclass(frozen=True)
class PackedPlan:
    """`width` bits (0..32) for each symbol minus `low`; `size_bytes` is the exact payload size."""

    low: int
    width: int
    size_bytes: int


def plan(hist: Histogram) -> PackedPlan:
    """The narrowest fields that hold the range of the symbols."""
    width = (hist.high - hist.low).bit_length()
    return PackedPlan(hist.low, width, zigzag_size(hist.low) + 1 + (hist.n * width + 7) // 8)


def write(symbols: np.ndarray, plan: PackedPlan) -> bytes:
    """The payload of a contiguous int32 vector under its plan."""
    header = zigzag(plan.low) + bytes([plan.width])
    body = np.empty(plan.size_bytes - len(header), np.uint8)
    size = _native.packed_encode(symbols, plan.low, plan.width, body)
    return header + body[:size].tobytes()
