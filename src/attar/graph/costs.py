"""What a layer costs to run: multiply-accumulates for one sample, from inferred shapes."""

import math

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from .layers import survey
from .operators import RECURRENT
from .readers import Reader, readers_of


def layer_macs(model: ir.Model) -> dict[str, int | None]:
    """Return the multiply-accumulates per sample of every weight layer; None where a shape is not known.

    A layer read by several operators counts once for each. Borders count as if padded with real values; looking rows up
    in a table costs nothing; what runs in a branch or a loop is not known.
    """
    inferred = model.clone()
    ShapeInferencePass()(inferred)
    initializers = inferred.graph.initializers
    return {layer.name: _macs_of(inferred.graph, initializers[layer.name]) for layer in survey(inferred).layers}


def _macs_of(graph: ir.Graph, weights: ir.Value) -> int | None:
    each = [_macs_of_reader(reader) if reader.node.graph is graph else None for reader in readers_of(weights)]
    return None if None in each else sum(each)


def _macs_of_reader(reader: Reader) -> int | None:
    node, size = reader.node, math.prod(reader.shape)
    if node.op_type in ("Gather", "Gemm"):
        return size if node.op_type == "Gemm" else 0
    repeats = _repeats(node)
    if repeats is None or node.op_type != "MatMul":
        return None if repeats is None else repeats * size
    # Every number that a MatMul puts out sums as many products as its operands share.
    return repeats * reader.shape[-2 if reader.position == 1 else -1]


def _repeats(node: ir.Node) -> int | None:
    """Return how often a sample meets the weights; for a MatMul, how many numbers it puts out."""
    if node.op_type in RECURRENT:  # once for every step of the sequence, which the batch may come before
        layout = node.attributes.get_int("layout", 0)
        return _extent(node.inputs[0], slice(layout, layout + 1))
    # A transposed convolution spreads every *input* position over the kernel.
    value = node.inputs[0] if node.op_type == "ConvTranspose" else node.outputs[0]
    return _extent(value, slice(1 if node.op_type == "MatMul" else 2, None))


def _extent(value: ir.Value | None, axes: slice) -> int | None:
    if value is None or value.shape is None:
        return None
    extents = [extent if isinstance(extent, int) else None for extent in value.shape[axes]]
    return None if None in extents else math.prod(extents)
