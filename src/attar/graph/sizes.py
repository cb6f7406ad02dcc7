"""How large the tensors are that flow through a network, from inferred shapes."""

import math
from collections.abc import Mapping

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass


def inferred(model: ir.Model, shapes: Mapping[str, tuple[int, ...]]) -> ir.Model:
    """Return a copy of `model` (tensors shared) that tells all shapes and types known once inputs have `shapes`."""
    copy = model.clone()
    for value in copy.graph.inputs:
        if value.name in shapes:
            value.shape = ir.Shape(shapes[value.name])
    ShapeInferencePass(check_type=False, strict_mode=False)(copy)
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
