"""Uniform quantization of weights to a symmetric grid of 2 to 8 bits, the step chosen by least squares.

w is replaced by s * clip(round(w / s), -(2^(b-1) - 1), 2^(b-1) - 1). The grid has no zero point, so zero stays zero.
Cost: bits per weight before entropy coding, and 2 bytes for every step. (Jacob et al. 2018, section 3, symmetric form.)
"""

from dataclasses import dataclass, field

import numpy as np

from ...codec import GridHint
from ...numerics.channels import Granularity, PerTensor, as_rows, from_rows
from ...numerics.uniform import dequantize, fit_steps, relative_steps
from ...numerics.uniform import quantize as to_grid
from ..settings import limits
from ..weights import Weights


@dataclass(frozen=True)
class Uniform:
    """How fine the grid is, and which weights share a step.

    `deviations` gives the step in standard deviations (about zero) of the weights that share it, in place of least
    squares: entropy coded, a wide step on many levels takes fewer bytes than a clipped grid of few bits.
    """

    bits: int = field(default=8, metadata=limits(2, 8))
    granularity: Granularity = PerTensor()
    deviations: float | None = field(default=None, metadata=limits(0.01, 100.0))


@dataclass(frozen=True)
class Grid:
    """The decision: one of the `steps` (groups,) for every index along `axis`; no axis, one step."""

    bits: int
    axis: int | None
    steps: np.ndarray


def plan(weights: Weights, config: Uniform) -> Grid:
    """Settle the steps: of least squared error, or a multiple of the standard deviation."""
    axis = None if isinstance(config.granularity, PerTensor) else weights.channel_axis
    rows = as_rows(weights.values, axis)
    if config.deviations is not None:
        return Grid(config.bits, axis, relative_steps(rows, deviations=config.deviations))
    return Grid(config.bits, axis, fit_steps(rows, bits=config.bits))


def apply(weights: Weights, grid: Grid) -> Weights:
    """Move every weight to the nearest value of its grid."""
    shape = weights.values.shape
    integers = to_grid(as_rows(weights.values, grid.axis), grid.steps, bits=grid.bits)
    values = from_rows(dequantize(integers, grid.steps), shape, grid.axis)
    return weights.with_values(values, GridHint(from_rows(integers, shape, grid.axis), grid.steps, grid.axis))
