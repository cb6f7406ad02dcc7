"""Tensors to the fewest bytes and back, bit for bit."""

from typing import TYPE_CHECKING

from .._lazy import lazy
from .coders import COPY, GRID, NAMES, describe

if TYPE_CHECKING:
    from .effort import BEST, QUICK, Effort
    from .grid import GridHint
    from .quantized import Quantized, QuantizedRows, decode_quantized, decode_quantized_rows
    from .rates import Rates, rates_of
    from .tensor import Encoded, encode, encoded_size
    from .tensor_decode import decode, decode_into, decode_rows

__all__ = [
    "BEST",
    "COPY",
    "GRID",
    "NAMES",
    "QUICK",
    "Effort",
    "Encoded",
    "GridHint",
    "Quantized",
    "QuantizedRows",
    "Rates",
    "decode",
    "decode_into",
    "decode_quantized",
    "decode_quantized_rows",
    "decode_rows",
    "describe",
    "encode",
    "encoded_size",
    "rates_of",
]

# Who runs a program decodes integers: the coders' other side is left alone.
__getattr__ = lazy(
    "attar.codec",
    {
        **dict.fromkeys(("BEST", "QUICK", "Effort"), "effort"),
        "GridHint": "grid",
        **dict.fromkeys(("Quantized", "QuantizedRows", "decode_quantized", "decode_quantized_rows"), "quantized"),
        **dict.fromkeys(("Rates", "rates_of"), "rates"),
        **dict.fromkeys(("Encoded", "encode", "encoded_size"), "tensor"),
        **dict.fromkeys(("decode", "decode_into", "decode_rows"), "tensor_decode"),
    },
)
