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
        positions = _positions(use.node)
        if positions is None:
            return None
        total += positions * size
    return total


def _positions(node: ir.Node) -> int | None:
    """Return how often one sample passes through all of the weights of `node`."""
    if node.op_type == "Gemm":
        return 1
    # A transposed convolution spreads every *input* position over the kernel.
    value = node.inputs[0] if node.op_type == "ConvTranspose" else node.outputs[0]
    if value is None or value.shape is None:
        return None
    extents = [extent if isinstance(extent, int) else None for extent in value.shape]
    inner = extents[1:-1] if node.op_type == "MatMul" else extents[2:]
    return None if None in inner else math.prod(inner)
