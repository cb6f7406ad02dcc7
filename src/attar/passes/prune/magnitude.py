"""Magnitude pruning: the smallest weights of a layer become zero, by level or by quality x standard deviation.

Level zeroes a share of the weights; quality zeroes |w| <= quality * std(w) (Han et al., NIPS 2015). No retraining here.
Cost: none to run on dense kernels; what is gained is the code length of zeros.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from ..settings import limits
from ..weights import Weights


@dataclass(frozen=True)
class Magnitude:
    """How much to prune: `level`, a share of all weights, unless `quality` is given, in standard deviations."""

    level: float = field(default=0.0, metadata=limits(0.0, 1.0))
    quality: float | None = field(default=None, metadata=limits(0.0, 100.0))


@dataclass(frozen=True)
class Threshold:
    """The decision: every weight with |w| <= `magnitude` becomes zero."""

    magnitude: float


def plan(weights: Weights, config: Magnitude) -> Threshold | None:
    """Turn level or quality into one threshold; None where nothing is to be pruned."""
    magnitudes = np.abs(weights.values).ravel()
    if config.quality is not None:
        # The standard deviation is that of all weights, zeros included: the first round of pruning, as in the paper.
        return Threshold(config.quality * float(np.std(weights.values, dtype=np.float64)))
    count = math.floor(config.level * magnitudes.size)
    return Threshold(float(np.partition(magnitudes, count - 1)[count - 1])) if count else None


def apply(weights: Weights, threshold: Threshold) -> Weights:
    """Zero the weights up to the threshold."""
    return weights.with_values(np.where(np.abs(weights.values) <= np.float32(threshold.magnitude), 0, weights.values))
