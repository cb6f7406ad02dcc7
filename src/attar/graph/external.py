"""Weights that lie in files beside the network, as torch's exporter writes them: checked, brought in, counted."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from ..errors import ModelError
from ..files import read_file

MAX_FILE_BYTES = 2**31 - 1  # what protobuf can hold


def check_external_data(proto: onnx.ModelProto, path: Path) -> None:
    """Refuse external data that is missing, too short or outside of the model's folder.

    Raises:
        ModelError: so it is.
    """
    folder = path.parent.resolve()
    for tensor in external_tensors(proto):
        where = {entry.key: entry.value for entry in tensor.external_data}
        location = where.get("location", "")
        target = (folder / location).resolve()
        if not location or Path(location).is_absolute() or not target.is_relative_to(folder):
            raise ModelError(
                f"{path}: tensor '{tensor.name}': external data '{location}' lies outside the model's folder"
            )
        if not target.is_file():
            raise ModelError(f"{path}: tensor '{tensor.name}': external data file '{location}' is missing")
        _check_extent(tensor, where, target, path)


def _check_extent(tensor: onnx.TensorProto, where: dict[str, str], target: Path, path: Path) -> None:
    try:
        offset, length = int(where.get("offset", 0)), int(where.get("length", 0))
        needed = ir.DataType(tensor.data_type).bitwidth * math.prod(tensor.dims) // 8
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path}: tensor '{tensor.name}': external offset or length is not a number") from error
    size = target.stat().st_size
    if offset < 0 or length < 0:
        raise ModelError(f"{path}: tensor '{tensor.name}': external offset {offset} or length {length} is negative")
    end = offset + max(length, needed)
    if end > size:
        raise ModelError(f"{path}: tensor '{tensor.name}': external data ends at byte {end}, its file has {size}")


def bring_in(model: ir.Model) -> None:
    """Make ordinary tensors, in place, of what lies in other files or in the protobuf message; nothing is copied.

    Large tensors stay mapped from their files. A tensor of the message would give a copy to whoever looks at it, and
    one of a file can be closed under the arrays that were handed out.

    Raises:
        ValueError, TypeError, OSError: data that does not fit its shape, or cannot be read.
    """
    for graph in model.graphs():
        for value in graph.initializers.values():
            value.const_value = _own(value.const_value)
        for node in graph:
            _bring_in_attributes(node)
    for function in model.functions.values():
        for node in function.all_nodes():
            _bring_in_attributes(node)


def _bring_in_attributes(node: ir.Node) -> None:
    for name, attribute in node.attributes.items():
        if attribute.type == ir.AttributeType.TENSOR and isinstance(attribute.value, ir.ExternalTensor):
            node.attributes[name] = ir.AttrTensor(name, _own(attribute.value))


def _own(tensor: Any) -> Any:
    if not isinstance(tensor, ir.TensorProtoTensor | ir.ExternalTensor) or tensor.dtype == ir.DataType.STRING:
        return tensor
    if not tensor.size:  # of an empty file nothing can be mapped
        return ir.Tensor(np.zeros(tuple(tensor.shape), tensor.dtype.numpy()), dtype=tensor.dtype, name=tensor.name)
    return ir.Tensor(tensor.numpy(), dtype=tensor.dtype, name=tensor.name)


def bytes_on_disk(path: Path) -> int:
    """Return the bytes of an ONNX file and of all files that hold weights of it."""
    files = {file.resolve() for file in files_of_network(path)}
    return sum(file.stat().st_size for file in files if file.is_file())


def stored_bytes(proto: onnx.ModelProto, folder: Path | None) -> int:
    """Return the bytes of a network's message and of the files in `folder` that hold weights of it."""
    files = {folder / where.value for where in _places(proto)} if folder else ()
    return proto.ByteSize() + sum(file.stat().st_size for file in files)


def _places(proto: onnx.ModelProto) -> Iterator[onnx.StringStringEntryProto]:
    return (e for tensor in external_tensors(proto) for e in tensor.external_data if e.key == "location")


def files_of_network(path: Path) -> Iterator[Path]:
    """Yield `path` and the files that the ONNX network there refers to; what is no network refers to none."""
    yield path
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(read_file(path, error=ModelError, most_bytes=MAX_FILE_BYTES))
    except (DecodeError, ModelError):
        return
    yield from dict.fromkeys(path.parent / where.value for where in _places(proto))


def is_network(data: bytes) -> bool:
    """Whether these are the bytes of an ONNX file.

    Raises:
        DecodeError: not even of a protobuf message.
    """
    proto = onnx.ModelProto()
    proto.ParseFromString(data)
    return proto.HasField("graph") and proto.ir_version > 0


def external_tensors(proto: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Return all tensors of a network, those of branches and functions too, whose numbers lie in another file."""
    tensors = [*_tensors(proto.graph), *(t for function in proto.functions for t in _tensors_of_nodes(function.node))]
    return [t for t in tensors if t.data_location == onnx.TensorProto.EXTERNAL]


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_of_nodes(graph.node)


def _tensors_of_nodes(nodes: Any) -> Iterator[onnx.TensorProto]:
    """Yield what the attributes hold, subgraphs included."""
    for attribute in (a for node in nodes for a in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for graph in (attribute.g, *attribute.graphs):
            yield from _tensors(graph)
