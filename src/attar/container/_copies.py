"""Tensors that repeat an earlier one, such as tied embeddings: a stream that only says which."""

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..codec import COPY
from ..codec.bitio import ByteReader, varint
from ..errors import FormatError
from ._table import TensorEntry

if TYPE_CHECKING:
    from ..codec import Encoded


class Copies:
    """Finds arrays with the bits of one seen before."""

    def __init__(self) -> None:
        self._seen: dict[tuple, tuple[int, np.ndarray]] = {}
        self._count = 0

    def find(self, array: np.ndarray) -> "Encoded | None":
        """The stream of a copy; None for an array that is new, or too small for a stream of its own to cost more."""
        index, self._count = self._count, self._count + 1
        earlier, other = self._seen.setdefault((array.dtype, array.shape, zlib.crc32(_raw(array))), (index, array))
        is_copy = earlier < index and array.nbytes > len(varint(earlier)) and np.array_equal(_raw(array), _raw(other))
        from ..codec import Encoded

        return Encoded(COPY, varint(earlier)) if is_copy else None


def _raw(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def original(entries: Sequence[TensorEntry], entry: TensorEntry, stream: bytes) -> TensorEntry:
    """The entry that a copy stands for, which must come before it, be no copy, and have its type and shape.

    Raises:
        FormatError: it does not.
    """
    if entry.decoded_bytes == 0:
        raise FormatError("copy for a tensor without elements: it must be raw")
    reader = ByteReader(stream)
    index = reader.varint("copy")
    reader.expect_end("copy")
    if index >= entry.place:
        raise FormatError(f"copy of tensor {index}: there are {entry.place} before it")
    found = entries[index]
    if found.coder == entry.coder:
        raise FormatError(f"copy of tensor {index}, {found.name!r}: that is a copy itself")
    if (found.dtype, found.shape) != (entry.dtype, entry.shape):
        raise FormatError(
            f"copy of tensor {index}, {found.name!r}: {found.dtype} {found.shape} is another type or shape"
        )
    return found
