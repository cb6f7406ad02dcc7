"""rANS with a table for each sum of levels (format: 8.4): the coder for weights.

The plan holds all that a payload's header says; what it estimates is what its payload will take, within a few bytes.
"""

from dataclasses import dataclass, replace

import numpy as np

from .. import _native
from .axes import Axis, Leveled, choose_levels, magnitudes, settle, views
from .bitio import varint
from .threads import in_threads

TOKENS_MAX = 247
LOW = -(2**31) + 1
# From so many bytes on the two that each lane wastes are well spent on speed.
_LANES = ((48_000, 5), (6_000, 3), (1_500, 1), (0, 0))
_CHUNK_BYTES, _CHUNK = 64_000, 1 << 18
# A tensor larger than this is judged by pieces of it, each with the place that it was taken from.
_SAMPLE, _PIECE = 1 << 20, 1 << 13
_Pieces = list[tuple[int, np.ndarray]]


@dataclass(frozen=True)
class LevelsPlan:
    """A fitted model of n symbols, and the bytes that its payload will take."""

    model: _native.LevelsModel
    header: bytes
    lanes_log2: int
    chunk: int
    estimated_bytes: float
    tables: int


@dataclass(frozen=True)
class _Fit:
    leveled: Leveled
    model: _native.LevelsModel
    bits: float


def plan(
    symbols: np.ndarray, shape: tuple[int, ...], *, is_open: bool | None = None, threads: int = 1
) -> LevelsPlan | None:
    """The best levels and tables for a contiguous int32 vector that fills `shape`; None for symbols below -2^31 + 1.

    `is_open` decides whether tables have codes for all integers or for those alone that are met; None takes the better.
    """
    if symbols.min() < LOW:
        return None
    axes = list(dict.fromkeys(axis for axes in views(shape) for axis in axes))
    sums = in_threads(lambda axis: magnitudes(symbols, axis), axes, threads)
    levels = {axis: choose_levels(found, n=symbols.size) for axis, found in zip(axes, sums, strict=True)}
    sample = _sample(symbols)
    fits = [_fit(sample, symbols.size, axes, levels, is_open) for axes in [(), *_leveled(shape, levels)]]
    best = min(fits, key=lambda fit: fit.bits)
    if len(sample) > 1:
        whole = [(first, symbols[first : first + _SAMPLE]) for first in range(0, symbols.size, _SAMPLE)]
        best = _refit(best, whole, is_open, n=symbols.size, threads=threads)
    return _finished(best, symbols.size)


def _leveled(shape: tuple[int, ...], levels: dict[Axis, np.ndarray]) -> list[tuple[Axis, ...]]:
    """The sets of axes that all have levels to tell."""
    return [axes for axes in views(shape) if all((levels[axis] != levels[axis][0]).any() for axis in axes)]


def _sample(symbols: np.ndarray) -> _Pieces:
    """All of the vector, or spread-out pieces of a long one, each with its place."""
    if symbols.size <= _SAMPLE:
        return [(0, symbols)]
    starts = np.linspace(0, symbols.size - _PIECE, _SAMPLE // _PIECE // 4).astype(int)
    return [(int(start), symbols[start : start + _PIECE]) for start in starts]


def _fit(pieces: _Pieces, n: int, axes: tuple[Axis, ...], levels: dict[Axis, np.ndarray], is_open: bool | None) -> _Fit:
    leveled = settle(axes, [levels[axis] for axis in axes])
    places = [(axis.length, axis.stride) for axis in axes]
    model = _native.LevelsModel(places, leveled.levels, leveled.base, leveled.tables)
    return _refit(_Fit(leveled, model, 0.0), pieces, is_open, n=n)


def _refit(fit: _Fit, pieces: _Pieces, is_open: bool | None, *, n: int, threads: int = 1) -> _Fit:
    counts = sum(in_threads(lambda piece: _count(fit, *piece), pieces, threads))
    bits = fit.model.fit(counts, is_open)
    share = n / sum(piece.size for _, piece in pieces)
    return replace(fit, bits=bits * share + 8 * len(_header(fit, n)))


def _count(fit: _Fit, first: int, piece: np.ndarray) -> np.ndarray:
    counts = np.zeros((fit.leveled.tables, TOKENS_MAX), np.uint64)
    fit.model.count(piece, first, counts)
    return counts


def _header(fit: _Fit, n: int, lanes_log2: int = 0, chunk: int | None = None) -> bytes:
    fit.model.prepare(lanes_log2, n if chunk is None else chunk)
    out = np.empty(4 * fit.leveled.levels.size + 16_384, np.uint8)
    return out[: fit.model.header(n, out)].tobytes()


def _finished(fit: _Fit, n: int) -> LevelsPlan:
    size = fit.bits / 8
    lanes_log2 = next(lanes for least, lanes in _LANES if size >= least)
    chunk = _chunk(n, size)
    header = _header(fit, n, lanes_log2, chunk)
    estimate = size + -(-n // chunk) * ((2 << lanes_log2) + 3)  # the waste of each lane of each chunk, and a size
    return LevelsPlan(fit.model, header, lanes_log2, chunk, estimate, fit.leveled.tables)


def _chunk(n: int, size: float) -> int:
    chunk = _CHUNK
    while chunk < n and size * chunk / n < _CHUNK_BYTES:
        chunk *= 2
    return chunk if n >= 2 * chunk else n


def write(symbols: np.ndarray, plan: LevelsPlan, *, threads: int = 1) -> bytes:
    """The payload of the vector that was planned."""
    firsts = range(0, symbols.size, plan.chunk)
    chunks = in_threads(lambda first: _chunk_bytes(symbols[first : first + plan.chunk], first, plan), firsts, threads)
    sizes = b"".join(varint(len(chunk)) for chunk in chunks[:-1])
    return b"".join([plan.header, sizes, *chunks])


def _chunk_bytes(part: np.ndarray, first: int, plan: LevelsPlan) -> bytes:
    out = np.empty(10 * part.size + (4 << plan.lanes_log2) + 64, np.uint8)
    return out[: plan.model.encode(part, first, out)].tobytes()
