"""Payloads of the levels coder back to integers (format: 8.4): whole, by chunks, or row by row."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from .. import _native
from .sink import Sink
from .threads import check_threads, in_threads

_SAMPLE = 1 << 20


def decode(payload: np.ndarray, sink: Sink, *, n: int, threads: int = 1) -> None:
    """The chunks of a payload of n symbols that the sink wants; ValueError with the name of a status."""
    check_threads(threads)
    decoder = _native.LevelsDecoder(payload, n)
    first, count = _wanted(decoder, sink)
    bounds = [first + count * i // threads for i in range(threads + 1)]
    shares = [(start, stop - start) for start, stop in pairwise(bounds) if stop > start]
    in_threads(lambda share: decoder.decode(*share, sink.native()), shares or [(first, 0)], threads)


def decode_rows(payload: np.ndarray, *, n: int, columns: int, element: np.dtype) -> Iterator[np.ndarray]:
    """Pieces (rows, columns) of a payload of n symbols, in order, each of them in the memory of the one before."""
    decoder = _native.LevelsDecoder(payload, n)
    held = np.empty(columns - 1 + min(decoder.chunk, n), element)
    kept = 0  # symbols of a row that goes on in the next chunk
    for number in range(decoder.chunk_count):
        first = number * decoder.chunk
        filled = kept + min(decoder.chunk, n - first)
        decoder.decode(number, 1, Sink(held[kept:filled], first).native())
        whole = filled // columns * columns
        yield held[:whole].reshape(-1, columns)
        kept = filled - whole
        held[:kept] = held[whole:filled]


def extremes(payload: np.ndarray, *, n: int, start: int) -> tuple[int, int]:
    """The least and the greatest of about a million symbols from `start` on: enough for an error to name some."""
    decoder = _native.LevelsDecoder(payload, n)
    first = start // decoder.chunk
    out = np.zeros(min(n - first * decoder.chunk, _SAMPLE), np.int32)
    sink = Sink(out, first * decoder.chunk)
    decoder.decode(*_wanted(decoder, sink), sink.native())
    return int(out.min()), int(out.max())


def _wanted(decoder: _native.LevelsDecoder, sink: Sink) -> tuple[int, int]:
    """The first chunk that holds an element of the sink, and how many do."""
    capacity = sink.out.size * (2 if sink.is_int4 else 1)
    first = min(sink.start // decoder.chunk, decoder.chunk_count)
    last = min(-(-(sink.start + capacity) // decoder.chunk), decoder.chunk_count)
    return first, max(last - first, 0)
