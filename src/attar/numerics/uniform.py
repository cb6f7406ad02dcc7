"""Symmetric uniform grids: the step of least squared error, and values to integers and back."""

from collections.abc import Iterable

import numpy as np

from .rounding import to_bfloat16, to_integers

OUTERMOST = np.geomspace(1.0, 0.05, 20)  # of max|w|: where the outermost level is tried
NEARBY = np.geomspace(OUTERMOST[1], OUTERMOST[0] / OUTERMOST[1], 17)[1:-1]  # of the best of those: what is tried next
SUMMARY_BINS, SUMMARY_TAIL = 384, 128  # what stands for a longer row while its step is fitted
SMALLEST_STEP = 2.0**-100  # keeps q * step normal, for rows that are all zero


def largest_integer(bits: int) -> int:
    """Return the outermost level of a symmetric grid of `bits` bits: 2^(bits-1) - 1."""
    return 2 ** (bits - 1) - 1


def fit_steps(rows: np.ndarray, *, bits: int) -> np.ndarray:
    """Return, for every row, the step (float32, of bfloat16 precision) of least squared error on `bits` bits.

    A scan over the outermost level, a finer one around its best, then one step of least squares for the integers
    found, sum(w q) / sum(q q). At 5 bits and more the error has many local minima: Lloyd's algorithm alone gets stuck.
    Steps are compared as they will be stored. Rows (groups, values); steps (groups,).
    """
    points, counts = _summary(np.abs(rows.astype(np.float32)))
    top = largest_integer(bits)
    largest = points.max(axis=1) / np.float32(top)
    best = _best(points, counts, (largest * np.float32(share) for share in OUTERMOST), top)
    best = _best(points, counts, (best, *(best * np.float32(share) for share in NEARBY)), top)
    return _best(points, counts, (best, _least_squares(points, counts, best, top)), top)


def relative_steps(rows: np.ndarray, *, deviations: float) -> np.ndarray:
    """Return, for every row, a step (float32, of bfloat16 precision) of so many standard deviations about zero."""
    steps = to_bfloat16(deviations * np.sqrt(np.mean(np.square(rows, dtype=np.float64), axis=1)))
    return np.maximum(steps, np.float32(SMALLEST_STEP))


def quantize(rows: np.ndarray, steps: np.ndarray, *, bits: int) -> np.ndarray:
    """Return the integers (int32, same shape) of the nearest grid values."""
    top = largest_integer(bits)
    return np.clip(to_integers(rows / steps[:, None]), -top, top).astype(np.int32)


def dequantize(integers: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return float32 values: one float32 multiplication, as the file format defines it."""
    return integers.astype(np.float32) * steps.astype(np.float32)[:, None]


def _summary(magnitudes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points (rows, n) that stand for the values of long rows, and how many values each stands for (n,).

    The largest values, which decide where to clip, stand for themselves; the others are averaged in bins of equal
    count. A step fitted to these is as good, and much cheaper.
    """
    count = magnitudes.shape[1]
    if count <= SUMMARY_BINS + SUMMARY_TAIL:
        return magnitudes, np.ones(count, np.float32)
    ordered = np.sort(magnitudes, axis=1)
    edges = np.linspace(0, count - SUMMARY_TAIL, SUMMARY_BINS + 1).round().astype(np.int64)
    sizes = np.diff(edges).astype(np.float32)
    means = np.add.reduceat(ordered[:, : edges[-1]], edges[:-1], axis=1) / sizes
    tail = np.ones(SUMMARY_TAIL, np.float32)
    return np.concatenate([means, ordered[:, edges[-1] :]], axis=1), np.concatenate([sizes, tail])


def _best(points: np.ndarray, counts: np.ndarray, candidates: Iterable[np.ndarray], top: int) -> np.ndarray:
    """Return, for every row, the candidate step of least squared error, the first of equals, as it will be stored."""
    best, least = np.full(len(points), SMALLEST_STEP, np.float32), np.full(len(points), np.inf, np.float32)
    for candidate in candidates:
        steps = np.maximum(to_bfloat16(candidate), np.float32(SMALLEST_STEP))
        error = _squared_error(points, counts, steps, top)
        best, least = np.where(error < least, steps, best), np.minimum(error, least)
    return best


def _least_squares(points: np.ndarray, counts: np.ndarray, steps: np.ndarray, top: int) -> np.ndarray:
    integers = np.minimum(to_integers(points / steps[:, None]), top)
    weighted = integers * counts
    energy = np.einsum("ij,ij->i", integers, weighted)
    return np.einsum("ij,ij->i", points, weighted) / np.maximum(energy, 1)


def _squared_error(points: np.ndarray, counts: np.ndarray, steps: np.ndarray, top: int) -> np.ndarray:
    rest = points - np.minimum(to_integers(points / steps[:, None]), top) * steps[:, None]
    return np.einsum("ij,ij->i", rest * counts, rest)
