"""Tensors to the fewest bytes and back, bit for bit."""

from .grid import GridHint
from .tensor import Encoded, decode, describe, encode, encoded_size

__all__ = ["Encoded", "GridHint", "decode", "describe", "encode", "encoded_size"]
