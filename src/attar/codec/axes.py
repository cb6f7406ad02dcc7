"""Levels of rows and columns: how far the magnitudes along an axis of a tensor lie above or below the others.

A level is half an octave. Each is chosen for the bits that it saves less the bits that it takes itself, so that a
tensor whose rows are alike gets none.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from .. import _native

LEVEL_MAX, LENGTH_MAX = 32, 1 << 16
TABLES_MAX = 32
EMPTY = -128  # the mark of a row of zeros
STEPS_PER_OCTAVE = 2
# Passes of choosing levels by the price that the levels chosen before give them.
_ROUNDS = 2
# A row of more than so many elements, all zero, gets the table that holds nothing else.
_FEW = 8


@dataclass(frozen=True)
class Axis:
    """Element i of a flat tensor has place (i / stride) mod length along the axis."""

    length: int
    stride: int


def views(shape: tuple[int, ...]) -> list[tuple[Axis, ...]]:
    """The sets of axes worth a try: outputs, inputs, taps of a kernel, and inputs and taps taken together."""
    outputs, inputs, taps = _three(shape)
    rows = [Axis(outputs, inputs * taps)]
    sets = [[*rows], [Axis(inputs * taps, 1)], [*rows, Axis(inputs * taps, 1)]]
    if inputs > 1 and taps > 1:
        middle = [Axis(inputs, taps)]
        sets += [middle, [*rows, *middle], [*rows, *middle, Axis(taps, 1)]]
    useful = [tuple(axis for axis in axes if axis.length > 1) for axes in sets]
    fitting = [axes for axes in useful if axes and sum(axis.length for axis in axes) <= LENGTH_MAX]
    return list(dict.fromkeys(fitting))


def _three(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) < 2:
        return 1, 1, int(np.prod(shape, dtype=np.int64))
    return shape[0], shape[1], int(np.prod(shape[2:], dtype=np.int64))


def magnitudes(symbols: np.ndarray, axis: Axis) -> np.ndarray:
    """The sum of |q| at each place of an axis, int64."""
    sums = np.zeros(axis.length, np.uint64)
    _native.levels_sums(symbols, 0, axis.stride, sums)
    return sums.astype(np.int64)


def choose_levels(sums: np.ndarray, *, n: int) -> np.ndarray:
    """The level of each place (int8) from its sum of magnitudes, of n elements in all, spread evenly."""
    each = n / sums.size
    mean = float(sums.sum()) / n
    if mean == 0:
        return np.zeros(sums.size, np.int8)
    # Two elements of average size keep a short or empty row from an extreme.
    wanted = STEPS_PER_OCTAVE * np.log2((sums + 2 * mean) / (mean * (each + 2)))
    # Magnitudes beyond a few hundred are as good as continuous, and rarer ones than 2^-20 tell no scale.
    weight = each * _bits_of_a_miss(int(np.clip(round(float(np.log2(mean)) * 4), -80, 32)))
    levels = np.rint(wanted).clip(-LEVEL_MAX, LEVEL_MAX).astype(np.int64)
    for _ in range(_ROUNDS):
        levels = _cheapest(wanted, levels, weight)
    if each > _FEW:
        levels[sums == 0] = EMPTY
    return levels.astype(np.int8)


@dataclass(frozen=True)
class Leveled:
    """Axes with the levels of their places, back to back, and what they add up to a number of tables with."""

    axes: tuple[Axis, ...]
    levels: np.ndarray
    base: int
    tables: int


def settle(axes: tuple[Axis, ...], chosen: list[np.ndarray]) -> Leveled:
    """The most frequent level of each axis becomes 0, as zeros are cheap, and the least sum the first table.

    Where there are empty rows the first table is theirs alone: their level takes them there whatever is added to it.
    """
    if not axes:
        return Leveled(axes, np.zeros(0, np.int8), 0, 1)
    present = [levels[levels != EMPTY].astype(np.int64) for levels in chosen]
    modes = [int(np.bincount(levels + LEVEL_MAX).argmax()) - LEVEL_MAX if levels.size else 0 for levels in present]
    lows = [int((levels - mode).min(initial=0)) for levels, mode in zip(present, modes, strict=True)]
    highs = [int((levels - mode).max(initial=0)) for levels, mode in zip(present, modes, strict=True)]
    has_empty = any((levels == EMPTY).any() for levels in chosen)
    tables = min(sum(highs) - sum(lows) + 1 + has_empty, TABLES_MAX)
    base = max(tables - 1 - sum(highs), 0)
    empties = [high - sum(highs) - base for high in highs]
    centered = [
        np.where(levels == EMPTY, empty, levels.astype(np.int64) - mode).clip(-LEVEL_MAX, LEVEL_MAX)
        for levels, mode, empty in zip(chosen, modes, empties, strict=True)
    ]
    return Leveled(axes, np.concatenate(centered).astype(np.int8), base, tables)


def _cheapest(wanted: np.ndarray, levels: np.ndarray, weight: float) -> np.ndarray:
    """For each place the level of fewest bits, by the prices of the present levels."""
    counts = np.bincount(levels + LEVEL_MAX, minlength=2 * LEVEL_MAX + 1)
    counts[LEVEL_MAX] += counts[LEVEL_MAX] == 0  # no scale of its own is always a choice
    values = np.flatnonzero(counts) - LEVEL_MAX
    prices = np.log2((levels.size + 2) / (counts[values + LEVEL_MAX] + 0.5))
    costs = np.square(wanted[:, None] - values)
    costs *= weight
    costs += prices
    return values[costs.argmin(axis=1)]


@cache
def _bits_of_a_miss(quarter_octaves: int) -> float:
    """Bits that an element costs more, per squared level, when its table is off: for Laplacian numbers of mean |q|
    2^(quarter_octaves / 4), rounded to integers."""
    mean = 2.0 ** (quarter_octaves / 4)
    magnitudes = np.arange(int(40 * mean) + 60)
    chances = _laplacian(mean, magnitudes)
    off = _laplacian(mean * 2.0 ** (1 / STEPS_PER_OCTAVE), magnitudes)
    return float((chances * np.log2(chances / off)).sum())


def _laplacian(mean: float, magnitudes: np.ndarray) -> np.ndarray:
    """Chances of the magnitudes of a rounded Laplacian number whose mean magnitude after rounding is `mean`."""
    # P(|q| >= j) = r^(2j - 1) for j >= 1, so that the mean is r / (1 - r^2).
    root = (np.sqrt(1 + 4 * mean * mean) - 1) / (2 * mean)
    tail = root ** (2.0 * magnitudes - 1)
    tail[0] = 1.0
    return np.maximum(tail - np.append(tail[1:], 0.0), 1e-12)
