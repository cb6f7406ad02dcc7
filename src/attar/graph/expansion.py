"""What a network comes to once its functions stand where they are called and its sparse tensors are written out.

Functions that call each other twice, thirty deep, are a billion operators in three kilobytes: they are counted, not
expanded.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import onnx
import onnx_ir as ir

from ..errors import ModelError

DEEPEST = 100  # functions that call each other
ENOUGH = 1 << 62  # to count on


class Extent(NamedTuple):
    """Operators, and bytes of the tensors that they or their graph hold."""

    nodes: int = 0
    tensor_bytes: int = 0

    def plus(self, other: "Extent") -> "Extent":
        return Extent(min(self.nodes + other.nodes, ENOUGH), min(self.tensor_bytes + other.tensor_bytes, ENOUGH))


Functions = Mapping[tuple[str, str], onnx.FunctionProto]


def extent_of(proto: onnx.ModelProto) -> Extent:
    """Return what the whole network comes to.

    Raises:
        ModelError: functions that call each other in a circle, or too deep; a tensor with a negative extent.
    """
    functions = {(function.domain, function.name): function for function in proto.functions}
    return _of_graph(proto.graph, functions, {}, 0)


def _of_graph(graph: onnx.GraphProto, functions: Functions, known: dict, depth: int) -> Extent:
    sparse = sum(_bytes(each.values, each.dims) for each in graph.sparse_initializer)
    held = sum(_bytes(tensor, tensor.dims) for tensor in graph.initializer)
    return _of_nodes(graph.node, functions, known, depth).plus(Extent(0, sparse + held))


def _of_nodes(nodes: Iterable[onnx.NodeProto], functions: Functions, known: dict, depth: int) -> Extent:
    total = Extent()
    for node in nodes:
        total = total.plus(_of_call(node, functions, known, depth))
        for attribute in node.attribute:
            total = total.plus(Extent(0, sum(_bytes(tensor, dims) for tensor, dims in _tensors(attribute))))
            for graph in _graphs(attribute):
                total = total.plus(_of_graph(graph, functions, known, depth))
    return total


def _of_call(node: onnx.NodeProto, functions: Functions, known: dict, depth: int) -> Extent:
    key = node.domain, node.op_type
    if key not in functions:
        return Extent(1, 0)
    if known.get(key, Extent()) is None or depth > DEEPEST:
        raise ModelError(f"function '{node.op_type}' calls itself, or is {DEEPEST} calls deep")
    if key not in known:
        known[key] = None  # being counted
        known[key] = _of_nodes(functions[key].node, functions, known, depth + 1)
    return known[key]


def _graphs(attribute: onnx.AttributeProto) -> Iterator[onnx.GraphProto]:
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def _tensors(attribute: onnx.AttributeProto) -> Iterator[tuple[onnx.TensorProto, Iterable[int]]]:
    if attribute.HasField("t"):
        yield attribute.t, attribute.t.dims
    yield from ((tensor, tensor.dims) for tensor in attribute.tensors)
    if attribute.HasField("sparse_tensor"):
        yield attribute.sparse_tensor.values, attribute.sparse_tensor.dims
    yield from ((sparse.values, sparse.dims) for sparse in attribute.sparse_tensors)


def _bytes(tensor: onnx.TensorProto, dims: Iterable[int]) -> int:
    """Return the bytes of a tensor of these extents with the element type of `tensor`."""
    if min(dims, default=0) < 0:
        raise ModelError(f"tensor '{tensor.name}': its shape {list(dims)} has a negative extent")
    try:
        width_bits = ir.DataType(tensor.data_type).bitwidth
    except (ValueError, TypeError):  # strings have none, and what is no type the checker refuses
        width_bits = 8
    return min(math.prod(dims) * width_bits // 8, ENOUGH)
