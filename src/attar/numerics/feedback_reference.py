"""Rounding with error feedback in its plainest form, weight by weight: what `feedback.py` must equal."""

import numpy as np

from .quadratic import Quadratic


def round_with_feedback(
    weights: np.ndarray, *, step: float, inputs: Quadratic, rows: Quadratic | None = None
) -> np.ndarray:
    """Return the integers (int32) of weights (groups, rows, n), as `feedback.round_with_feedback`."""
    groups, count, n = weights.shape
    integers = np.zeros(weights.shape, np.int32)
    row_lower = rows.lower[0] if rows else np.eye(count)
    for group in range(groups):
        errors = np.zeros((count, n))
        for j in reversed(range(n)):
            # (errors @ lower)[:, j] without what column j adds itself: what the settled columns missed.
            carried = errors[:, j + 1 :] @ inputs.lower[group, j + 1 :, j]
            missed = np.zeros(count)
            for i in reversed(range(count)):
                from_rows = missed[i + 1 :] @ row_lower[i + 1 :, i]
                q = _nearest((weights[group, i, j] + carried[i] + from_rows) / step)
                integers[group, i, j] = q
                errors[i, j] = weights[group, i, j] - q * step
                missed[i] = errors[i, j] + carried[i]
    return integers


def _nearest(place: float) -> int:
    """Return the nearest integer; of two, the one nearer to zero."""
    return int(np.sign(place) * np.ceil(abs(place) - 0.5))
