"""Where a compressed network goes next: ONNX, safetensors."""

from .onnx_file import to_onnx
from .safetensors_file import to_safetensors

__all__ = ["to_onnx", "to_safetensors"]
