"""Tensors to the fewest bytes and back, bit for bit."""

from .grid import GridHint
from .tensor import COPY, Encoded, decode, decode_rows, describe, encode, encoded_size

__all__ = ["COPY", "Encoded", "GridHint", "decode", "decode_rows", "describe", "encode", "encoded_size"]
