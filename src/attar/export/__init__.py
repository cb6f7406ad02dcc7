"""Where a compressed network goes next: ONNX, in floats or in integers, safetensors."""

from .kinds import ONNX, SAFETENSORS
from .onnx_file import to_onnx
from .qdq_file import to_qdq_onnx
from .safetensors_file import to_safetensors

__all__ = ["ONNX", "SAFETENSORS", "to_onnx", "to_qdq_onnx", "to_safetensors"]
