"""Floats on a grid: integers times one scale, or one scale per slice of an axis. What quantization leaves behind."""

import math
from dataclasses import dataclass, replace

import numpy as np

from ..errors import FormatError
from .bitio import ByteReader
from .effort import Effort
from .elements import PRECISION, pieces, same_bits
from .sink import GRID_MAX, Sink
from .symbols import decode_into, encode_symbols
from .window import Window

INTEGER_MAX = GRID_MAX
_PER_CHANNEL, _HALF_SCALES = 1, 2


@dataclass(frozen=True)
class GridHint:
    """How a tensor came about: `integers` (its shape) times float32 `scales`, one, or shape[axis] along `axis`."""

    integers: np.ndarray
    scales: np.ndarray
    axis: int | None = None


def dequantize(integers: np.ndarray, scales: np.ndarray, *, axis: int | None, dtype: np.dtype) -> np.ndarray:
    """cast(float32(q) * scale): one float32 multiplication, then rounding half to even to `dtype`."""
    if axis is not None:
        scales = scales.reshape([-1 if i == axis else 1 for i in range(integers.ndim)])
    with np.errstate(over="ignore", under="ignore"):
        values = integers.astype(np.float32)
        values *= scales
        return values.astype(dtype, copy=False)


def fits(array: np.ndarray, hint: GridHint) -> bool:
    """Whether the hint is one that a stream can hold and gives the array bit for bit."""
    if not _is_sound(array, hint):
        return False
    if array.ndim == 0:
        return same_bits(_rebuilt(hint.integers, hint, array.dtype), array)
    return all(
        same_bits(_rebuilt(hint.integers[part], _part(hint, part), array.dtype), array[part]) for part in pieces(array)
    )


def _is_sound(array: np.ndarray, hint: GridHint) -> bool:
    integers, scales, axis = np.asarray(hint.integers), np.asarray(hint.scales), hint.axis
    if array.dtype not in PRECISION or integers.shape != array.shape or integers.dtype.kind not in "iu":
        return False
    if axis is not None and not 0 <= axis < min(array.ndim, 256):
        return False
    if scales.dtype != np.float32 or scales.size != (1 if axis is None else array.shape[axis]):
        return False
    small = integers.min() >= -INTEGER_MAX and integers.max() <= INTEGER_MAX
    return bool(small and np.isfinite(scales).all() and (scales > 0).all())


def _part(hint: GridHint, part: slice) -> GridHint:
    return replace(hint, scales=_vector(hint)[part]) if hint.axis == 0 else hint


def _rebuilt(integers: np.ndarray, hint: GridHint, dtype: np.dtype) -> np.ndarray:
    return dequantize(np.ascontiguousarray(integers), _vector(hint), axis=hint.axis, dtype=dtype)


def _vector(hint: GridHint) -> np.ndarray:
    return np.asarray(hint.scales).reshape(-1)


def encode_grid(hint: GridHint, effort: Effort) -> tuple[int, bytes]:
    """Symbol coder and payload of a tensor that its hint fits."""
    patterns = _vector(hint).view(np.uint32)
    is_half = not (patterns & 0xFFFF).any()
    header = bytes([(hint.axis is not None) * _PER_CHANNEL | is_half * _HALF_SCALES])
    header += b"" if hint.axis is None else bytes([hint.axis])
    header += ((patterns >> 16).astype("<u2") if is_half else patterns.astype("<u4")).tobytes()
    integers = np.ascontiguousarray(hint.integers, np.int32).reshape(-1)
    coder, payload = encode_symbols(integers, shape=hint.integers.shape, effort=effort)
    return coder, header + payload


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
    if dtype not in PRECISION:
        raise FormatError(f"grid of {dtype}: only float32, float16 and bfloat16 have one")
    reader = ByteReader(payload)
    flags = reader.u8("grid flags")
    if flags > 3:
        raise FormatError(f"grid flags {flags}: only bits 0 and 1 are known")
    axis = _read_axis(reader, len(shape)) if flags & _PER_CHANNEL else None
    scales = _read_scales(reader, 1 if axis is None else shape[axis], is_half=bool(flags & _HALF_SCALES))
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
