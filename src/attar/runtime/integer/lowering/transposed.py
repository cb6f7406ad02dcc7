"""ConvTranspose: its weights brought to the order of a convolution's, outputs first."""

import numpy as np

from ....graph.geometry import geometry
from ..program import Operator, TransposedConvolution
from ..weights import Grid, given_grid, grid_of
from .products import bias_row, constant, weighted
from .site import Site


def lower_conv_transpose(site: Site) -> tuple[Operator, ...]:
    """Lower a ConvTranspose over one or two spatial axes."""
    source, extents, weights = site.sole_input(), site.spatial(), constant(site, 1)
    moves = geometry(site.node, weights.shape[2:])
    begins = tuple(moves.begin(axis, extent) for axis, extent in enumerate(extents))
    bias = bias_row(site, 2, weights.shape[1] * moves.groups)
    return (
        TransposedConvolution(
            **weighted(site, _grid(site, weights, bias, moves.groups), bias, source.format.scale),
            strides=moves.strides,
            dilations=moves.dilations,
            begins=begins,
            groups=moves.groups,
        ),
    )


def _grid(site: Site, weights: np.ndarray, bias: np.ndarray, groups: int) -> Grid:
    """Return the integers of weights (inputs, outputs of a group, *kernel), outputs first."""
    name = site.node.inputs[1].name
    if name not in site.given:
        rows = _outputs_first(weights, groups).astype(np.float32)
        return grid_of(name, rows, bias, site.inputs[0].format, site.scheme)
    grid = given_grid(name, site.given, weights.shape, axis=1)  # one step for a channel of every group
    rows = _outputs_first(np.moveaxis(grid.integers, 0, 1), groups)
    return Grid(rows, np.tile(grid.scales, groups), grid.bits)


def _outputs_first(weights: np.ndarray, groups: int) -> np.ndarray:
    """Return (outputs, inputs of a group, *kernel): the outputs of the first group first."""
    inputs, each, *kernel = weights.shape
    by_group = weights.reshape(groups, inputs // groups, each, *kernel)
    return by_group.swapaxes(1, 2).reshape(groups * each, inputs // groups, *kernel)
