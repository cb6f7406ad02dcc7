"""The tensor table: one entry per stream, and the limits that hold before anything is allocated."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..codec.bitio import varint
from ..errors import FormatError
from ._bytes import Cursor, u32
from ._layout import CODERS_OF_VERSION_2, DTYPES, MAX_ELEMENTS, MAX_NAME_BYTES, MAX_RANK, MAX_TENSORS, dtype_of


class TensorEntry(NamedTuple):
    """Where one tensor's stream lies and what it decodes to; `offset` counts from the streams payload."""

    place: int
    name: str
    dtype: np.dtype
    onnx_dtype: int
    shape: tuple[int, ...]
    coder: int
    offset: int
    length: int
    crc32: int

    @property
    def decoded_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def extent(shape: Sequence[int]) -> int:
    """Return the product of the dims that are not zero: what a cap on elements has to cover."""
    return math.prod(dim for dim in shape if dim)


def pack(entries: Sequence[TensorEntry]) -> bytes:
    """Return the payload of the table chunk."""
    return varint(len(entries)) + b"".join(map(_pack_entry, entries))


def _pack_entry(entry: TensorEntry) -> bytes:
    name = entry.name.encode()
    parts = [varint(len(name)), name, bytes([entry.onnx_dtype, len(entry.shape)])]
    parts += [varint(dim) for dim in entry.shape]
    parts += [bytes([entry.coder]), varint(entry.length), u32(entry.crc32)]
    return b"".join(parts)


def parse(payload: memoryview, *, version: int, streams_bytes: int, max_decoded_bytes: int) -> tuple[TensorEntry, ...]:
    """Return the entries of a table chunk.

    Args:
        payload: the chunk's payload.
        version: that of the file; the coders of later ones are unknown to it.
        streams_bytes: length of the streams payload, which the entries must fill exactly.
        max_decoded_bytes: limit on the sum of all decoded tensors.

    Raises:
        FormatError: an entry that is malformed, over a cap or named twice, or streams that do not fit.
    """
    cursor = Cursor(payload)
    count = cursor.varint("table: tensor count")
    if count > MAX_TENSORS:
        raise FormatError(f"table: {count} tensors, the limit is {MAX_TENSORS}")
    entries: dict[str, TensorEntry] = {}
    offset = decoded = 0
    for index in range(count):
        entry = _parse_entry(cursor, index, offset)
        if version < 2 and entry.coder in CODERS_OF_VERSION_2:
            raise FormatError(f"tensor {entry.name!r}: coder byte {entry.coder:#04x} is not one of version {version}")
        if entry.name in entries:
            raise FormatError(f"table: two tensors are named {entry.name!r}")
        offset, decoded = offset + entry.length, decoded + entry.decoded_bytes
        if decoded > max_decoded_bytes:
            raise FormatError(f"tensor {entry.name!r}: decoded bytes reach {decoded}, the limit is {max_decoded_bytes}")
        entries[entry.name] = entry
    if cursor.left:
        raise FormatError(f"table: {cursor.left} bytes follow the last of {count} tensors")
    if offset != streams_bytes:
        raise FormatError(f"streams chunk: {streams_bytes} bytes long, the table's streams take {offset}")
    return tuple(entries.values())


def _parse_entry(cursor: Cursor, index: int, offset: int) -> TensorEntry:
    name = _parse_name(cursor, f"tensor {index}")
    what = f"tensor {name!r}"
    number = cursor.u8(f"{what}: dtype")
    if number not in DTYPES:
        raise FormatError(f"{what}: dtype {number} is none of {', '.join(map(str, DTYPES))}")
    shape = _parse_shape(cursor, what)
    coder = cursor.u8(f"{what}: coder")
    length = cursor.varint(f"{what}: stream length")
    return TensorEntry(
        index, name, dtype_of(number), number, shape, coder, offset, length, cursor.u32(f"{what}: crc32")
    )


def _parse_name(cursor: Cursor, what: str) -> str:
    length = cursor.varint(f"{what}: name length")
    if not 1 <= length <= MAX_NAME_BYTES:
        raise FormatError(f"{what}: its name has {length} bytes, the limits are 1 and {MAX_NAME_BYTES}")
    raw = bytes(cursor.take(length, f"{what}: name"))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{what}: its name is not UTF-8 at byte {error.start}") from error


def _parse_shape(cursor: Cursor, what: str) -> tuple[int, ...]:
    rank = cursor.u8(f"{what}: rank")
    if rank > MAX_RANK:
        raise FormatError(f"{what}: rank {rank}, the limit is {MAX_RANK}")
    shape = tuple(cursor.varint(f"{what}: dim {axis}") for axis in range(rank))
    if extent(shape) > MAX_ELEMENTS:
        raise FormatError(f"{what}: its dims multiply to {extent(shape)}, the limit is {MAX_ELEMENTS}")
    return shape
