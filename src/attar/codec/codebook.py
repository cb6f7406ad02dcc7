"""Tensors of few distinct values: the values once, then an index for each element (weight sharing, Han et al. 2016).

Indices count from the most frequent value, so that zeros of a pruned layer become symbol 0.
"""

import numpy as np

from .bitio import varint
from .codebook_decode import ENTRIES_MAX
from .effort import Effort
from .elements import bit_patterns
from .symbols import encode_symbols

_SAMPLE = 1 << 15
_PART = 1 << 18


def encode_codebook(array: np.ndarray, effort: Effort) -> tuple[int, bytes] | None:
    """Symbol coder and payload of a C-contiguous array; None with more than 4096 distinct bit patterns."""
    patterns = bit_patterns(array)
    book = _distinct(patterns)
    if book is None:
        return None
    ranks = np.searchsorted(book, patterns)
    order = np.argsort(_sort_keys(book, array.dtype), kind="stable")
    places = np.empty(len(book), np.int32)
    places[order] = np.arange(len(book), dtype=np.int32)
    origin = int(places[np.bincount(ranks).argmax()])
    coder, payload = encode_symbols((places - np.int32(origin))[ranks], shape=array.shape, effort=effort)
    return coder, varint(len(book) - 1) + varint(origin) + book[order].tobytes() + payload


def _distinct(patterns: np.ndarray) -> np.ndarray | None:
    """The distinct patterns, ascending; None as soon as a sample, then part after part, has shown too many."""
    if len(np.unique(patterns[:: patterns.size // _SAMPLE + 1])) > ENTRIES_MAX:
        return None
    book = patterns[:0]
    for start in range(0, patterns.size, _PART):
        book = np.union1d(book, patterns[start : start + _PART])
        if len(book) > ENTRIES_MAX:
            return None
    return book


def _sort_keys(patterns: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Unsigned integers in the order of the values: for floats IEEE 754's total order, so -0 before +0."""
    if dtype.kind in "ub":
        return patterns
    sign = patterns.dtype.type(1 << (8 * patterns.itemsize - 1))
    if dtype.kind == "i":
        return patterns ^ sign
    return np.where(patterns & sign, ~patterns, patterns | sign)
