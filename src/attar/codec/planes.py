"""Byte planes: the first bytes of all elements, then the second ones; the exponents of floats code well alone."""

import numpy as np

from .bitio import varint
from .coders import PACKED, RANS
from .effort import Effort
from .elements import bit_patterns
from .symbols import encode_symbols

_TWO = Effort(frozenset({PACKED, RANS}))


def encode_planes(array: np.ndarray) -> bytes:
    """The payload of a C-contiguous array of any element type."""
    planes = bit_patterns(array).view(np.uint8).reshape(-1, array.itemsize)
    return b"".join(_encode_plane(planes[:, i].astype(np.int32)) for i in range(array.itemsize))


def _encode_plane(plane: np.ndarray) -> bytes:
    coder, payload = encode_symbols(plane, effort=_TWO)
    return bytes([coder]) + varint(len(payload)) + payload
