"""A chunk's payload as a declared raw length and raw DEFLATE, inflated within that length and a cap."""

import zlib

from ..codec.bitio import varint
from ..errors import FormatError
from ._bytes import Cursor

RAW_DEFLATE = -15  # zlib's window bits for a stream without header and checksum: the chunk has a crc32


def deflate(raw: bytes) -> bytes:
    """Return the raw length as a varint, then `raw` as DEFLATE at level 9."""
    packer = zlib.compressobj(9, zlib.DEFLATED, RAW_DEFLATE, 9)
    return varint(len(raw)) + packer.compress(raw) + packer.flush()


def inflate(payload: memoryview, *, what: str, max_bytes: int) -> bytes:
    """Return the raw bytes of a deflated payload, never allocating more than `max_bytes`.

    Raises:
        FormatError: over the cap, not DEFLATE, or of another length than declared.
    """
    cursor = Cursor(payload)
    declared = cursor.varint(f"{what}: raw length")
    if declared > max_bytes:
        raise FormatError(f"{what}: raw length is {declared} bytes, the limit is {max_bytes}")
    unpacker = zlib.decompressobj(RAW_DEFLATE)
    try:
        # One byte more than declared: the end mark is reached, and an excess shows.
        raw = unpacker.decompress(cursor.take(cursor.left, what), declared + 1)
    except zlib.error as error:
        raise FormatError(f"{what}: its DEFLATE data is damaged") from error
    if len(raw) > declared:
        raise FormatError(f"{what}: inflates to more than its declared {declared} bytes")
    if not unpacker.eof or len(raw) < declared:
        raise FormatError(f"{what}: DEFLATE data ends after {len(raw)} of {declared} bytes")
    if unpacker.unused_data:
        raise FormatError(f"{what}: {len(unpacker.unused_data)} bytes follow the DEFLATE data")
    return raw
