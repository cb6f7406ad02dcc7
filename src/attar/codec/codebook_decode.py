"""A codebook's payload back to the entries that its indices name."""

import numpy as np

from ..errors import FormatError
from .bitio import ByteReader
from .elements import from_bytes
from .sink import Sink
from .symbols_decode import decode_into
from .window import Window

ENTRIES_MAX = 4096


def decode_codebook(coder: int, payload: bytes, window: Window) -> np.ndarray:
    """The wanted elements of a codebook payload; FormatError when it is malformed."""
    dtype = window.dtype
    reader = ByteReader(payload)
    entries = reader.varint("codebook size") + 1
    if entries > ENTRIES_MAX:
        raise FormatError(f"codebook of {entries} entries: the limit is {ENTRIES_MAX}")
    origin = reader.varint("codebook origin")
    if origin >= entries:
        raise FormatError(f"codebook origin {origin}: the codebook has {entries} entries")
    book = from_bytes(reader.take(entries * dtype.itemsize, "codebook"), dtype, count=entries, what="codebook")
    out = window.empty(dtype)
    sink = Sink(out, window.start, book=book, origin=origin, what="codebook indices")
    decode_into(coder, reader.rest(), sink, n=window.n, threads=window.threads)
    return out
