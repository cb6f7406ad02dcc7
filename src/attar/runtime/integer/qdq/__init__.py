"""QDQ models, in and out: quantized networks as ONNX files say them, QuantizeLinear and DequantizeLinear in pairs."""

from .read import from_qdq
from .write import to_qdq

__all__ = ["from_qdq", "to_qdq"]
