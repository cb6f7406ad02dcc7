"""The integers and scales of a quantized tensor, as a kernel wants them: never by way of floats."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from ..errors import FormatError
from .coders import GRID, describe
from .elements import element_count
from .grid_decode import read_grid
from .sink import Sink
from .symbols_decode import decode_into, decode_rows

Element = Literal["int4", "int8", "int16", "int32"]


class Quantized(NamedTuple):
    """A tensor is float32(integers) * scales: one scale, or shape[axis] of them along `axis`.

    `integers` has the tensor's shape; as int4 it is a vector of bytes with two elements in each, in row-major order,
    the first in the low half.
    """

    integers: np.ndarray
    scales: np.ndarray
    axis: int | None


class QuantizedRows(NamedTuple):
    """The same, its integers piece by piece.

    Attributes:
        pieces: (rows, columns) of the tensor seen as a matrix, from the first row on; the next takes the memory of
            the one before. A FormatError comes when a piece is wanted that is damaged.
    """

    pieces: Iterator[np.ndarray]
    scales: np.ndarray
    axis: int | None


def decode_quantized(
    coder: int,
    payload: bytes,
    *,
    dtype: np.dtype,
    shape: tuple[int, ...],
    element: Element = "int8",
    threads: int = 1,
) -> Quantized:
    """The integers of a grid stream of this float dtype and shape, in the element type that is asked for.

    Raises FormatError for a stream that is not a grid or not well formed, and for integers that do not fit the element.
    """
    scales, axis, symbols = _read(coder, payload, dtype, shape)
    n = element_count(shape)
    is_int4 = element == "int4"
    out = np.empty((n + 1) // 2, np.uint8) if is_int4 else np.empty(n, element)
    decode_into(coder % 16, symbols, Sink(out, is_int4=is_int4, what="grid integers"), n=n, threads=threads)
    return Quantized(out if is_int4 else out.reshape(shape), scales, axis)


def decode_quantized_rows(
    coder: int, payload: bytes, *, columns: int, dtype: np.dtype, shape: tuple[int, ...], element: Element = "int8"
) -> QuantizedRows:
    """As `decode_quantized`, in little memory: a few rows of `columns` numbers at a time.

    Raises FormatError as `decode_quantized`, and ValueError for columns that do not divide the tensor.
    """
    n = element_count(shape)
    if columns < 1 or n % columns != 0:
        raise ValueError(f"columns {columns}: {n} elements do not fall into rows of so many")
    scales, axis, symbols = _read(coder, payload, dtype, shape)
    pieces = decode_rows(coder % 16, symbols, n=n, columns=columns, element=np.dtype(element), what="grid integers")
    return QuantizedRows(pieces, scales, axis)


def _read(
    coder: int, payload: bytes, dtype: np.dtype, shape: tuple[int, ...]
) -> tuple[np.ndarray, int | None, memoryview]:
    if coder >> 4 != GRID:
        raise FormatError(f"{describe(coder)} stream: only a grid has integers and scales")
    return read_grid(payload, dtype=np.dtype(dtype), shape=shape)
