"""The frame of a chunk: kind, length, payload, crc32; and the order in which chunks may stand."""

import zlib
from typing import NamedTuple

from ..codec.bitio import varint
from ..errors import FormatError
from ._bytes import Cursor, u32
from ._layout import FLAGS, HEADER_BYTES, KINDS, MAGIC, REQUIRED, SKIPPABLE, VERSIONS, Kind, chunk_name


class Chunk(NamedTuple):
    """One chunk of a file: bytes `start` to `end` frame its payload."""

    kind: int
    start: int
    end: int
    payload: memoryview


def frame(kind: Kind, payload: bytes) -> bytes:
    """Return the chunk's bytes, frame and checksum included."""
    head = bytes([kind]) + varint(len(payload))
    return b"".join([head, payload, u32(_checksum(head, payload))])


def split(data: bytes) -> dict[int, Chunk]:
    """Return the chunks of a whole file by kind, skipped ones included, in file order.

    Raises:
        FormatError: a bad header, an unknown or misplaced chunk, a wrong checksum, bytes missing or left over.
    """
    cursor = Cursor(data)
    _check_header(cursor)
    chunks: dict[int, Chunk] = {}
    while Kind.END not in chunks:
        chunk = _next(cursor, previous=max(chunks, default=0))
        chunks[chunk.kind] = chunk
    if cursor.left:
        raise FormatError(f"{cursor.left} bytes follow the end chunk at byte {cursor.position}")
    for kind in REQUIRED:
        if kind not in chunks:
            raise FormatError(f"the {chunk_name(kind)} chunk is missing")
    return chunks


def _check_header(cursor: Cursor) -> None:
    magic = bytes(cursor.take(min(len(MAGIC), cursor.left), "magic"))
    if magic != MAGIC:
        raise FormatError(f"not an .attar file: it starts with {magic.hex() or 'nothing'}, not {MAGIC.hex()}")
    version, flags = cursor.take(HEADER_BYTES - len(MAGIC), "header")
    if version not in VERSIONS:
        known = ", ".join(map(str, VERSIONS))
        raise FormatError(f"version {version} is not supported, this reader knows {known}")
    if flags != FLAGS:
        raise FormatError(f"header flags are {flags:#04x}, version {version} knows none")


def _next(cursor: Cursor, *, previous: int) -> Chunk:
    start = cursor.position
    kind = cursor.u8("chunk kind")
    _check_kind(kind, start, previous)
    name = f"{chunk_name(kind)} chunk"
    length = cursor.varint(f"{name}: length")
    head = cursor.since(start)
    payload = cursor.take(length, f"{name}: payload")
    stored = cursor.u32(f"{name}: crc32")
    if stored != _checksum(head, payload):
        raise FormatError(f"{name}: crc32 is {_checksum(head, payload):08x}, the file says {stored:08x}")
    if kind == Kind.END and length:
        raise FormatError(f"{name}: {length} bytes long, the limit is 0")
    return Chunk(kind, start, cursor.position, payload)


def _check_kind(kind: int, start: int, previous: int) -> None:
    if kind not in KINDS and kind not in SKIPPABLE:
        raise FormatError(f"chunk kind {kind} at byte {start} is unknown and may not be skipped")
    if kind == previous:
        raise FormatError(f"{chunk_name(kind)} chunk appears twice, again at byte {start}")
    if kind < previous:
        raise FormatError(f"{chunk_name(kind)} chunk at byte {start} stands after the {chunk_name(previous)} chunk")


def _checksum(head: bytes | memoryview, payload: bytes | memoryview) -> int:
    # Each stream has a checksum of its own in the table, so that one tensor can be checked without its neighbors.
    return zlib.crc32(head) if head[0] == Kind.STREAMS else zlib.crc32(payload, zlib.crc32(head))
