"""Floats on a grid: integers times one scale, or one scale per slice of an axis. What quantization leaves behind."""

from dataclasses import dataclass, replace

import numpy as np

from .._content import ByContent
from .effort import Effort
from .elements import PRECISION, pieces, same_bits
from .grid_decode import HALF_SCALES, PER_CHANNEL, dequantize
from .sink import GRID_MAX
from .symbols import encode_symbols

INTEGER_MAX = GRID_MAX


@dataclass(frozen=True, eq=False)
class GridHint(ByContent):
    """How a tensor came about: `integers` (its shape) times float32 `scales`, one, or shape[axis] along `axis`."""

    integers: np.ndarray
    scales: np.ndarray
    axis: int | None = None


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
    if str(array.dtype) not in PRECISION or integers.shape != array.shape or integers.dtype.kind not in "iu":
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
    header = bytes([(hint.axis is not None) * PER_CHANNEL | is_half * HALF_SCALES])
    header += b"" if hint.axis is None else bytes([hint.axis])
    header += ((patterns >> 16).astype("<u2") if is_half else patterns.astype("<u4")).tobytes()
    integers = np.ascontiguousarray(hint.integers, np.int32).reshape(-1)
    coder, payload = encode_symbols(integers, shape=hint.integers.shape, effort=effort)
    return coder, header + payload
