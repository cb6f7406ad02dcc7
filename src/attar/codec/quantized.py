"""The integers and scales of a quantized tensor, as a kernel wants them: never by way of floats."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import FormatError
from .elements import element_count
from .grid import read_grid
from .sink import Sink
from .symbols import decode_into
from .tensor import GRID, describe

Element = Literal["int4", "int8", "int16", "int32"]


@dataclass(frozen=True)
class Quantized:
    """A tensor is float32(integers) * scales: one scale, or shape[axis] of them along `axis`.

    `integers` has the tensor's shape; as int4 it is a vector of bytes with two elements in each, in row-major order,
    the first in the low half.
    """

    integers: np.ndarray
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
    if coder >> 4 != GRID:
        raise FormatError(f"{describe(coder)} stream: only a grid has integers and scales")
    scales, axis, symbols = read_grid(payload, dtype=np.dtype(dtype), shape=shape)
    n = element_count(shape)
    is_int4 = element == "int4"
    out = np.empty((n + 1) // 2, np.uint8) if is_int4 else np.empty(n, element)
    decode_into(coder % 16, symbols, Sink(out, is_int4=is_int4, what="grid integers"), n=n, threads=threads)
    return Quantized(out if is_int4 else out.reshape(shape), scales, axis)
