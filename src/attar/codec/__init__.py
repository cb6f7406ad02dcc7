"""Tensors to the fewest bytes and back, bit for bit."""

from .effort import Effort
from .grid import GridHint
from .rates import Rates, rates_of
from .tensor import COPY, Encoded, decode, decode_rows, describe, encode, encoded_size

__all__ = [
    "COPY",
    "Effort",
    "Encoded",
    "GridHint",
    "Rates",
    "decode",
    "decode_rows",
    "describe",
    "encode",
    "encoded_size",
    "rates_of",
]
