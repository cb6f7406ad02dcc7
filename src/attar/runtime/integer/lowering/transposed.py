"""ConvTranspose: its weights brought to the order of a convolution's, outputs first."""

import numpy as np

from ....graph.geometry import geometry
from ..channels import inputs_first, outputs_first
from ..program import Operator, TransposedConvolution
from ..weights import Grid, given_grid, grid_of
from .products import bias_row, constant, name_of, weighted
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
            source=site.node.inputs[1].name,
            bias_source=name_of(site, 2),
            strides=moves.strides,
            dilations=moves.dilations,
            begins=begins,
            groups=moves.groups,
        ),
    )


def _grid(site: Site, weights: np.ndarray, bias: np.ndarray, groups: int) -> Grid:
    """Return the integers of weights (inputs, outputs of a group, *kernel), outputs first."""
    name = site.node.inputs[1].name
    if name in site.given:
        grid = given_grid(name, site.given, weights.shape, axis=1, groups=groups)
        grid = Grid(outputs_first(np.moveaxis(grid.integers, 0, 1), groups), grid.scales, grid.bits)
    else:
        rows = outputs_first(weights, groups).astype(np.float32)
        grid = grid_of(name, rows, bias, site.inputs[0].format, site.scheme)
    site.chosen[site.output.name] = inputs_first(grid.integers, groups), grid.scales
    return grid
