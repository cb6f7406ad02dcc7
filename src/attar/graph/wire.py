"""How many messages a protobuf message holds, counted on its bytes: an empty one takes two, and a hundred parsed."""

from functools import cache
from typing import Any

import onnx

FEW_BYTES = 1 << 20  # whatever these hold fits into memory
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5


def count_messages(data: bytes, most: int) -> int:
    """Return the number of messages, strings and other fields of bytes in a serialized ModelProto.

    Counting ends where the number goes beyond `most`, or the data is damaged: the parser says of that.
    """
    if len(data) < FEW_BYTES:
        return 0
    found, inside = 0, [(0, len(data), _children(onnx.ModelProto.DESCRIPTOR))]
    try:
        while inside and found <= most:
            position, end, children = inside.pop()
            while position < end and found <= most:
                tag, position = _varint(data, position)
                kind = tag & 7
                if kind == BYTES:
                    length, position = _varint(data, position)
                    found += 1
                    if length and tag >> 3 in children:
                        inside.append((position, min(position + length, end), _children(children[tag >> 3])))
                    position += length
                elif kind == VARINT:
                    _, position = _varint(data, position)
                elif kind in (FIXED_64, FIXED_32):
                    position += 8 if kind == FIXED_64 else 4
                else:
                    return found
    except IndexError:
        return found
    return found


@cache
def _children(descriptor: Any) -> dict[int, Any]:
    """Return the types of the fields that are messages themselves, by number."""
    return {field.number: field.message_type for field in descriptor.fields if field.message_type is not None}


def _varint(data: bytes, position: int) -> tuple[int, int]:
    byte = data[position]
    if byte < 0x80:
        return byte, position + 1
    value, shift = byte & 0x7F, 7
    while byte >= 0x80 and shift < 70:
        position += 1
        byte = data[position]
        value |= (byte & 0x7F) << shift
        shift += 7
    return value, position + 1
