"""A grid's payload back to its integers and scales, or to the floats that they are."""

import math

import numpy as np

from ..errors import FormatError
from .bitio import ByteReader
from .elements import PRECISION
from .sink import Sink
from .symbols_decode import decode_into
from .window import Window

PER_CHANNEL, HALF_SCALES = 1, 2  # flags


def dequantize(integers: np.ndarray, scales: np.ndarray, *, axis: int | None, dtype: np.dtype) -> np.ndarray:
    """cast(float32(q) * scale): one float32 multiplication, then rounding half to even to `dtype`."""
    if axis is not None:
        scales = scales.reshape([-1 if i == axis else 1 for i in range(integers.ndim)])
    with np.errstate(over="ignore", under="ignore"):
        values = integers.astype(np.float32)
        values *= scales
        return values.astype(dtype, copy=False)


def decode_grid(coder: int, payload: bytes, window: Window) -> np.ndarray:
    """The wanted elements of a grid payload; FormatError when it is malformed."""
    scales, axis, symbols = read_grid(payload, dtype=window.dtype, shape=window.shape)
    out = window.empty(window.dtype)
    stride = 1 << 62 if axis is None else math.prod(window.shape[axis + 1 :])
    sink = Sink(out, window.start, scales=scales, stride=max(stride, 1), what="grid integers")
    decode_into(coder, symbols, sink, n=window.n, threads=window.threads)
    return out


def read_grid(payload: bytes, *, dtype: np.dtype, shape: tuple[int, ...]) -> tuple[np.ndarray, int | None, memoryview]:
    """The scales (float32), the axis that they run along, and the symbol payload; FormatError as `decode_grid`."""
    if str(dtype) not in PRECISION:
        raise FormatError(f"grid of {dtype}: only float32, float16 and bfloat16 have one")
    reader = ByteReader(payload)
    flags = reader.u8("grid flags")
    if flags > 3:
        raise FormatError(f"grid flags {flags}: only bits 0 and 1 are known")
    axis = _read_axis(reader, len(shape)) if flags & PER_CHANNEL else None
    scales = _read_scales(reader, 1 if axis is None else shape[axis], is_half=bool(flags & HALF_SCALES))
    return scales, axis, reader.rest()


def _read_axis(reader: ByteReader, rank: int) -> int:
    axis = reader.u8("grid axis")
    if axis >= rank:
        raise FormatError(f"grid axis {axis}: the tensor has rank {rank}")
    return axis


def _read_scales(reader: ByteReader, count: int, *, is_half: bool) -> np.ndarray:
    raw = reader.take(count * (2 if is_half else 4), "grid scales")
    patterns = np.frombuffer(raw, "<u2").astype(np.uint32) << 16 if is_half else np.frombuffer(raw, "<u4")
    scales = patterns.astype(np.uint32).view(np.float32)
    wrong = ~(np.isfinite(scales) & (scales > 0))
    if wrong.any():
        raise FormatError(f"grid scale {scales[wrong][0]}: not finite and above zero")
    return scales
