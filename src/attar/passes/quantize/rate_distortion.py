"""Rate-distortion quantization: every weight to the grid value of least error + price, the others making up for it.

Weights are settled one after the other. Each goes to the grid value that costs least, error and coded bits together,
and its error is carried on to the weights not yet settled, weighted by the second moment of the layer's inputs; where
it was measured what errors of the outputs cost the network, also from output to output. The targets themselves make up
for what earlier layers have changed. A matrix may become two thin ones on the way, settled in the same manner.
Sources: OBS (Hassibi and Stork 1993), GPTQ (Frantar et al. 2023), YAQA (Tseng et al. 2025) for both sides, CERWU (2025)
for the price; cards OBC, RDOQ and GE-1. Cost: one step, 2 bytes, for each tensor.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ... import codec
from ...codec import GridHint
from ...numerics.feedback import Prices, round_with_feedback
from ...numerics.quadratic import Quadratic, identity, quadratic, solve
from ...numerics.rounding import to_bfloat16, to_integers
from ...numerics.weight_rows import WeightRows, plain_rows
from ..settings import limits
from ..weights import NotApplicable, Weights

DAMPING = 0.5  # of the mean input power: best of 0.02 to 0.6 on three networks of 600 samples, and flat about it
PULL = 0.03  # what a bit costs in squared steps: a quarter of what equal slopes ask for, since the pull is coherent
MOST_ERROR = 0.3  # of the output's power: beyond, an error is no small error any more
FINER = 0.75
ROUNDS = 2  # of rounding: the second one with the prices of what the first one chose
SMALLEST_STEP = 2.0**-60
MOST_STEPS = 1 << 15  # from zero to the largest weight: finer grids are no saving, and their prices fill the memory
SLOPES = (1e-30, 1e30)  # that a plan can name
FREE_REACH = 1 << 12  # integers that are tried where bits cost nothing


@dataclass(frozen=True)
class RateDistortion:
    """How much squared error of the layer's output one bit is worth (`slope`), and the rank of two factors, if any."""

    slope: float = field(default=1e-6, metadata=limits(*SLOPES))
    rank: int | None = field(default=None, metadata=limits(1, 65536))


@dataclass(frozen=True)
class Rounded:
    """The decision: tensors as integers times one step each, in the layer's layout; `error` as `slope` counts it."""

    parts: tuple[GridHint, ...]
    error: float


def plan(weights: Weights, config: RateDistortion) -> Rounded:
    """Settle every weight."""
    problem = Problem(weights)
    if config.rank is None:
        return problem.whole(config.slope)
    if not weights.is_matrix:
        raise NotApplicable(f"{weights.op_type}: only the second operand of one Gemm or MatMul can become two layers")
    if weights.as_rows.blocks > 1:
        raise NotApplicable(f"{weights.op_type}: too many inputs to become two layers")
    if config.rank >= min(weights.matrix.shape):
        raise NotApplicable(f"{weights.op_type}: rank {config.rank} is not below {min(weights.matrix.shape)}")
    return problem.factors(config.slope, config.rank)


def apply(weights: Weights, decision: Rounded) -> Weights | tuple[Weights, ...]:
    """Return the layer on its grid, or the two factors, the one next to the input first."""
    if len(decision.parts) == 1:
        return weights.with_values(_values(decision.parts[0]), decision.parts[0])
    return tuple(_factor(weights, part) for part in decision.parts)


def coded_bits(decision: Rounded) -> int:
    """Return the bits that the parts take in a file."""
    return 8 * sum(codec.encoded_size(_values(part), hint=part) for part in decision.parts)


class Problem:
    """One layer to be settled: what its rows should be, and what errors cost.

    Attributes:
        target: (groups, outputs, inputs) float32; what would give the original's outputs, as near as can be.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        rows = weights.rows
        if weights.moments is None:
            self._inputs = identity(rows.shape[0], rows.shape[2])
            self.target = rows
        else:
            self._inputs = quadratic(weights.moments.moment, damping=DAMPING)
            self.target = _repaired(rows, weights, self._inputs)

    def whole(self, slope: float) -> Rounded:
        """Settle the layer as one tensor."""
        integers, step = _settle(self.target, self._inputs, self._row_cost, slope, self._weights.as_rows)
        values = integers * np.float32(step)
        error = self._error(values)
        return Rounded((_hint(self._weights.as_rows.weights(integers), step),), error)

    @cached_property
    def power(self) -> float:
        """What it would cost to have no weights at all."""
        return self._error(np.zeros_like(self.target))

    def step_for(self, share: float) -> float:
        """Return the step whose errors cost about `share` of all that the weights do, where steps are fine."""
        cost = _cost(self._inputs, self._row_cost)
        return float(np.sqrt(12 * share * self.power / (self.target.size * cost)))

    def rounded(self, step: float) -> tuple[np.ndarray, float]:
        """Return the layer (own shape) at a step and whatever price, and its error."""
        free = Prices(np.zeros((1, 2 * FREE_REACH + 1), np.float32), np.zeros(self.target.shape, np.uint8), 0.0)
        integers = round_with_feedback(self.target, step=step, inputs=self._inputs, prices=free, rows=self._row_cost)
        values = integers * np.float32(step)
        return self._weights.as_rows.weights(values), self._error(values)

    def factors(self, slope: float, rank: int) -> Rounded:
        """Settle the factor next to the input, fit the other one to what became of it, and settle that."""
        outer, inner = self._decomposition(rank)
        moment, cost = self._inputs.form[0], self._row_form
        inner_cost = quadratic((outer.T @ cost @ outer)[None], damping=0.0)
        lower, inner_step = _settle(_group(inner), self._inputs, inner_cost, slope, plain_rows(inner.shape, 0))
        settled = lower[0] * inner_step
        seen = settled @ moment @ settled.T
        seen = seen + 1e-6 * np.trace(seen) / rank * np.eye(rank)
        outer = solve(seen, self.target[0].astype(np.float64) @ moment @ settled.T)
        upper, outer_step = _settle(
            _group(outer), quadratic(seen[None], damping=0.0), self._row_cost, slope, plain_rows(outer.shape, 0)
        )
        error = self._error(((upper[0] * outer_step) @ settled)[None])
        turn = self._weights.channel_axis == 1
        parts = ((lower[0], inner_step), (upper[0], outer_step))
        return Rounded(tuple(_hint(q.T if turn else q, step) for q, step in parts), error)

    @property
    def _row_cost(self) -> Quadratic | None:
        return self._weights.row_cost

    @property
    def _row_form(self) -> np.ndarray:
        return np.eye(self.target.shape[1]) if self._row_cost is None else self._row_cost.form[0]

    def _error(self, values: np.ndarray) -> float:
        """What the difference from the target costs, all rows together."""
        missed = (values - self.target).astype(np.float64)
        if self._row_cost is None:
            return float(self._inputs.cost(missed).sum())
        return float(np.sum((self._row_form @ missed @ self._inputs.form) * missed))

    def _decomposition(self, rank: int) -> tuple[np.ndarray, np.ndarray]:
        """Return float64 factors (outputs, rank) and (rank, inputs) of least error."""
        left, values, right = self._svd
        root = np.sqrt(values[:rank])
        return left[:, :rank] * root, root[:, None] * right[:rank]

    @cached_property
    def _svd(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The SVD of the target as its errors cost, mapped back: R_rows^T target R_inputs = U S V."""
        inputs = self._inputs.roots[0].astype(np.float64)
        rows = np.eye(self.target.shape[1]) if self._row_cost is None else self._row_cost.roots[0].astype(np.float64)
        left, values, right = np.linalg.svd(rows.T @ self.target[0] @ inputs, full_matrices=False)
        return np.linalg.solve(rows.T, left), values, np.linalg.solve(inputs.T, right.T).T


def _repaired(rows: np.ndarray, weights: Weights, inputs: Quadratic) -> np.ndarray:
    """Return the rows that give on the inputs as they are now what the weights gave on the original's.

    Least squares, W E[x0 x^T] E[x x^T]^-1, both damped alike: where nothing in front changed it is W itself.
    """
    seen = weights.moments
    if seen.cross is seen.moment:
        return rows
    added = inputs.form - seen.moment
    wanted = rows.astype(np.float64) @ (seen.cross + added)
    return np.stack([solve(form, each) for form, each in zip(inputs.form, wanted, strict=True)]).astype(np.float32)


def _settle(
    target: np.ndarray, inputs: Quadratic, rows: Quadratic | None, slope: float, layout: WeightRows
) -> tuple[np.ndarray, float]:
    """Return integers, as `target`, and their step: the widest at which the error is still a small one."""
    cost = _cost(inputs, rows)
    step = np.sqrt(slope / (PULL * cost))
    power = float(inputs.cost(target.astype(np.float64)).sum())
    largest = float(np.abs(target).max(initial=0.0))
    finest = max(float(to_bfloat16(np.float32(largest / MOST_STEPS))), SMALLEST_STEP)
    step = min(step, 2 * largest)  # at which every weight is zero
    while True:
        step = max(float(to_bfloat16(np.float32(step))), finest)
        integers = _rounds(target, step, inputs, rows, PULL * step**2 * cost, layout)
        missed = float(inputs.cost((integers * np.float32(step) - target).astype(np.float64)).sum())
        if missed <= MOST_ERROR * power or step == finest:
            return integers, step
        step *= FINER


def _cost(inputs: Quadratic, rows: Quadratic | None) -> float:
    """What one weight's error costs once the others make up for it."""
    return inputs.effective * (rows.effective if rows else 1.0)


def _rounds(
    target: np.ndarray, step: float, inputs: Quadratic, rows: Quadratic | None, rate: float, layout: WeightRows
) -> np.ndarray:
    integers = to_integers(target / np.float32(step)).astype(np.int32)
    for _ in range(ROUNDS):
        prices = _prices(integers, rate, layout)
        integers = round_with_feedback(target, step=step, inputs=inputs, prices=prices, rows=rows)
    return integers


def _prices(integers: np.ndarray, rate: float, layout: WeightRows) -> Prices:
    """Return what the codec would take for every integer at every place."""
    stored = layout.weights(integers)
    rates = codec.rates_of(stored, reach=2 * int(np.abs(integers).max(initial=0)) + 2)
    tables = np.broadcast_to(rates.tables, stored.shape)
    return Prices(rates.bits, layout.rows(tables), rate)


def _group(matrix: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(matrix)[None]


def _hint(integers: np.ndarray, step: float) -> GridHint:
    return GridHint(np.ascontiguousarray(integers, np.int32), np.array([step], np.float32))


def _values(hint: GridHint) -> np.ndarray:
    return hint.integers.astype(np.float32) * hint.scales[0]


def _factor(weights: Weights, part: GridHint) -> Weights:
    return Weights(_values(part), weights.op_type, weights.channel_axis, hint=part)
