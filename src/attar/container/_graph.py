"""The graph chunk: an ONNX ModelProto without the table's tensors and without what changes no result."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError, Message

from ..errors import FormatError, ModelError
from ..graph import valid
from ._layout import DTYPES, MAX_RANK, MAX_RAW_BYTES, Kind
from ._table import TensorEntry, extent

NOTES = "pkg."  # under such keys exporters note source paths and stack traces
ANNOTATION = "quant_parameter_tensor_names"  # where onnx_ir keeps a value's quantization annotation


def in_table(model: ir.Model) -> dict[str, ir.TensorProtocol]:
    """Return the top-level initializers that go to the table, in graph order.

    Raises:
        ModelError: an initializer without data.
    """
    found = {}
    for name, value in model.graph.initializers.items():
        if value.const_value is None:
            raise ModelError(f"initializer {name!r} has no data")
        if value.const_value.dtype.value in DTYPES:
            found[name] = value.const_value
    return found


def pack(model: ir.Model, *, left_out: Collection[str], dropped_keys: Collection[str]) -> bytes:
    """Return the model as the deterministic bytes of a ModelProto.

    Args:
        model: the network; it is not changed.
        left_out: initializers that travel in the table.
        dropped_keys: metadata_props that travel in the meta chunk.

    Raises:
        ModelError: a tensor inside a node that lies in another file, or a graph over the cap.
    """
    proto = _serialize(model, left_out)
    for message in _messages(proto):
        _clean(message)
    _keep_props(proto.metadata_props, lambda key: key not in dropped_keys)
    raw = proto.SerializeToString(deterministic=True)
    if len(raw) > MAX_RAW_BYTES[Kind.GRAPH]:
        raise ModelError(f"the graph takes {len(raw)} bytes, the limit is {MAX_RAW_BYTES[Kind.GRAPH]}")
    return raw


def parse(raw: bytes, *, entries: Mapping[str, TensorEntry]) -> onnx.ModelProto:
    """Return the ModelProto of a graph chunk, checked.

    Raises:
        FormatError: not a ModelProto, a reference to another file, an initializer that the table names too, or, with
            the tensors of the table, no valid network.
        ModelError: over a limit.
    """
    try:
        proto = valid.parse(raw)
    except DecodeError as error:
        raise FormatError(f"graph chunk: {len(raw)} bytes that are not an ONNX ModelProto") from error
    if not proto.HasField("graph"):
        raise FormatError("graph chunk: a ModelProto without a graph")
    for message in _messages(proto):
        _refuse(message)
    valid.check_size(proto, stored_bytes=len(raw))
    _check_names(proto, entries)
    _check_network(proto, entries)
    return proto


def _check_network(proto: onnx.ModelProto, entries: Mapping[str, TensorEntry]) -> None:
    """Check the network; for that the tensors of the table, which are not decoded, stand in as inputs."""
    whole = onnx.ModelProto()
    whole.CopyFrom(proto)
    known = {value.name for value in proto.graph.input}
    for name, entry in entries.items():
        if name not in known:
            whole.graph.input.append(onnx.helper.make_tensor_value_info(name, entry.onnx_dtype, entry.shape))
    try:
        valid.check_structure(whole)
    except ModelError as error:
        raise FormatError(f"graph chunk: {error}") from error


def unpack(proto: onnx.ModelProto, *, entries: Sequence[TensorEntry]) -> ir.Model:
    """Return the model with an empty stand-in for every tensor of the table.

    Its initializers are the table's, in table order, then those that stayed in the graph. `proto` is not changed.

    Raises:
        FormatError: a ModelProto that is no valid graph.
    """
    whole = onnx.ModelProto()
    whole.CopyFrom(proto)
    del whole.graph.initializer[:]
    for entry in entries:
        whole.graph.initializer.add(name=entry.name, data_type=entry.onnx_dtype, dims=entry.shape)
    whole.graph.initializer.extend(proto.graph.initializer)
    try:
        return ir.from_proto(whole)
    except Exception as error:  # a hostile graph can make the parser fail in any way
        raise FormatError(f"graph chunk: not a valid graph: {_innermost(error)}") from error


def attach(model: ir.Model, arrays: Iterable[tuple[str, np.ndarray]]) -> None:
    """Put decoded arrays in the place of the stand-ins, without a copy."""
    for name, array in arrays:
        model.graph.initializers[name].const_value = ir.tensor(array, name=name)


def _serialize(model: ir.Model, left_out: Collection[str]) -> onnx.ModelProto:
    """Serialize through a read-only view without initializers, so that no weight is copied and no tensor renamed."""
    graph = model.graph
    view = ir.GraphView(
        graph.inputs, graph.outputs, nodes=tuple(graph), opset_imports=graph.opset_imports, name=graph.name
    )
    view.metadata_props.update(graph.metadata_props)
    shell = ir.Model(view, ir_version=model.ir_version, functions=tuple(model.functions.values()))
    for field in ("producer_name", "producer_version", "domain", "model_version", "device_configurations"):
        setattr(shell, field, getattr(model, field))
    shell.metadata_props.update(model.metadata_props)
    proto = ir.to_proto(shell)
    _add_initializers(proto.graph, graph, left_out)
    return proto


def _add_initializers(proto: onnx.GraphProto, graph: ir.Graph, left_out: Collection[str]) -> None:
    inputs = {value.name for value in graph.inputs}
    for name, value in graph.initializers.items():
        if name not in left_out and value.const_value is not None:
            proto.initializer.append(_tensor_proto(name, value.const_value))
        if name not in inputs and value.meta.get(ANNOTATION):
            annotation = proto.quantization_annotation.add(tensor_name=name)
            for key, target in sorted(value.meta[ANNOTATION].items()):
                annotation.quant_parameter_tensor_names.add(key=key, value=target)


def _tensor_proto(name: str, tensor: ir.TensorProtocol) -> onnx.TensorProto:
    if isinstance(tensor, ir.ExternalTensor):
        tensor = ir.Tensor(tensor.numpy(), dtype=tensor.dtype)
    proto = ir.to_proto(tensor)
    proto.name = name
    return proto


def _messages(message: Message) -> Iterator[Message]:
    """Yield the message and everything in it, subgraphs, functions and attributes included."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in (value,) if isinstance(value, Message) else value:
                yield from _messages(inner)


def _clean(message: Message) -> None:
    fields = message.DESCRIPTOR.fields_by_name
    if isinstance(message, onnx.TensorProto) and _external(message):
        raise ModelError(f"tensor {message.name!r} inside a node lies in another file: load it into the model first")
    for name in ("doc_string", "value_info"):
        if name in fields:
            message.ClearField(name)
    if "metadata_props" in fields:
        _keep_props(message.metadata_props, lambda key: not key.startswith(NOTES))


def _keep_props(props: Any, keep: Callable[[str], bool]) -> None:
    kept = [entry for entry in props if keep(entry.key)]
    if len(kept) < len(props):
        copies = [(entry.key, entry.value) for entry in kept]
        del props[:]
        for key, value in copies:
            props.add(key=key, value=value)


def _refuse(message: Message) -> None:
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            _check_strings(field.full_name, [value] if isinstance(value, str | bytes) else value)
    if isinstance(message, onnx.TensorProto):
        _check_tensor(message)
    if isinstance(message, onnx.GraphProto) and message.sparse_initializer:
        raise FormatError(f"graph chunk: graph {message.name!r} has sparse initializers, which are not supported")


def _check_strings(field: str, strings: Iterable[str | bytes]) -> None:
    for text in strings:
        if isinstance(text, bytes):  # how protobuf hands out what is not UTF-8; no one could write it again
            raise FormatError(f"graph chunk: {field} is {text[:80]!r}, not UTF-8")


def _check_tensor(tensor: onnx.TensorProto) -> None:
    if _external(tensor):
        raise FormatError(f"graph chunk: tensor {tensor.name!r} refers to another file")
    # Before anything is unpacked: the smallest elements, of 2 bits, are four to a byte.
    if extent(tensor.dims) > 4 * tensor.ByteSize() or min(tensor.dims, default=0) < 0:
        raise FormatError(f"graph chunk: tensor {tensor.name!r} has {tensor.ByteSize()} bytes for dims {_text(tensor)}")
    try:
        ir.serde.deserialize_tensor(tensor).numpy()
    except Exception as error:  # data of a hostile tensor can fail in any way too
        raise FormatError(f"graph chunk: tensor {tensor.name!r} does not fit its dims {_text(tensor)}") from error


def _text(tensor: onnx.TensorProto) -> str:
    return str(list(tensor.dims[:MAX_RANK]))


def _external(tensor: onnx.TensorProto) -> bool:
    return tensor.data_location == onnx.TensorProto.EXTERNAL or len(tensor.external_data) > 0


def _check_names(proto: onnx.ModelProto, table_names: Collection[str]) -> None:
    seen = set(table_names)
    for tensor in proto.graph.initializer:
        if tensor.name in seen:
            raise FormatError(f"graph chunk: two initializers are named {tensor.name!r}")
        seen.add(tensor.name)


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())[:200] or type(error).__name__
