"""The models that need no statistics: one constant, and integers that are their own symbols."""

import numpy as np

from .effort import Effort
from .elements import bit_patterns, is_integer, pieces
from .symbols import encode_symbols

_SYMBOL_RANGE = np.iinfo(np.int32)


def is_constant(array: np.ndarray) -> bool:
    """Whether all elements of a non-empty array have one bit pattern."""
    patterns = bit_patterns(array)
    return all(bool((patterns[part] == patterns[0]).all()) for part in pieces(patterns))


def encode_integers(array: np.ndarray, effort: Effort) -> tuple[int, bytes] | None:
    """Symbol coder and payload of an integer or bool array; None when symbols of 32 bits cannot hold it."""
    if not is_integer(array.dtype):
        return None
    if array.min() < _SYMBOL_RANGE.min or array.max() > _SYMBOL_RANGE.max:
        return None
    return encode_symbols(array.reshape(-1).astype(np.int32, copy=False), shape=array.shape, effort=effort)
