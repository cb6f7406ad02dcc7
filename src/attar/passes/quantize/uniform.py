"""Uniform quantization of weights to a symmetric grid of 2 to 8 bits, the step chosen by least squares.

w is replaced by s * clip(round(w / s), -(2^(b-1) - 1), 2^(b-1) - 1). The grid has no zero point, so zero stays zero.
Cost: bits per weight before entropy coding, and 2 bytes for every step. (Jacob et al. 2018, section 3, symmetric form.)
"""

from dataclasses import dataclass, field

import numpy as np

from ...codec import GridHint
from ...numerics.channels import Granularity, PerTensor, as_rows, from_rows
from ...numerics.uniform import dequantize, fit_steps
from ...numerics.uniform import quantize as to_grid
from ..settings import limits
from ..weights import Weights


@dataclass(frozen=True)
class Uniform:
    """How fine the grid is, and which weights share a step."""

    bits: int = field(default=8, metadata=limits(2, 8))
    granularity: Granularity = PerTensor()


@dataclass(frozen=True)
class Grid:
    """The decision: `steps` (groups,) for the groups of `granularity`."""

    bits: int
    granularity: Granularity
    steps: np.ndarray


def plan(weights: Weights, config: Uniform) -> Grid:
    """Fit the steps of least squared error."""
    rows = as_rows(weights.values, config.granularity, weights.channel_axis)
    return Grid(config.bits, config.granularity, fit_steps(rows, bits=config.bits))


def apply(weights: Weights, grid: Grid) -> Weights:
    """Move every weight to the nearest value of its grid."""
    rows = as_rows(weights.values, grid.granularity, weights.channel_axis)
    integers = to_grid(rows, grid.steps, bits=grid.bits)
    shape, axis = weights.values.shape, weights.channel_axis
    values = from_rows(dequantize(integers, grid.steps), shape, grid.granularity, axis)
    per_tensor = isinstance(grid.granularity, PerTensor)
    hint = GridHint(from_rows(integers, shape, grid.granularity, axis), grid.steps, None if per_tensor else axis)
    return weights.with_values(values, hint)
