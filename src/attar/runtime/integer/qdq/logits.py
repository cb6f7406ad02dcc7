"""Formats of what a network hands out in floats: quantizers often leave the last layer's sums as they are.

No sum can leave the range that the weights and the format of the input allow; 16 bits over that range take them all.
"""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ....graph.operators import output_channel_axis
from ....numerics.affine import affine
from ....numerics.formats import MOST_BITS, Format
from ..steps import Step, numbers
from ..weights import Given

LAYERS = ("Conv", "Gemm", "MatMul")


def output_formats(
    model: ir.Model, steps: list[Step], formats: Mapping[str, Format], weights: Given
) -> dict[str, Format]:
    """Return formats of the last layers' outputs that have none, behind them nothing but what keeps a format."""
    last, found = {value.name for value in model.graph.outputs}, {}
    for step in reversed(steps):
        name = step.output.name
        if name not in last:
            continue
        if step.keeps_format:
            last.update(value.name for value in step.inputs)
        elif name not in formats and step.node.op_type in LAYERS and len(step.inputs) == 1:
            source, held = formats.get(step.inputs[0].name), weights.get(step.node.inputs[1].name)
            if source is not None and held is not None:
                found[name] = affine(*_range(step, source, *held), bits=MOST_BITS)
    return found


def _range(step: Step, source: Format, integers: np.ndarray, steps: np.ndarray) -> tuple[float, float]:
    """Return the least and the largest number that the layer can make of inputs within their format."""
    axis = output_channel_axis(step.node, 1, integers.ndim)
    rows = np.moveaxis(integers, axis or 0, 0)
    rows = rows.reshape(len(rows), -1).astype(np.float64) * np.reshape(steps, (-1, 1))
    rows = rows * (source.scale * step.node.attributes.get_float("alpha", 1.0))
    ends = np.stack([rows * (source.low - source.zero), rows * (source.high - source.zero)])
    bias, limits = _bias(step), step.limits or (-np.inf, np.inf)
    low, high = (ends.min(axis=0).sum(axis=1) + bias).min(), (ends.max(axis=0).sum(axis=1) + bias).max()
    return float(np.clip(low, *limits)), float(np.clip(high, *limits))


def _bias(step: Step) -> np.ndarray:
    node, held = step.node, None
    if step.bias is not None:
        return step.bias.astype(np.float64)
    if len(node.inputs) > 2:
        held = numbers(node.inputs[2])
    return np.zeros(1) if held is None else held.reshape(-1) * node.attributes.get_float("beta", 1.0)
