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
    """The decision: every |w| < `magnitude` becomes zero, and of those with |w| = `magnitude` the first `ties`.

    `ties` None means all of them. A network whose weights share few values has many; a level is to be kept exactly.
    """

    magnitude: float
    ties: int | None = None


def plan(weights: Weights, config: Magnitude) -> Threshold | None:
    """Turn level or quality into one threshold; None where nothing is to be pruned."""
    magnitudes = np.abs(weights.values).ravel()
    if config.quality is not None:
        # The standard deviation is that of all weights, zeros included: the first round of pruning, as in the paper.
        return Threshold(config.quality * float(np.std(weights.values, dtype=np.float64)))
    count = math.floor(config.level * magnitudes.size)
    if not count:
        return None
    limit = np.partition(magnitudes, count - 1)[count - 1]
    return Threshold(float(limit), count - int(np.count_nonzero(magnitudes < limit)))


def apply(weights: Weights, threshold: Threshold) -> Weights:
    """Zero the weights up to the threshold."""
    magnitudes, limit = np.abs(weights.values), np.float32(threshold.magnitude)
    kept = weights.values.copy()
    kept[magnitudes < limit] = 0
    kept.reshape(-1)[np.flatnonzero(magnitudes == limit)[: threshold.ties]] = 0
    return weights.with_values(kept)
