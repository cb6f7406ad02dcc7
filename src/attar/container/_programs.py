"""The program chunk: one program of the whole network (version 3), or those of its parts (version 4)."""

from collections.abc import Mapping, Sequence

from ..codec.bitio import varint
from ..errors import FormatError
from ._bytes import Cursor
from ._chunks import Chunk
from ._deflate import deflate, inflate
from ._layout import MAX_PROGRAMS, MAX_RAW_BYTES, VERSION_OF_PARTS, VERSION_OF_PROGRAMS, Kind


def payload(programs: Sequence[bytes], *, in_parts: bool) -> bytes:
    """Return the payload of the chunk: of one program, or of programs that are parts of the file's graph."""
    if not in_parts:
        (program,) = programs
        return deflate(program)
    return deflate(varint(len(programs)) + b"".join(varint(len(program)) + program for program in programs))


def parse(chunks: Mapping[int, Chunk], version: int) -> tuple[bytes, ...]:
    """Return the programs of a file, unread; none where there is no chunk of them.

    Raises:
        FormatError: a chunk that the version has not got, or the other way round; or one that is malformed.
    """
    has, wants = Kind.PROGRAM in chunks, version in (VERSION_OF_PROGRAMS, VERSION_OF_PARTS)
    if has != wants:
        raise FormatError(
            f"version {version} {'with' if has else 'without'} a program chunk: "
            f"versions {VERSION_OF_PROGRAMS} and {VERSION_OF_PARTS} have one, alone"
        )
    if not has:
        return ()
    raw = inflate(chunks[Kind.PROGRAM].payload, what="program chunk", max_bytes=MAX_RAW_BYTES[Kind.PROGRAM])
    if version == VERSION_OF_PROGRAMS:
        return (raw,)
    if Kind.GRAPH not in chunks:
        raise FormatError(f"version {version} without a graph chunk: its programs are parts of a graph")
    return _parts(raw)


def _parts(raw: bytes) -> tuple[bytes, ...]:
    cursor = Cursor(raw)
    count = cursor.varint("programs: their number")
    if not 1 <= count <= MAX_PROGRAMS:
        raise FormatError(f"programs: {count} of them, the limits are 1 and {MAX_PROGRAMS}")
    found = []
    for number in range(count):
        length = cursor.varint(f"program {number}: length")
        found.append(bytes(cursor.take(length, f"program {number}")))
    if cursor.left:
        raise FormatError(f"programs: {cursor.left} bytes follow the last of {count}")
    return tuple(found)
