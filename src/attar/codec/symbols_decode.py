"""Symbol payloads back to integers, straight to where they are wanted. One table lists the coders."""

from collections.abc import Iterator

import numpy as np

from .. import _native
from ..errors import FormatError
from . import levels_decode
from .coders import LEVELS, NAMES, PACKED, RANS, RELATIVE
from .sink import Sink

_OUTSIDE = "symbol outside the alphabet"
_DECODERS = {PACKED: _native.packed_decode, RELATIVE: _native.relative_decode, RANS: _native.rans_decode}


def decode_symbols(coder: int, payload: bytes | memoryview, *, n: int) -> np.ndarray:
    """The n >= 1 symbols (int32) of a payload; FormatError for one that is malformed."""
    out = np.empty(n, np.int32)
    if coder == LEVELS:
        decode_into(coder, payload, Sink(out), n=n)
    else:
        _decode_whole(coder, payload, out)
    return out


def decode_into(coder: int, payload: bytes | memoryview, sink: Sink, *, n: int, threads: int = 1) -> None:
    """The symbols of a payload of n, straight to where they are wanted; FormatError for one that is malformed.

    Only the levels coder leaves out what the sink does not want, and has parts for several threads.
    """
    try:
        if coder == LEVELS:
            levels_decode.decode(np.frombuffer(payload, np.uint8), sink, n=n, threads=threads)
        else:
            sink.native().write(0, decode_symbols(coder, payload, n=n))
    except ValueError as error:
        raise _refused(coder, payload, sink, n, error) from error


def decode_rows(
    coder: int, payload: bytes | memoryview, *, n: int, columns: int, element: np.dtype, what: str
) -> Iterator[np.ndarray]:
    """The symbols of a payload of n as rows of `columns`, several at a time; each piece takes the last one's memory.

    FormatError for a payload that is malformed, and for symbols beyond the element, named by `what`.
    """
    if coder != LEVELS:
        sink = Sink(np.empty(n, element), what=what)
        decode_into(coder, payload, sink, n=n)
        yield sink.out.reshape(-1, columns)
        return
    try:
        yield from levels_decode.decode_rows(np.frombuffer(payload, np.uint8), n=n, columns=columns, element=element)
    except ValueError as error:
        sink = Sink(np.empty(0, element), what=what)
        raise _refused(coder, payload, sink, n, error) from error


def _refused(coder: int, payload: bytes | memoryview, sink: Sink, n: int, error: ValueError) -> FormatError:
    """A status of the core as an error that says what it is about."""
    if str(error) == _OUTSIDE and not sink.holds_all:
        return FormatError(f"{sink.what} {_found(coder, payload, sink, n)}: {sink.limits()}")
    return _named(coder, payload, n, error)


def _found(coder: int, payload: bytes | memoryview, sink: Sink, n: int) -> str:
    """The range of what a sink refused, seen without more memory than a piece of a tensor takes."""
    if coder == LEVELS:
        try:
            low, high = levels_decode.extremes(np.frombuffer(payload, np.uint8), n=n, start=sink.start)
        except ValueError as error:  # the payload is damaged besides
            raise _named(coder, payload, n, error) from error
    else:
        symbols = decode_symbols(coder, payload, n=n)
        low, high = int(symbols.min()), int(symbols.max())
    return f"{low + sink.origin}..{high + sink.origin}"


def _decode_whole(coder: int, payload: bytes | memoryview, out: np.ndarray) -> None:
    if coder not in _DECODERS:
        raise FormatError(f"symbol coder {coder}: not one of {sorted(NAMES)}")
    try:
        _DECODERS[coder](np.frombuffer(payload, np.uint8), out)
    except ValueError as error:
        raise _named(coder, payload, out.size, error) from error


def _named(coder: int, payload: bytes | memoryview, n: int, error: ValueError) -> FormatError:
    """A status of the core, as the error of its payload."""
    return FormatError(f"{NAMES[coder]} payload of {len(payload)} bytes for {n} symbols: {error}")
