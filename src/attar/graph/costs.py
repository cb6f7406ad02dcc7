"""What a layer costs to run: multiply-accumulates for one sample, from inferred shapes."""

import math

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from .layers import survey


def layer_macs(model: ir.Model) -> dict[str, int | None]:
    """Return the multiply-accumulates per sample of every weight layer; None where a shape is not known.

    A layer read by several operators counts once for each. Borders count as if padded with real values.
    """
    inferred = model.clone()
    ShapeInferencePass()(inferred)
    initializers = inferred.graph.initializers
    return {layer.name: _macs_of(initializers[layer.name], layer.size) for layer in survey(inferred).layers}


def _macs_of(weights: ir.Value, size: int) -> int | None:
    total = 0
    for use in weights.uses():
        macs = _macs_of_use(use.node, use.idx, weights.shape, size)
        if macs is None:
            return None
        total += macs
    return total


def _macs_of_use(node: ir.Node, position: int, shape: ir.Shape, size: int) -> int | None:
    if node.op_type == "Gemm":
        return size
    # A transposed convolution spreads every *input* position over the kernel.
    value = node.inputs[0] if node.op_type == "ConvTranspose" else node.outputs[0]
    if value is None or value.shape is None:
        return None
    is_matmul = node.op_type == "MatMul"
    extents = [extent if isinstance(extent, int) else None for extent in value.shape[1 if is_matmul else 2 :]]
    if None in extents:
        return None
    # Every number that a MatMul puts out sums as many products as its operands share.
    each = int(shape[-2 if position == 1 else -1]) if is_matmul else size
    return math.prod(extents) * each
