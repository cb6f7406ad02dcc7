"""Write tensors that a file stores as indices and values out in full: no other file knows of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from ..errors import ModelError


def write_out(proto: onnx.ModelProto, *, folder: Path | None) -> onnx.ModelProto:
    """Return `proto` with ordinary initializers and Constants in place of sparse ones; a copy, where it has any.

    A few bytes may declare any shape: `valid.check_size` comes first.

    Raises:
        ModelError: indices outside of the shape.
    """
    if not any(True for _ in _sparse(proto)):
        return proto
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    for graph in _graphs_of(copy):
        graph.initializer.extend(_dense(sparse, folder) for sparse in graph.sparse_initializer)
        graph.ClearField("sparse_initializer")
    for attribute in (a for nodes in _nodes_of(copy) for node in nodes for a in node.attribute):
        if attribute.HasField("sparse_tensor"):
            dense = _dense(attribute.sparse_tensor, folder)
            attribute.ClearField("sparse_tensor")
            attribute.name, attribute.type = "value", onnx.AttributeProto.TENSOR
            attribute.t.CopyFrom(dense)
    return copy


def _sparse(proto: onnx.ModelProto) -> Iterator[onnx.SparseTensorProto]:
    yield from (sparse for graph in _graphs_of(proto) for sparse in graph.sparse_initializer)
    attributes = (a for nodes in _nodes_of(proto) for node in nodes for a in node.attribute)
    yield from (attribute.sparse_tensor for attribute in attributes if attribute.HasField("sparse_tensor"))


def _graphs_of(proto: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    yield from _graphs([*proto.graph.node, *(n for function in proto.functions for n in function.node)])
    yield proto.graph


def _graphs(nodes: list[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
    for attribute in (a for node in nodes for a in node.attribute):
        for graph in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
            yield graph
            yield from _graphs(list(graph.node))


def _nodes_of(proto: onnx.ModelProto) -> Iterator[list[onnx.NodeProto]]:
    yield from (list(graph.node) for graph in _graphs_of(proto))
    yield from (list(function.node) for function in proto.functions)


def _dense(sparse: onnx.SparseTensorProto, folder: Path | None) -> onnx.TensorProto:
    name, shape = sparse.values.name, tuple(sparse.dims)
    base = str(folder or "")
    values = numpy_helper.to_array(sparse.values, base)
    indices = numpy_helper.to_array(sparse.indices, base)
    dense = np.zeros(shape, values.dtype)
    try:
        places = np.ravel_multi_index(tuple(indices.T), shape) if indices.ndim == 2 else indices
        dense.reshape(-1)[places] = values
    except (ValueError, IndexError) as error:
        raise ModelError(f"sparse tensor '{name}': indices outside of its shape {shape}") from error
    return numpy_helper.from_array(dense, name)
