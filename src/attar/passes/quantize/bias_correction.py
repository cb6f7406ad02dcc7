"""Bias correction: take back the shift of a layer's mean output that its changed weights cause.

E[y'] - E[y] = (W' - W) E[x], so b <- b - (W' - W) E[x], with E[x] measured in calibration; where a batch normalization
follows, its mean moves instead (Nagel et al. 2019, section 4.2; card BCORR). Where the layers in front have changed
too, E[y'] = W' E[x'] with the inputs as they are now. Cost: none, biases are stored anyway, on a grid they take less.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...numerics.rounding import to_bfloat16, to_integers
from ..settings import limits
from ..weights import NotApplicable, Weights, product

STEPS = (1e-30, 1e30)  # that a plan can name


@dataclass(frozen=True)
class BiasCorrection:
    """Correct the mean of every output channel; with a `step`, put the biases on a grid."""

    step: float | None = field(default=None, metadata=limits(*STEPS))


@dataclass(frozen=True)
class Shift:
    """The decision: what to add to every output channel (outputs,), and the step of the grid for the sums, if any."""

    values: np.ndarray
    step: np.float32 | None = None


def plan(before: Weights, parts: Sequence[Weights], config: BiasCorrection) -> Shift | None:
    """Compute the shift for a layer that was `before` and is now `parts`; None where nothing changed."""
    if before.offset is None:
        raise NotApplicable(f"{before.op_type} has no bias of its own, nor a batch normalization after it")
    step = None if config.step is None else to_bfloat16(np.float32(config.step))[()]
    values = _shift(before, product(parts))
    return Shift(values, step) if values.any() or step else None


def _shift(before: Weights, now: np.ndarray) -> np.ndarray:
    if before.moments is not None:
        seen, old, new = before.moments, before.rows.astype(np.float64), before.as_rows.rows(now)
        shift = np.einsum("gri,gi->gr", old, seen.mean_before) - np.einsum("gri,gi->gr", new, seen.mean)
        return shift.reshape(-1, before.as_rows.blocks, shift.shape[1]).sum(axis=1).reshape(-1)
    if before.statistics is None:
        raise NotApplicable("the mean of its inputs was not measured")
    difference = before.with_values(now.astype(np.float64) - before.values).matrix
    return -np.sum(difference * before.statistics.mean, axis=1)


def apply(offset: np.ndarray, sign: int, shift: Shift) -> np.ndarray:
    """Return the bias (sign 1) or the normalization's mean (sign -1) with the shift in it."""
    sums = offset + sign * shift.values
    if shift.step is not None:
        sums = to_integers(sums / shift.step).astype(np.float32) * shift.step
    return sums.astype(offset.dtype)
