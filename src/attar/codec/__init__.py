"""Tensors to the fewest bytes and back, bit for bit."""

from .effort import BEST, NAMES, QUICK, Effort
from .grid import GridHint
from .quantized import Quantized, decode_quantized
from .rates import Rates, rates_of
from .tensor import COPY, Encoded, decode, decode_into, decode_rows, describe, encode, encoded_size

__all__ = [
    "BEST",
    "COPY",
    "NAMES",
    "QUICK",
    "Effort",
    "Encoded",
    "GridHint",
    "Quantized",
    "Rates",
    "decode",
    "decode_into",
    "decode_quantized",
    "decode_rows",
    "describe",
    "encode",
    "encoded_size",
    "rates_of",
]
