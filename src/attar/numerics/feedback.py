"""Round weights to integers, each error carried on to the weights not yet settled.

The target of a weight is the weight plus what the settled ones missed, seen through the triangle of the inputs' second
moment; where rows matter to each other too, through theirs as well. Second-order rounding: Hassibi and Stork 1993;
GPTQ, Frantar et al. 2023, in the form of QuIP, Chee et al. 2023; both sides at once as in YAQA, Tseng et al. 2025. The
plain form is `feedback_reference.py`.
"""

from typing import NamedTuple

import numpy as np

from .. import _native
from .quadratic import Quadratic
from .spread import Spread, do

WIDTH = 128  # columns of a tile: within one, errors are carried on weight by weight, between tiles by a product
ROWS = 128  # of a tile; tiles of one size give the same bits for any number of threads
NONE = np.empty((0, 0), np.float32)  # where rows are independent


def round_with_feedback(
    weights: np.ndarray,
    *,
    step: float,
    inputs: Quadratic,
    rows: Quadratic | None = None,
    spread: Spread = map,
) -> np.ndarray:
    """Return integers q (int32, as weights) such that q * step is near `weights`, as their errors cost.

    Args:
        weights: (groups, rows, n) float32. step: of the grid, one for all.
        inputs: what errors along the last axis cost, by group. rows: what errors along the rows cost, one group; None
            where every row counts the same and for itself.
    """
    sheets = [_Sheet(each, group, step, inputs, rows) for group, each in enumerate(weights)]
    for turn in _turns(*weights.shape[1:], coupled=rows is not None):
        do(_settle, [(sheet, run) for sheet in sheets for run in turn], spread)
    integers = np.empty(weights.shape, np.int32)
    for group, sheet in enumerate(sheets):
        integers[group] = sheet.integers.T
    return integers


class Tile(NamedTuple):
    """Rows and columns that are settled at once."""

    rows: slice
    columns: slice


Run = list[Tile]  # one after the other


def _turns(count: int, n: int, *, coupled: bool) -> list[list[Run]]:
    """Return turn by turn what can go side by side: where rows are coupled a tile waits for those below it, too."""
    runs = [[Tile(rows, columns) for columns in _cuts(n, WIDTH)] for rows in _cuts(count, ROWS)]
    if not coupled:
        return [runs]
    turns: dict[int, list[Run]] = {}
    for i, run in enumerate(runs):
        for j, tile in enumerate(run):
            turns.setdefault(i + j, []).append([tile])
    return [turns[turn] for turn in sorted(turns)]


def _cuts(count: int, size: int) -> list[slice]:
    """Return slices of `size` from the end to the beginning, where one may be shorter."""
    return [slice(max(stop - size, 0), stop) for stop in range(count, 0, -size)]


def _settle(work: tuple["_Sheet", Run]) -> None:
    sheet, run = work
    for tile in run:
        sheet.settle(tile)


class _Sheet:
    """The matrix of one group while it is settled, transposed: the rows of a tile's column lie side by side."""

    def __init__(self, weights: np.ndarray, group: int, step: float, inputs: Quadratic, rows: Quadratic | None) -> None:
        self._weights = np.ascontiguousarray(weights.T, np.float32)
        self._lower, self._row_lower = inputs.lower[group], rows.lower[0] if rows else None
        self._step = step
        self._errors = np.empty_like(self._weights)
        self._missed = np.empty_like(self._weights) if rows else NONE
        self.integers = np.empty(self._weights.shape, np.int32)

    def settle(self, tile: Tile) -> None:
        """Settle a tile; those behind it and, where rows are coupled, those below it must be settled."""
        rows, columns = tile
        place = (columns, rows)
        weights = np.ascontiguousarray(self._weights[place])
        from_columns = self._lower[columns.stop :, columns].T @ self._errors[columns.stop :, rows]
        integers, errors = np.empty(weights.shape, np.int32), np.empty_like(weights)
        row_lower, from_rows, missed = self._rows_of(tile)
        _native.feedback_round(
            weights,
            weights + from_columns,
            np.ascontiguousarray(self._lower[columns, columns]),
            row_lower,
            self._step,
            integers,
            errors,
            from_rows,
            missed,
        )
        self.integers[place], self._errors[place] = integers, errors
        if self._row_lower is not None:
            self._missed[place] = missed

    def _rows_of(self, tile: Tile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the part of the rows' triangle, what the rows below feed back, and where to note what is missed."""
        if self._row_lower is None:
            return NONE, NONE, NONE
        rows, columns = tile
        from_rows = self._missed[columns, rows.stop :] @ self._row_lower[rows.stop :, rows]
        return np.ascontiguousarray(self._row_lower[rows, rows]), from_rows, np.empty_like(from_rows)
