"""Pruning behind quantization: integers up to a threshold become zero.

q becomes 0 where |q| <= t, a whole number; t = 0 prunes only what was rounded to zero before. Thresholds on integers
keep the alphabet small that is coded afterwards (Ge et al. 2017, the pruning module). Cost: none to run; what is gained
is the code length of zeros and the multiplications by them.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from ..settings import limits
from ..weights import NotApplicable, Weights


@dataclass(frozen=True)
class Integers:
    """The largest magnitude that becomes zero."""

    threshold: int = field(default=1, metadata=limits(0, 32767))


def plan(weights: Weights, config: Integers) -> int | None:
    """Return the threshold; None where nothing is to be pruned.

    Raises:
        NotApplicable: the weights are not integers times a step.
    """
    if weights.hint is None:
        raise NotApplicable(f"{weights.op_type}: its weights are no integers yet: quantize them first")
    return config.threshold or None


def apply(weights: Weights, threshold: int) -> Weights:
    """Zero the integers up to the threshold."""
    hint = weights.hint
    kept = np.where(np.abs(hint.integers) > threshold, hint.integers, 0)
    return weights.with_values(np.where(kept, weights.values, np.float32(0)), replace(hint, integers=kept))
