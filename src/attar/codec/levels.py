"""rANS with a table for each sum of levels (format: 8.4): the coder for weights.

The plan holds all that a payload's header says; what it estimates is what its payload will take, within a few bytes.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from .. import _native
from .axes import LEVEL_MAX, Axis, choose_levels, magnitudes, views
from .bitio import varint
from .sink import Sink

TABLES_MAX, TOKENS_MAX = 32, 247
_NO_LEVELS = np.zeros(0, np.int8)
# From so many bytes on the two that each lane wastes are well spent on speed.
_LANES = ((48_000, 5), (6_000, 3), (1_500, 1), (0, 0))
_CHUNK_BYTES, _CHUNK = 64_000, 1 << 18
# A tensor larger than this is judged by pieces of it.
_SAMPLE, _PIECE = 1 << 20, 1 << 13


@dataclass(frozen=True)
class LevelsPlan:
    """A fitted model of n symbols, and the bytes that its payload will take."""

    model: _native.LevelsModel
    header: bytes
    lanes_log2: int
    chunk: int
    estimated_bytes: float


@dataclass(frozen=True)
class _Fit:
    axes: tuple[Axis, ...]
    levels: np.ndarray
    tables: int
    model: _native.LevelsModel
    bits: float


def plan(symbols: np.ndarray, shape: tuple[int, ...]) -> LevelsPlan | None:
    """The best levels and tables for a contiguous int32 vector that fills `shape`; None for symbols below -2^31 + 1."""
    if symbols.min() == np.iinfo(np.int32).min:
        return None
    sums = {axis: magnitudes(symbols, axis) for axes in views(shape) for axis in axes}
    levels = {axis: choose_levels(sums[axis], n=symbols.size) for axis in sums}
    pieces = _pieces(symbols)
    fits = [_fit(pieces, symbols.size, axes, levels) for axes in [(), *_leveled(shape, levels)]]
    best = min(fits, key=lambda fit: fit.bits)
    if len(pieces) > 1:
        best = _refit(best, [(0, symbols)])
    return _finished(best, symbols.size)


def _leveled(shape: tuple[int, ...], levels: dict[Axis, np.ndarray]) -> list[tuple[Axis, ...]]:
    """The sets of axes that all have levels to tell."""
    return [axes for axes in views(shape) if all(np.ptp(levels[axis]) > 0 for axis in axes)]


def _pieces(symbols: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """All of the vector, or spread-out pieces of a long one, each with its place."""
    if symbols.size <= _SAMPLE:
        return [(0, symbols)]
    starts = np.linspace(0, symbols.size - _PIECE, _SAMPLE // _PIECE // 4).astype(int)
    return [(int(start), symbols[start : start + _PIECE]) for start in starts]


def _fit(pieces: list, n: int, axes: tuple[Axis, ...], levels: dict[Axis, np.ndarray]) -> _Fit:
    chosen = [levels[axis] for axis in axes]
    base, tables = _base(chosen)
    chosen = [chosen[0] + np.where(chosen[0] > -LEVEL_MAX, base, 0).astype(np.int8), *chosen[1:]] if axes else []
    stacked = np.clip(np.concatenate(chosen), -LEVEL_MAX, LEVEL_MAX).astype(np.int8) if axes else _NO_LEVELS
    model = _native.LevelsModel([(axis.length, axis.stride) for axis in axes], stacked, tables)
    return _refit(_Fit(axes, stacked, tables, model, 0.0), pieces, n=n)


def _base(chosen: list[np.ndarray]) -> tuple[int, int]:
    """What lifts the least sum of levels to 0, all-zero rows aside, and the number of tables up to the greatest."""
    if not chosen:
        return 0, 1
    lows = [int(levels[levels > -LEVEL_MAX].min(initial=LEVEL_MAX)) for levels in chosen]
    low, high = sum(lows), sum(int(levels.max()) for levels in chosen)
    has_zero = any((levels == -LEVEL_MAX).any() for levels in chosen)
    tables = min(high - low + 1 + has_zero, TABLES_MAX)
    return tables - 1 - high, tables


def _refit(fit: _Fit, pieces: list, *, n: int | None = None) -> _Fit:
    counts = np.zeros((fit.tables, TOKENS_MAX), np.uint64)
    for first, piece in pieces:
        fit.model.count(piece, first, counts)
    bits = fit.model.fit(counts)
    share = 1.0 if n is None else n / sum(piece.size for _, piece in pieces)
    return replace(fit, bits=bits * share + 8 * len(_header(fit.model, fit)))


def _header(model: _native.LevelsModel, fit: _Fit) -> bytes:
    model.prepare(0, 1)
    out = np.empty(4 * fit.levels.size + 16_384, np.uint8)
    return out[: model.header(1, out)].tobytes()


def _finished(fit: _Fit, n: int) -> LevelsPlan:
    size = fit.bits / 8
    lanes_log2 = next(lanes for least, lanes in _LANES if size >= least)
    chunk = _chunk(n, size)
    fit.model.prepare(lanes_log2, chunk)
    out = np.empty(4 * fit.levels.size + 16_384, np.uint8)
    header = out[: fit.model.header(n, out)].tobytes()
    chunks = -(-n // chunk)
    return LevelsPlan(fit.model, header, lanes_log2, chunk, size + chunks * ((2 << lanes_log2) + 3))


def _chunk(n: int, size: float) -> int:
    chunk = _CHUNK
    while chunk < n and size * chunk / n < _CHUNK_BYTES:
        chunk *= 2
    return chunk if n >= 2 * chunk else n


def write(symbols: np.ndarray, plan: LevelsPlan) -> bytes:
    """The payload of the vector that was planned."""
    chunks = []
    for first in range(0, symbols.size, plan.chunk):
        part = symbols[first : first + plan.chunk]
        out = np.empty(6 * part.size + (4 << plan.lanes_log2) + 64, np.uint8)
        chunks.append(out[: plan.model.encode(part, first, out)].tobytes())
    sizes = b"".join(varint(len(chunk)) for chunk in chunks[:-1])
    return b"".join([plan.header, sizes, *chunks])


def decode(payload: np.ndarray, sink: Sink, *, n: int, threads: int = 1) -> None:
    """The chunks of a payload of n symbols that the sink wants; ValueError with the name of a status."""
    decoder = _native.LevelsDecoder(payload, n)
    first, count = _wanted(decoder, sink)
    parts = min(threads, count)
    if parts < 2:
        decoder.decode(first, count, sink.native())
        return
    bounds = [first + count * i // parts for i in range(parts + 1)]
    with ThreadPoolExecutor(parts) as pool:
        # Each part writes elements of its own; the first error is the one of the first part, whoever comes last.
        list(pool.map(lambda i: decoder.decode(bounds[i], bounds[i + 1] - bounds[i], sink.native()), range(parts)))


def _wanted(decoder: _native.LevelsDecoder, sink: Sink) -> tuple[int, int]:
    """The first chunk that holds an element of the sink, and how many do."""
    capacity = sink.out.size * (2 if sink.is_int4 else 1)
    first = min(sink.start // decoder.chunk, decoder.chunk_count)
    last = min(-(-(sink.start + capacity) // decoder.chunk), decoder.chunk_count)
    return first, max(last - first, 0)
