"""Integers to bytes: the smallest of the symbol coders, and back. One table lists the coders."""

from collections.abc import Callable
from functools import partial

import numpy as np

from .. import _native
from ..errors import FormatError
from . import packed, rans, relative
from .histogram import histogram

PACKED, RELATIVE, RANS = 1, 2, 3
NAMES = {PACKED: "packed", RELATIVE: "relative", RANS: "rans"}
# Size in bytes, coder, and what writes the payload.
_Candidate = tuple[int, int, Callable[[], bytes]]
_DECODERS = {PACKED: _native.packed_decode, RELATIVE: _native.relative_decode, RANS: _native.rans_decode}


def encode_symbols(symbols: np.ndarray, *, with_relative: bool = True, exhaustive: bool = True) -> tuple[int, bytes]:
    """The symbol coder and payload of fewest bytes for a contiguous int32 vector, ties to the lowest coder.

    `exhaustive` False shortens the search for the bound of the relative index.
    """
    hist = histogram(symbols)
    packed_plan = packed.plan(hist)
    found: list[_Candidate] = [(packed_plan.size_bytes, PACKED, partial(packed.write, symbols, packed_plan))]
    rans_plan = rans.plan(hist)
    if rans_plan is not None:
        payload = rans.write(symbols, rans_plan)
        found.append((len(payload), RANS, lambda: payload))
    if with_relative:
        limit_bytes = min(size for size, _, _ in found)
        relative_plan = relative.plan(symbols, hist, limit_bytes=limit_bytes, exhaustive=exhaustive)
        if relative_plan is not None:
            found.append((relative_plan.size_bytes, RELATIVE, partial(relative.write, symbols, relative_plan)))
    _, coder, write = min(found, key=lambda candidate: candidate[:2])
    return coder, write()


def decode_symbols(coder: int, payload: bytes | memoryview, *, n: int) -> np.ndarray:
    """The n >= 1 symbols (int32) of a payload; FormatError for one that is malformed."""
    if coder not in _DECODERS:
        raise FormatError(f"symbol coder {coder}: not one of {sorted(_DECODERS)}")
    symbols = np.empty(n, np.int32)
    try:
        _DECODERS[coder](np.frombuffer(payload, np.uint8), symbols)
    except ValueError as error:
        size = len(payload)
        raise FormatError(f"{NAMES[coder]} payload of {size} bytes for {n} symbols: {error}") from error
    return symbols
