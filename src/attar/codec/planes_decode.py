"""Byte planes back to elements."""

import numpy as np

from ..errors import FormatError
from .bitio import ByteReader
from .coders import PACKED, RANS
from .elements import from_bytes
from .symbols_decode import decode_symbols
from .window import Window


def decode_planes(_coder: int, payload: bytes, window: Window) -> np.ndarray:
    """The wanted elements of a planes payload; FormatError when it is malformed."""
    dtype, n = window.dtype, window.n
    reader = ByteReader(payload)
    planes = np.empty((n, dtype.itemsize), np.uint8)
    for i in range(dtype.itemsize):
        planes[:, i] = _decode_plane(reader, i, n)
    reader.expect_end("planes")
    return window.of(from_bytes(planes.reshape(-1).data, dtype, count=n, what="planes"))


def _decode_plane(reader: ByteReader, index: int, n: int) -> np.ndarray:
    what = f"plane {index}"
    coder = reader.u8(what)
    if coder not in (PACKED, RANS):
        raise FormatError(f"{what}: symbol coder {coder}, not {PACKED} or {RANS}")
    plane = decode_symbols(coder, reader.take(reader.varint(what), what), n=n)
    if plane.min() < 0 or plane.max() > 255:
        raise FormatError(f"{what}: values {plane.min()}..{plane.max()}, not within 0..255")
    return plane
