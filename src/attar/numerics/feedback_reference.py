"""Rounding with error feedback in its plainest form, weight by weight: what `feedback.py` must equal."""

import numpy as np

from .feedback import Prices
from .quadratic import Quadratic


def round_with_feedback(
    weights: np.ndarray, *, step: float, inputs: Quadratic, prices: Prices, rows: Quadratic | None = None
) -> np.ndarray:
    """Return the integers (int32) of weights (groups, rows, n), as `feedback.round_with_feedback`."""
    groups, count, n = weights.shape
    integers = np.zeros(weights.shape, np.int32)
    row_lower = rows.lower[0] if rows else np.eye(count)
    row_curvature = rows.curvature[0] if rows else np.ones(count)
    for group in range(groups):
        errors = np.zeros((count, n))
        for j in reversed(range(n)):
            # (errors @ lower)[:, j] without what column j adds itself: what the settled columns missed.
            carried = errors[:, j + 1 :] @ inputs.lower[group, j + 1 :, j]
            missed = np.zeros(count)
            for i in reversed(range(count)):
                from_rows = missed[i + 1 :] @ row_lower[i + 1 :, i]
                target = weights[group, i, j] + carried[i] + from_rows
                curvature = row_curvature[i] * inputs.curvature[group, j]
                q = _cheapest(target, step, curvature, prices, prices.tables[group, i, j])
                integers[group, i, j] = q
                errors[i, j] = weights[group, i, j] - q * step
                missed[i] = errors[i, j] + carried[i]
    return integers


def _cheapest(target: float, step: float, curvature: float, prices: Prices, table: int) -> int:
    """Return the integer of least curvature x error^2 + rate x bits among zero and the four around the target."""
    reach = prices.bits.shape[1] // 2
    floor = int(np.clip(np.floor(target / step), -reach, reach))
    around = [q for q in range(floor - 1, floor + 3) if abs(q) <= reach]
    costs = {
        q: curvature * (q * step - target) ** 2 + prices.rate * prices.bits[table, q + reach] for q in (0, *around)
    }
    return min(costs, key=costs.__getitem__)
