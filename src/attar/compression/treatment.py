"""Treat every layer at one slope: what a bit is worth in damage to the network's output is the same in all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..graph import WeightLayer
from ..numerics.low_rank import break_even_rank
from ..numerics.quadratic import Quadratic
from ..numerics.spread import Spread
from ..passes.pipeline import Chained, Steps, chain, decided
from ..passes.quantize.bias_correction import STEPS, BiasCorrection
from ..passes.quantize.rate_distortion import SLOPES, RateDistortion, coded_bits
from ..passes.settling import BREADTH, Problem, Rounded
from ..passes.weights import Weights
from .walk import Treat

RANKS = (0.08, 0.12, 0.17, 0.23, 0.3, 0.4, 0.55)  # of the rank at which two factors hold as many numbers as the matrix
NEAREST = 1  # how far along RANKS a later pass looks, either way
ALL_RANKS = 1 << 19  # weights of a matrix of which every pass tries all of RANKS, not only those that look well
SMALLEST = 4096  # weights of a matrix that may become two: less is not worth the names
WORTHWHILE = 0.97  # of the cost of one tensor: what two must come down to
UNIFORM = 12 / (2 * np.log(2))  # step^2 per slope of a grid that is fine: error step^2 / 12, halved twice by every bit


@dataclass
class Treatment:
    """What is known of the layers, and what earlier passes found.

    Attributes:
        sensitivity: damage to the network's output for every unit of error of a layer's output, by layer.
        row_costs: what errors of a layer's outputs cost beside each other, where that was measured.
        ranks: what the last pass chose, by layer; 0 is one tensor.
        fixed: ranks that are not to be chosen again, by layer; None where they are.
        spread: what shares the work on a layer among threads.
    """

    sensitivity: dict[str, float]
    row_costs: dict[str, Quadratic] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    fixed: Mapping[str, int] | None = None
    spread: Spread = map

    def at(self, slope: float) -> Treat:
        """Return the treatment of a layer where one bit is worth `slope` of damage."""
        return lambda layer, weights: self._treat(layer, weights, slope)

    def go_on_from(self, changed: Mapping[str, Steps]) -> None:
        """Take up the ranks of an earlier pass from the steps that it took."""
        self.ranks = dict.fromkeys(self.sensitivity, 0) | ranks_of(changed)

    def _treat(self, layer: WeightLayer, weights: Weights, slope: float) -> Chained:
        if not self.sensitivity.get(layer.name):  # without weights but zero, or not asked for
            return Chained((weights,), (), ())
        weights = replace(weights, row_cost=self.row_costs.get(layer.name))
        own = float(np.clip(slope / self.sensitivity[layer.name], *SLOPES))
        config, decision = self._cheapest(layer, weights, own)
        return chain(weights, _correction(layer, weights, own), decided(weights, config, decision))

    def _cheapest(self, layer: WeightLayer, weights: Weights, slope: float) -> tuple[RateDistortion, Rounded]:
        """Settle the layer whole and as two factors of several ranks; return what costs least, error and bits."""
        problem, ladder = Problem(weights, spread=self.spread), _ladder(weights)
        if self.fixed is not None:
            rank = self.fixed.get(layer.name, 0)
            return RateDistortion(slope, rank or None), problem.factors(slope, rank) if rank else problem.whole(slope)
        found = {0: problem.whole(slope)}
        found |= {rank: problem.factors(slope, rank) for rank in self._ranks_to_try(layer, ladder)}
        if layer.name not in self.ranks:
            more = [rank for rank in _near(_best(found, slope), ladder) if rank not in found]
            found |= {rank: problem.factors(slope, rank) for rank in more}
        best = _best(found, slope)
        self.ranks[layer.name] = best
        return RateDistortion(slope=slope, rank=best or None), found[best]

    def _ranks_to_try(self, layer: WeightLayer, ladder: list[int]) -> list[int]:
        last = self.ranks.get(layer.name)
        if layer.size <= ALL_RANKS:
            return ladder
        return ladder[1::2] if last is None else _near(last, ladder)


def ranks_of(changed: Mapping[str, Steps]) -> dict[str, int]:
    """Return the rank that each layer's steps gave it; 0 is one tensor."""
    settled = ((layer, step) for layer, steps in changed.items() for step in steps if isinstance(step, RateDistortion))
    return {layer: step.rank or 0 for layer, step in settled}


def _ladder(weights: Weights) -> list[int]:
    """Return the ranks that two factors may have; none for weights that cannot become two, or are not worth it."""
    if not weights.is_matrix or weights.moments is None or weights.as_rows.blocks > 1 or weights.values.size < SMALLEST:
        return []
    limit = break_even_rank(*weights.matrix.shape)
    return sorted({max(round(share * limit), 1) for share in RANKS})


def _best(found: Mapping[int, Rounded], slope: float) -> int:
    """Return the rank of what costs least; 0, one tensor, where two are not worthwhile."""
    if len(found) == 1:
        return 0
    costs = {rank: decision.error + slope * coded_bits(decision) for rank, decision in found.items()}
    best = min(costs, key=costs.__getitem__)
    return best if costs[best] <= WORTHWHILE * costs[0] else 0


def _near(rank: int, ladder: list[int]) -> list[int]:
    """Return the rank and its neighbors on the ladder; none of a rank that is not on it."""
    if rank not in ladder:
        return []
    place = ladder.index(rank)
    return ladder[max(place - NEAREST, 0) : place + NEAREST + 1]


def data_free(layer: WeightLayer, weights: Weights, share: float) -> Chained:
    """Treat a layer of which nothing is known but its weights: a step of so many standard deviations."""
    power = float(np.mean(np.square(weights.values, dtype=np.float64)))
    if not power:
        return Chained((weights,), (), ())
    return chain(weights, (RateDistortion(slope=share**2 * power / BREADTH),))


def _correction(layer: WeightLayer, weights: Weights, slope: float) -> Steps:
    """The bias is a weight too, whose input is always 1: corrected, then put on a grid of the same slope."""
    if layer.offset is None or weights.moments is None:
        return ()
    step = weights.moments.unit * np.sqrt(UNIFORM * slope)
    return (BiasCorrection(step=float(np.clip(step, *STEPS))),)
