"""The kinds of files that an export writes, told by their content: such a one may be replaced by the next."""

from safetensors import deserialize

from ..files import Kind
from ..graph.external import is_network

ONNX = Kind("an ONNX file", lambda file: is_network(file.read()))
SAFETENSORS = Kind("a safetensors file", lambda file: deserialize(file.read()) is not None)
