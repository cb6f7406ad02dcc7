"""Round weights to integers of least error plus price, each error carried on to the weights not yet settled.

The target of a weight is the weight plus what the settled ones missed, seen through the triangle of the inputs' second
moment; where rows matter to each other too, through theirs as well. Second-order rounding: Hassibi and Stork 1993;
GPTQ, Frantar et al. 2023, in the form of QuIP, Chee et al. 2023; both sides at once as in YAQA, Tseng et al. 2025. The
price makes it rate-distortion quantization. The plain form is `feedback_reference.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _native
from .quadratic import Quadratic

WIDTH = 64  # columns of a block: within one, errors are carried on weight by weight, between blocks by a product
ROWS = 256  # of a share: rows are independent, and shares of one size give the same bits for any number of threads

Spread = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]  # as `map`; may share the work among threads


@dataclass(frozen=True)
class Prices:
    """What integers cost.

    Attributes:
        bits: (tables, 2 reach + 1) float32, the bits of each integer from -reach to reach.
        tables: (groups, rows, n) uint8, the table of each place. rate: what a bit costs, in the unit of the error.
    """

    bits: np.ndarray
    tables: np.ndarray
    rate: float


def round_with_feedback(
    weights: np.ndarray,
    *,
    step: float,
    inputs: Quadratic,
    prices: Prices,
    rows: Quadratic | None = None,
    spread: Spread = map,
) -> np.ndarray:
    """Return integers q (int32, as weights) such that q * step is near `weights` and cheap.

    Args:
        weights: (groups, rows, n) float32. step: of the grid, one for all.
        inputs: what errors along the last axis cost, by group. rows: what errors along the rows cost, one group; None
            where every row counts the same and for itself.
    """
    groups, count, _ = weights.shape
    shares = [slice(0, count)] if rows else [slice(i, i + ROWS) for i in range(0, count, ROWS)]
    integers = np.empty(weights.shape, np.int32)

    def settle(work: tuple[int, slice]) -> None:
        group, share = work
        integers[group, share] = _round_rows(weights[group, share], step, inputs, group, prices, share, rows)

    for _ in spread(settle, [(group, share) for group in range(groups) for share in shares]):
        pass
    return integers


def _round_rows(
    weights: np.ndarray,
    step: float,
    inputs: Quadratic,
    group: int,
    prices: Prices,
    share: slice,
    rows: Quadratic | None,
) -> np.ndarray:
    count, n = weights.shape
    lower, curvature, tables = inputs.lower[group], inputs.curvature[group], prices.tables[group, share]
    row_lower = rows.lower[0] if rows else np.empty((0, 0), np.float32)
    row_curvature = rows.curvature[0] if rows else np.ones(count, np.float32)
    integers, errors = np.empty((count, n), np.int32), np.zeros((count, n), np.float32)
    scratch = np.empty(count, np.float32)
    for stop in range(n, 0, -WIDTH):
        block = slice(max(stop - WIDTH, 0), stop)
        own = np.ascontiguousarray(weights[:, block], np.float32)
        targets = own + errors[:, stop:] @ lower[stop:, block]
        settled, missed = np.empty(own.shape, np.int32), np.empty(own.shape, np.float32)
        _native.feedback_round(
            own,
            targets,
            np.ascontiguousarray(lower[block, block]),
            np.ascontiguousarray(curvature[block]),
            row_lower,
            row_curvature,
            step,
            prices.rate,
            prices.bits,
            np.ascontiguousarray(tables[:, block]),
            settled,
            missed,
            scratch,
        )
        integers[:, block], errors[:, block] = settled, missed
    return integers
