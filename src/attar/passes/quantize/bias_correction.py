"""Bias correction: take back the shift of a layer's mean output that its changed weights cause.

E[y'] - E[y] = (W' - W) E[x], so b <- b - (W' - W) E[x], with E[x] measured in calibration; where a batch normalization
follows, its mean moves instead (Nagel et al. 2019, section 4.2; card BCORR). Cost: none, biases are stored anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..weights import NotApplicable, Weights, product


@dataclass(frozen=True)
class BiasCorrection:
    """Correct the mean of every output channel."""


@dataclass(frozen=True)
class Shift:
    """The decision: what to add to every output channel (outputs,)."""

    values: np.ndarray


def plan(before: Weights, parts: Sequence[Weights], config: BiasCorrection) -> Shift | None:
    """Compute the shift for a layer that was `before` and is now `parts`; None where nothing changed."""
    if before.offset is None:
        raise NotApplicable(f"{before.op_type} has no bias of its own, nor a batch normalization after it")
    if before.statistics is None:
        raise NotApplicable("the mean of its inputs was not measured")
    difference = before.with_values(product(parts).astype(np.float64) - before.values).matrix
    if not difference.any():
        return None
    return Shift(-np.sum(difference * before.statistics.mean, axis=1))


def apply(offset: np.ndarray, sign: int, shift: Shift) -> np.ndarray:
    """Return the bias (sign 1) or the normalization's mean (sign -1) with the shift in it."""
    return (offset + sign * shift.values).astype(offset.dtype)
