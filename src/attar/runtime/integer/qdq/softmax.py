"""A Softmax at the very end, which a program leaves out: taken off before a conversion, put back behind it."""

from collections.abc import Sequence

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from ...ends import End
from ..endings import last_softmax


def without_softmax(model: ir.Model, ends: Sequence[End]) -> ir.Model:
    """Return a copy of a network that ends in logits where its program does."""
    copy = model.clone()
    for number, end in enumerate(ends):
        if end.function:
            copy.graph.outputs[number] = last_softmax(copy.graph.outputs[number]).inputs[0]
    if any(end.function for end in ends):
        RemoveUnusedNodesPass()(copy)
    return copy


def with_softmax(model: ir.Model, ends: Sequence[End]) -> None:
    """Let outputs of `model`, of opset 13 or later, be those of the network again, in place."""
    for number, end in enumerate(ends):
        if end.function:
            found = model.graph.outputs[number]
            model.graph.outputs[number] = _softmax(model.graph, found, end)


def _softmax(graph: ir.Graph, source: ir.Value, end: End) -> ir.Value:
    """Return the Softmax of a tensor, over several axes by way of a matrix."""
    first, last = end.axes
    result = ir.Value(name=end.name, type=ir.TensorType(ir.DataType.FLOAT))
    if first == last:
        graph.append(ir.Node("", end.function, [source], [ir.AttrInt64("axis", first)], outputs=[result]))
        return result
    nodes = [
        ir.Node("", "Shape", [source], outputs=[ir.Value(name=f"{end.name}/extents")]),
        ir.Node("", "Flatten", [source], [ir.AttrInt64("axis", first)], outputs=[ir.Value(name=f"{end.name}/rows")]),
    ]
    shares = ir.Value(name=f"{end.name}/shares")
    nodes.append(ir.Node("", end.function, [nodes[1].outputs[0]], [ir.AttrInt64("axis", -1)], outputs=[shares]))
    nodes.append(ir.Node("", "Reshape", [shares, nodes[0].outputs[0]], outputs=[result]))
    graph.extend(nodes)
    return result
