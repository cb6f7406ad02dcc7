"""Canonical Huffman codes of at most 15 bits: their lengths, their cost and the table in the payload.

Lengths come from package-merge (Larmore and Hirschberg 1990), so no code of limited length is shorter.
"""

from dataclasses import dataclass

import numpy as np

from .. import _native
from .bitio import nibbles, varint, varint_size, zigzag, zigzag_size


@dataclass(frozen=True)
class Code:
    """Code lengths (uint8, 0 = absent) of the consecutive symbols from `low` on; a lone symbol has length 0."""

    low: int
    lengths: np.ndarray


def code(low: int, counts: np.ndarray) -> Code:
    """The optimal code for counts (int64) of the symbols low, low + 1, ...; absent symbols at the ends are cut off."""
    present = np.flatnonzero(counts)
    first, last = int(present[0]), int(present[-1])
    order = np.argsort(counts[present], kind="stable")
    lengths = np.zeros(last - first + 1, np.uint8)
    lengths[present[order] - first] = _ascending_lengths(counts[present[order]])
    return Code(low + first, lengths)


def code_bits(counts: np.ndarray) -> int:
    """Bits that all symbols take under the optimal code, without its table."""
    ascending = np.sort(counts[counts > 0])
    return int(_ascending_lengths(ascending).astype(np.int64) @ ascending)


def table(code: Code) -> bytes:
    """The code as the payload carries it: least symbol, span, and one nibble per symbol."""
    header = zigzag(code.low) + varint(len(code.lengths) - 1)
    return header if len(code.lengths) == 1 else header + nibbles(code.lengths.tolist())


def table_size(low: int, high: int) -> int:
    """Bytes of the table of an alphabet low..high."""
    span = high - low
    return zigzag_size(low) + varint_size(span) + ((span + 2) // 2 if span else 0)


def _ascending_lengths(ascending: np.ndarray) -> np.ndarray:
    lengths = np.empty(ascending.size, np.uint8)
    _native.huffman_lengths(ascending.astype(np.uint64), lengths)
    return lengths
