"""Symmetric uniform grids: the step of least squared error, and values to integers and back."""

import numpy as np

from .rounding import to_bfloat16, to_integers

START_FRACTIONS = np.linspace(0.12, 1.0, 12)  # of max|w|: where the search for the outermost level starts
LLOYD_STEPS = 6  # alternations of integers and step from every start; the error moves by < 0.1 % after that
SUMMARY_POINTS = 2048  # quantiles that stand for a longer row while its step is fitted
SMALLEST_STEP = 2.0**-100  # keeps q * step normal, for rows that are all zero


def largest_integer(bits: int) -> int:
    """Return the outermost level of a symmetric grid of `bits` bits: 2^(bits-1) - 1."""
    return 2 ** (bits - 1) - 1


def fit_steps(rows: np.ndarray, *, bits: int) -> np.ndarray:
    """Return, for every row, the step (float32, of bfloat16 precision) of least squared error on `bits` bits.

    Alternates between integers for a step and the step of least squares for the integers, sum(w q) / sum(q q), from
    several starts: Lloyd's algorithm under the constraint of equal distances. Rows (groups, values); steps (groups,).
    """
    points = _summary(np.abs(rows.astype(np.float32)))
    top = largest_integer(bits)
    peak = points.max(axis=1)
    best_steps, best_error = np.zeros(len(points), np.float32), np.full(len(points), np.inf)
    for fraction in START_FRACTIONS:
        steps = _lloyd(points, np.maximum(peak * fraction / top, SMALLEST_STEP), top)
        steps = np.maximum(to_bfloat16(steps), SMALLEST_STEP).astype(np.float32)
        error = _squared_error(points, steps, top)
        better = error < best_error
        best_steps[better], best_error[better] = steps[better], error[better]
    return best_steps


def quantize(rows: np.ndarray, steps: np.ndarray, *, bits: int) -> np.ndarray:
    """Return the integers (int32, same shape) of the nearest grid values."""
    top = largest_integer(bits)
    return np.clip(to_integers(rows / steps[:, None]), -top, top).astype(np.int32)


def dequantize(integers: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return float32 values: one float32 multiplication, as the file format defines it."""
    return integers.astype(np.float32) * steps.astype(np.float32)[:, None]


def _summary(magnitudes: np.ndarray) -> np.ndarray:
    """Return evenly spaced quantiles of long rows: a step fitted to them is as good, and a hundred times cheaper."""
    count = magnitudes.shape[1]
    if count <= SUMMARY_POINTS:
        return magnitudes
    picks = np.linspace(0, count - 1, SUMMARY_POINTS).round().astype(np.int64)
    return np.sort(magnitudes, axis=1)[:, picks]


def _lloyd(points: np.ndarray, steps: np.ndarray, top: int) -> np.ndarray:
    for _ in range(LLOYD_STEPS):
        integers = np.minimum(to_integers(points / steps[:, None]), top)
        energy = np.einsum("ij,ij->i", integers, integers)
        fitted = np.einsum("ij,ij->i", points, integers) / np.maximum(energy, 1)
        steps = np.where(energy > 0, np.maximum(fitted, SMALLEST_STEP), steps)
    return steps


def _squared_error(points: np.ndarray, steps: np.ndarray, top: int) -> np.ndarray:
    rest = points - np.minimum(to_integers(points / steps[:, None]), top) * steps[:, None]
    return np.einsum("ij,ij->i", rest, rest)
