"""How much the network's output suffers from an error of one layer's output: measured, one layer at a time.

The rest of the network stays exact. The layer is rounded coarsely enough for the damage to be clear of the noise of
floats and finely enough to be still proportional to the error.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ..graph import WeightLayer
from ..numerics.spread import Spread
from ..passes.pipeline import Chained, changed_tensors
from ..passes.quantize.bias_correction import BiasCorrection
from ..passes.quantize.bias_correction import plan as corrected
from ..passes.settling import Problem
from ..passes.weights import NotApplicable, Weights
from .judge import Judge

CLEAR = (1e-3, 3e-2)  # damage that says what it should, of a classifier in nats
FIRST_ERROR = 0.004  # of the output's power: what mostly comes to such a damage
FACTORS = (8.0, 0.15)  # of the next error, where the damage was too small or too large
RUNS = 3
MOST_ERROR = 0.3

OutputsWith = Callable[[Mapping[str, np.ndarray]], list[np.ndarray]]


def damage_per_error(
    layer: WeightLayer, weights: Weights, judge: Judge, outputs_with: OutputsWith, spread: Spread = map
) -> float:
    """Return the damage for every unit of squared error, the error as the layer's `Problem` counts it.

    `weights` are the original's, with moments where the layer was seen; `outputs_with` runs the judge's samples under
    other weights. Damages too small to be measured count as the least that is.
    """
    problem = Problem(weights, spread=spread)
    if not problem.power:
        return 0.0
    share, found = FIRST_ERROR, 0.0
    for _ in range(RUNS):
        values, error = problem.rounded(problem.step_for(share))
        damage = judge.damage(outputs_with(_tensors(layer, weights, values, judge)))
        found = max(damage, np.finfo(np.float32).eps) / max(error, np.finfo(np.float64).tiny)
        if damage > CLEAR[1]:
            share *= FACTORS[1]
        elif damage < CLEAR[0] and share < MOST_ERROR:
            share = min(share * FACTORS[0], MOST_ERROR)
        else:
            break
    return float(found)


def _tensors(layer: WeightLayer, weights: Weights, values: np.ndarray, judge: Judge) -> dict[str, np.ndarray]:
    """Return the layer's initializers with other weights and a bias that makes up for their mean."""
    changed = weights.with_values(values)
    try:
        shift = corrected(weights, [changed], BiasCorrection())
    except NotApplicable:
        shift = None
    return changed_tensors(judge.model, layer, Chained((replace(changed, moments=None),), (), (), shift))
