"""Raw elements, one constant, and integers that are their own symbols, back to arrays."""

import numpy as np

from ..errors import FormatError
from .elements import from_bytes, is_integer
from .sink import HOLDS_INTEGERS, Sink
from .symbols_decode import decode_into
from .window import Window


def decode_raw(_coder: int, payload: bytes, window: Window) -> np.ndarray:
    """The wanted elements of those whose bytes these are; FormatError for any other number of bytes."""
    return window.of(from_bytes(payload, window.dtype, count=window.n, what="raw stream"))


def decode_constant(_coder: int, payload: bytes, window: Window) -> np.ndarray:
    """One element as often as it is wanted; FormatError unless the payload is one element."""
    return np.repeat(from_bytes(payload, window.dtype, count=1, what="constant stream"), window.stop - window.start)


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
