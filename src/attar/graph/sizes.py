"""How large the tensors are that flow through a network, from inferred shapes."""

import math
from collections.abc import Mapping

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from ..errors import ModelError
from .child import signal_of

ASSERTING = ("Slice",)  # whose inference takes extents below zero for impossible, and ends the process


def inferred(model: ir.Model, shapes: Mapping[str, tuple[int, ...]]) -> ir.Model:
    """Return a copy of `model` (tensors shared) that tells all shapes and types known once inputs have `shapes`.

    Raises:
        ModelError: extents so far out of range that the inference would end the process.
    """
    copy = model.clone()
    for value in copy.graph.inputs:
        if value.name in shapes:
            value.shape = ir.Shape(shapes[value.name])
    infer = ShapeInferencePass(check_type=False, strict_mode=False)
    if any(node.op_type in ASSERTING for node in copy.graph.all_nodes()) and signal_of(lambda: infer(copy)):
        raise ModelError("the shapes of the network cannot be: an extent becomes negative before it is cut")
    infer(copy)
    return copy


def most_bytes(model: ir.Model) -> int:
    """Return the bytes of what flows into and out of the operator that handles most, weights left out."""
    return max(
        (sum(_bytes(value) for value in (*node.inputs, *node.outputs) if value is not None) for node in model.graph),
        default=0,
    )


def _bytes(value: ir.Value) -> int:
    """Return the size of a tensor that flows; 0 for weights, for text and where the size is not known."""
    if value.is_initializer() or value.shape is None or value.dtype in (None, ir.DataType.STRING):
        return 0
    extents = [extent for extent in value.shape if isinstance(extent, int)]
    return math.prod(extents) * value.dtype.bitwidth // 8 if len(extents) == len(value.shape) else 0
