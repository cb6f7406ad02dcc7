"""The one check of a network from a file: before it, nothing of it is read; behind it, it is what ONNX says it is.

Its size within the limits; operators that ONNX knows, with attributes that they have; every value made once, before it
is read; outputs that somebody makes.
"""

from collections.abc import Mapping

import onnx
from google.protobuf.message import DecodeError

from ..errors import ModelError, first_line
from ..files.limits import limits
from .expansion import extent_of
from .wire import count_messages

MIN_OPSET = 7  # older operators have other signatures, and onnxruntime refuses them too
MESSAGES_PER_NODE = 20  # itself, its name, kind, operands, attributes with their names


def parse(data: bytes) -> onnx.ModelProto:
    """Return the message of a serialized network.

    Raises:
        ModelError: more parts than the limit of nodes allows. DecodeError: it is none.
    """
    most = MESSAGES_PER_NODE * limits().nodes
    if count_messages(data, most) > most:
        raise ModelError(f"the network has more parts than {limits().nodes:,} operators can have, the limit")
    proto = onnx.ModelProto()
    proto.ParseFromString(data)
    return proto


def check_size(proto: onnx.ModelProto, *, stored_bytes: int) -> None:
    """Refuse a network of too many operators, or of tensors beyond all relation to the bytes that it is stored in.

    Raises:
        ModelError: so it is.
    """
    nodes, tensor_bytes = extent_of(proto)
    if nodes > limits().nodes:
        raise ModelError(f"the network has {nodes:,} operators, functions expanded; the limit is {limits().nodes:,}")
    most = limits().bytes_for(stored_bytes)
    if tensor_bytes > most:
        raise ModelError(f"the tensors of the network take {tensor_bytes:,} bytes; the limit is {most:,}")


def check_structure(proto: onnx.ModelProto, *, path: str | None = None) -> None:
    """Refuse what is no valid network.

    Args:
        path: of the file that `proto` was read from: there the checker finds external data, and copies no weights.

    Raises:
        ModelError: so it is, with the reason.
    """
    check_opset({entry.domain: entry.version for entry in proto.opset_import})
    try:
        onnx.checker.check_model(path or proto)
    except (onnx.checker.ValidationError, ValueError, TypeError, RuntimeError, DecodeError) as error:
        raise ModelError(f"not a valid ONNX model: {first_line(error)}") from error
    graph = proto.graph
    made = {name for node in graph.node for name in node.output} | {value.name for value in graph.input}
    made |= {tensor.name for tensor in graph.initializer} | {each.values.name for each in graph.sparse_initializer}
    for output in graph.output:
        if output.name not in made:
            raise ModelError(f"not a valid ONNX model: nothing makes its output '{output.name}'")


def check_opset(imported: Mapping[str, int]) -> None:
    """Refuse versions of ONNX's operators that nobody here knows.

    Raises:
        ModelError: so it is.
    """
    newest = onnx.defs.onnx_opset_version()
    opset = imported.get("", imported.get("ai.onnx", MIN_OPSET))
    if not MIN_OPSET <= opset <= newest:
        raise ModelError(f"opset {opset} is not supported: {MIN_OPSET} to {newest} are")
