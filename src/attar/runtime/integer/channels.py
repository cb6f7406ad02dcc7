"""Weights by output channel: the order in which programs and scales have them, whatever the layer's own order is."""

import numpy as np
import onnx_ir as ir

from ...graph.operators import output_channel_axis


def rows_of(node: ir.Node, position: int, weights: np.ndarray) -> np.ndarray | None:
    """Return weights (outputs, ...) with all output channels of a layer in front; None where it has none that we know.

    Raises:
        ValueError: the inputs of a ConvTranspose do not make groups of the same size.
    """
    axis = output_channel_axis(node, position, weights.ndim)
    if axis is None:
        return None
    if node.op_type == "ConvTranspose":
        return outputs_first(weights, groups_of(node))
    return np.moveaxis(weights, axis, 0)


def groups_of(node: ir.Node) -> int:
    """Return the groups in which a layer's weights hold its output channels: more than one of a ConvTranspose alone."""
    return node.attributes.get_int("group", 1) if node.op_type == "ConvTranspose" else 1


def outputs_first(weights: np.ndarray, groups: int) -> np.ndarray:
    """Return (outputs, inputs of a group, *kernel) of a ConvTranspose's (inputs, outputs of a group, *kernel).

    The outputs of the first group come first.

    Raises:
        ValueError: the inputs do not make so many groups of the same size.
    """
    inputs, each, *kernel = weights.shape
    if groups < 1 or inputs % groups:
        raise ValueError(f"{inputs} inputs in {groups} groups")
    by_group = weights.reshape(groups, inputs // groups, each, *kernel)
    return by_group.swapaxes(1, 2).reshape(groups * each, inputs // groups, *kernel)


def inputs_first(weights: np.ndarray, groups: int) -> np.ndarray:
    """Return (inputs, outputs of a group, *kernel) of (outputs, inputs of a group, *kernel), as `outputs_first`."""
    outputs, inputs, *kernel = weights.shape
    by_group = weights.reshape(groups, outputs // groups, inputs, *kernel)
    return by_group.swapaxes(1, 2).reshape(groups * inputs, outputs // groups, *kernel)
