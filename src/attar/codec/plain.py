"""The models that need no statistics: raw elements, one constant, and integers that are their own symbols."""

import numpy as np

from ..errors import FormatError
from .effort import Effort
from .elements import bit_patterns, from_bytes, is_integer, pieces
from .sink import HOLDS_INTEGERS, Sink
from .symbols import decode_into, encode_symbols
from .window import Window

_SYMBOL_RANGE = np.iinfo(np.int32)


def is_constant(array: np.ndarray) -> bool:
    """Whether all elements of a non-empty array have one bit pattern."""
    patterns = bit_patterns(array)
    return all(bool((patterns[part] == patterns[0]).all()) for part in pieces(patterns))


def decode_raw(_coder: int, payload: bytes, window: Window) -> np.ndarray:
    """The wanted elements of those whose bytes these are; FormatError for any other number of bytes."""
    return window.of(from_bytes(payload, window.dtype, count=window.n, what="raw stream"))


def decode_constant(_coder: int, payload: bytes, window: Window) -> np.ndarray:
    """One element as often as it is wanted; FormatError unless the payload is one element."""
    return np.repeat(from_bytes(payload, window.dtype, count=1, what="constant stream"), window.stop - window.start)


def encode_integers(array: np.ndarray, effort: Effort) -> tuple[int, bytes] | None:
    """Symbol coder and payload of an integer or bool array; None when symbols of 32 bits cannot hold it."""
    if not is_integer(array.dtype):
        return None
    if array.min() < _SYMBOL_RANGE.min or array.max() > _SYMBOL_RANGE.max:
        return None
    return encode_symbols(array.reshape(-1).astype(np.int32, copy=False), shape=array.shape, effort=effort)


def decode_integers(coder: int, payload: bytes, window: Window) -> np.ndarray:
    """The wanted elements of an integers payload; FormatError when it is malformed or a value does not fit the type."""
    dtype = window.dtype
    if not is_integer(dtype):
        raise FormatError(f"integers stream for {dtype}: not an integer type")
    out = window.empty(dtype if dtype in HOLDS_INTEGERS else np.dtype(np.int32))
    decode_into(coder, payload, Sink(out, window.start), n=window.n, threads=window.threads)
    if out.dtype == dtype or out.size == 0:
        return out.astype(dtype, copy=False)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if out.min() < low or out.max() > high:
        raise FormatError(f"integers {out.min()}..{out.max()}: {dtype} holds {low}..{high}")
    return out.astype(dtype)
