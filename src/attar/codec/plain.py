"""The models that need no statistics: raw elements, one constant, and integers that are their own symbols."""

import numpy as np

from ..errors import FormatError
from .elements import bit_patterns, from_bytes, is_integer
from .symbols import decode_symbols, encode_symbols

_SYMBOL_RANGE = np.iinfo(np.int32)


def is_constant(array: np.ndarray) -> bool:
    """Whether all elements of a non-empty array have one bit pattern."""
    patterns = bit_patterns(array)
    return bool(patterns[0] == patterns[-1] and (patterns == patterns[0]).all())


def decode_raw(payload: bytes, *, dtype: np.dtype, shape: tuple[int, ...], n: int) -> np.ndarray:
    """The tensor whose bytes these are; FormatError for any other number of bytes."""
    return from_bytes(payload, dtype, count=n, what="raw stream").reshape(shape)


def decode_constant(payload: bytes, *, dtype: np.dtype, shape: tuple[int, ...], n: int) -> np.ndarray:
    """The tensor that holds one element n times; FormatError unless the payload is one element."""
    return np.repeat(from_bytes(payload, dtype, count=1, what="constant stream"), n).reshape(shape)


def encode_integers(array: np.ndarray) -> tuple[int, bytes] | None:
    """Symbol coder and payload of an integer or bool array; None when symbols of 32 bits cannot hold it."""
    if not is_integer(array.dtype):
        return None
    if array.min() < _SYMBOL_RANGE.min or array.max() > _SYMBOL_RANGE.max:
        return None
    return encode_symbols(array.reshape(-1).astype(np.int32))


def decode_integers(coder: int, payload: bytes, *, dtype: np.dtype, shape: tuple[int, ...], n: int) -> np.ndarray:
    """The tensor of an integers payload; FormatError when it is malformed or a value does not fit the type."""
    if not is_integer(dtype):
        raise FormatError(f"integers stream for {dtype}: not an integer type")
    symbols = decode_symbols(coder, payload, n=n)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if symbols.min() < low or symbols.max() > high:
        raise FormatError(f"integers {symbols.min()}..{symbols.max()}: {dtype} holds {low}..{high}")
    return symbols.astype(dtype).reshape(shape)
