"""Put one layer on a grid: what its rows should be, what errors cost, and the integers that cost least.

Rows are taken part by part where a layer is large, so that what stands between weights and integers stays small.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from ..codec import GridHint
from ..numerics.feedback import round_with_feedback
from ..numerics.low_rank import Decomposition, decompose_in
from ..numerics.quadratic import Quadratic, identity, quadratic, solve
from ..numerics.rounding import narrowed, to_bfloat16
from ..numerics.second_moments import SecondMoments
from ..numerics.spread import Spread, do, runs
from ..numerics.weight_rows import WeightRows, plain_rows
from .weights import Weights

DAMPING = 0.5  # of the mean input power: best of 0.02 to 0.6 on three networks of 600 samples, and flat about it
BREADTH = 33.0  # squared step per slope where an error costs 1; fine grids of equal slope would have 6 / ln 2
MOST_ERROR = 0.3  # of the output's power: beyond, an error is no small error any more
FINER = 0.75
SMALLEST_STEP = 2.0**-60
MOST_STEPS = 1 << 15  # from zero to the largest weight: finer grids are no saving
PART = 1 << 24  # weights that are settled at once, where rows don't wait for each other


@dataclass(frozen=True)
class Rounded:
    """The decision: tensors as integers times one step each, in the layer's layout; `error` as its slope counts it."""

    parts: tuple[GridHint, ...]
    error: float


@dataclass(frozen=True)
class Part:
    """Some rows of a layer.

    Attributes:
        place: where they lie in the weights. layout: how that piece of the weights becomes rows.
        target: makes (groups, outputs, inputs) float32: what would give the original's outputs, as near as can be.
    """

    place: tuple
    layout: WeightRows
    target: Callable[[], np.ndarray]


class Problem:
    """One layer to be settled: what its rows should be, and what errors cost."""

    def __init__(self, weights: Weights, *, spread: Spread = map) -> None:
        self._weights = weights
        self._spread = spread
        self._layout = weights.as_rows
        groups, _, inputs = self._layout.as_shape
        seen = weights.moments
        self._inputs = (
            identity(groups, inputs) if seen is None else quadratic(seen.moment, damping=DAMPING, spread=self._spread)
        )

    def whole(self, slope: float) -> Rounded:
        """Settle the layer as one tensor."""
        integers = np.empty(self._layout.shape, np.int32)
        step, missed = _settle(self._parts, integers, self._inputs, self._row_cost, slope, self._spread)
        error = missed if self._row_cost is None else self._error(self._layout.rows(integers) * np.float32(step))
        return Rounded((_hint(integers, step),), error)

    @cached_property
    def power(self) -> float:
        """What it would cost to have no weights at all."""
        return sum(self._cost_of(part.target()) for part in self._parts)

    def step_for(self, share: float) -> float:
        """Return the step whose errors cost about `share` of all that the weights do, where steps are fine."""
        cost = _cost(self._inputs, self._row_cost)
        return float(np.sqrt(12 * share * self.power / (self._weights.values.size * cost)))

    def rounded(self, step: float) -> tuple[np.ndarray, float]:
        """Return the layer (own shape) at a step, and its error."""
        values, error = np.empty(self._layout.shape, np.float32), 0.0
        for part in self._parts:
            target = part.target()
            rows = round_with_feedback(target, step=step, inputs=self._inputs, rows=self._row_cost) * np.float32(step)
            error += self._cost_of(rows - target)
            values[part.place] = part.layout.weights(rows)
        return values, error

    def factors(self, slope: float, rank: int) -> Rounded:
        """Settle the factor next to the input, fit the other one to what became of it, and settle that."""
        outer, inner = self._decomposition.factors(rank)
        moment, cost = self._inputs.form[0], self._row_form
        inner_cost = quadratic((outer.T @ cost @ outer)[None], damping=0.0)
        lower, inner_step = _settled(inner, self._inputs, inner_cost, slope, self._spread)
        settled = lower * inner_step
        seen = settled @ moment @ settled.T
        seen = seen + 1e-6 * np.trace(seen) / rank * np.eye(rank)
        outer = solve(seen, self.target[0].astype(np.float64) @ moment @ settled.T)
        upper, outer_step = _settled(outer, quadratic(seen[None], damping=0.0), self._row_cost, slope, self._spread)
        error = self._error(((upper * outer_step) @ settled)[None])
        turn = self._weights.channel_axis == 1
        parts = ((lower, inner_step), (upper, outer_step))
        return Rounded(tuple(_hint(q.T if turn else q, step) for q, step in parts), error)

    @cached_property
    def target(self) -> np.ndarray:
        """(groups, outputs, inputs) float32; what would give the original's outputs, as near as can be."""
        return self._target(self._layout, self._weights.values)

    @property
    def _parts(self) -> list[Part]:
        """The rows that are settled at once; where they answer for each other, all of them."""
        values = self._weights.values
        if self._row_cost is not None or values.size <= PART:
            return [Part((...,), self._layout, lambda: self.target)]
        return [Part(at, layout, partial(self._target, layout, values[at])) for at, layout in self._layout.parts(PART)]

    def _target(self, layout: WeightRows, weights: np.ndarray) -> np.ndarray:
        rows, seen = layout.rows(weights), self._weights.moments
        if seen is None or seen.cross is seen.moment:
            return rows
        if len(rows) == 1 and rows.shape[1] < rows.shape[2]:  # fewer systems to solve than a repair has
            return _repaired(rows, seen, self._inputs)
        return rows @ self._repair

    @cached_property
    def _repair(self) -> np.ndarray:
        return _repair(self._weights.moments, self._inputs, self._spread)

    @property
    def _row_cost(self) -> Quadratic | None:
        return self._weights.row_cost

    @property
    def _row_form(self) -> np.ndarray:
        return np.eye(self.target.shape[1]) if self._row_cost is None else self._row_cost.form[0]

    def _error(self, values: np.ndarray) -> float:
        """What the difference from the target costs, all rows together."""
        return self._cost_of(values - self.target)

    def _cost_of(self, missed: np.ndarray) -> float:
        if self._row_cost is None:
            return float(self._inputs.cost(missed, self._spread).sum())
        missed = missed.astype(np.float64)
        return float(np.sum((self._row_form @ missed @ self._inputs.form) * missed))

    @cached_property
    def _decomposition(self) -> Decomposition:
        rows = None if self._row_cost is None else self._row_cost.roots[0]
        return decompose_in(self.target[0], inputs=self._inputs.roots[0], rows=rows)


def _repair(seen: SecondMoments, inputs: Quadratic, spread: Spread) -> np.ndarray:
    """Return, for every group, what turns weights into `_repaired` ones: E[x0 x^T] E[x x^T]^-1, float32."""
    repair = np.empty_like(inputs.lower)

    def invert(groups: slice) -> None:
        turned = np.linalg.solve(inputs.form[groups], _cross(seen, inputs, groups).swapaxes(1, 2))
        repair[groups] = turned.swapaxes(1, 2)

    do(invert, runs(len(repair), repair[0].size), spread)
    return repair


def _repaired(rows: np.ndarray, seen: SecondMoments, inputs: Quadratic) -> np.ndarray:
    """Return the rows that give on the inputs as they are now what the weights gave on the original's.

    Least squares, W E[x0 x^T] E[x x^T]^-1, both damped alike: where nothing in front changed it is W itself.
    """
    wanted = rows.astype(np.float64) @ _cross(seen, inputs, slice(None))
    return np.stack([solve(form, each) for form, each in zip(inputs.form, wanted, strict=True)]).astype(np.float32)


def _cross(seen: SecondMoments, inputs: Quadratic, groups: slice) -> np.ndarray:
    """Return E[x0 x^T] of some groups with the damping that `inputs` have."""
    cross, every = seen.cross[groups].astype(np.float64), np.arange(seen.cross.shape[1])
    cross[:, every, every] += inputs.form[groups, every, every] - seen.moment[groups, every, every]
    return cross


def _settled(
    matrix: np.ndarray, inputs: Quadratic, rows: Quadratic | None, slope: float, spread: Spread
) -> tuple[np.ndarray, float]:
    """Return the integers of a matrix (outputs, inputs) and their step."""
    integers = np.empty(matrix.shape, np.int32)
    target = np.ascontiguousarray(matrix, np.float32)[None]
    part = Part((...,), plain_rows(matrix.shape, 0), lambda: target)
    step, _ = _settle([part], integers, inputs, rows, slope, spread)
    return integers, step


def _settle(
    parts: Sequence[Part],
    into: np.ndarray,
    inputs: Quadratic,
    rows: Quadratic | None,
    slope: float,
    spread: Spread,
) -> tuple[float, float]:
    """Put the integers of all parts `into` their place; return their step and what they miss, every row alike.

    The step is the widest at which the error is still a small one.
    """
    kept = into.view(np.float32)  # targets wait where their integers will lie: as many bytes
    power, largest = 0.0, 0.0
    for part in parts:
        target = part.target()
        power += float(inputs.cost(target, spread).sum())
        largest = max(largest, float(np.abs(target).max(initial=0.0)))
        kept[part.place] = part.layout.weights(target)
    finest = max(float(to_bfloat16(np.float32(largest / MOST_STEPS))), SMALLEST_STEP)
    step = min(np.sqrt(BREADTH * slope / _cost(inputs, rows)), 2 * largest)  # at which every weight is zero
    targets = (np.ascontiguousarray(part.layout.rows(kept[part.place])) for part in parts)
    while True:
        step, missed = max(float(to_bfloat16(np.float32(step))), finest), 0.0
        for part, target in zip(parts, targets, strict=True):
            integers = round_with_feedback(target, step=step, inputs=inputs, rows=rows, spread=spread)
            missed += float(inputs.cost(integers * np.float32(step) - target, spread).sum())
            into[part.place] = part.layout.weights(integers)
        if missed <= MOST_ERROR * power or step == finest:
            return step, missed
        step *= FINER
        targets = (part.target() for part in parts)  # the integers lie over those that were kept


def _cost(inputs: Quadratic, rows: Quadratic | None) -> float:
    """What one weight's error costs once the others make up for it."""
    return inputs.effective * (rows.effective if rows else 1.0)


def _hint(integers: np.ndarray, step: float) -> GridHint:
    return GridHint(narrowed(integers), np.array([step], np.float32))
