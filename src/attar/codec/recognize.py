"""Recognizes a grid in the values alone, per tensor or per slice of any axis; generic floats are let go early.

A sample decides first: a network that was never quantized must cost next to nothing here.
"""

import numpy as np

from .elements import PRECISION, bit_patterns, pieces
from .grid import INTEGER_MAX, GridHint, fits
from .step import find_step

_SAMPLE = 2048
# Scales of few bits have a fine common step, so that slices may look like one wide grid; a narrow one is not such a
# coincidence and needs no scales of its own.
_NARROW = 127
# A slice of fewer elements costs more in scales than a grid can save.
_SLICE_MIN = 4


def find_grids(array: np.ndarray) -> list[GridHint]:
    """Grids that give a C-contiguous array bit for bit: of the tensor and, if that is not narrow, of each axis."""
    if str(array.dtype) not in PRECISION:
        return []
    whole = _grid(array, None)
    if whole is not None and whole.integers.min() >= -_NARROW and whole.integers.max() <= _NARROW:
        return [whole]
    axes = [axis for axis in range(min(array.ndim, 256)) if _may_have_slices(array, axis)]
    return [grid for grid in (whole, *(_grid(array, axis) for axis in axes)) if grid is not None]


def _may_have_slices(array: np.ndarray, axis: int) -> bool:
    return 1 < array.shape[axis] <= array.size // _SLICE_MIN


def _grid(array: np.ndarray, axis: int | None) -> GridHint | None:
    """Shape (slices, elements) holds one row per scale."""
    slices = array.reshape(1, -1) if axis is None else np.moveaxis(array, axis, 0)
    probes = {0, len(slices) // 2, len(slices) - 1}
    if any(_scale(_sampled(slices[i])) is None for i in probes):
        return None
    scales = [_scale(np.ascontiguousarray(row)) for row in slices]
    if any(scale is None for scale in scales):
        return None
    return _verified(array, np.array(scales, np.float32), axis)


def _sampled(row: np.ndarray) -> np.ndarray:
    flat = row.reshape(-1)
    return np.ascontiguousarray(flat[:: max(1, flat.size // _SAMPLE)])


def _scale(row: np.ndarray) -> np.float32 | None:
    levels = _levels(row)
    if levels is None:
        return None
    # All zero: any scale will do, and this one is short.
    return np.float32(1) if levels.size == 0 else find_step(levels, row.dtype)


def _levels(row: np.ndarray) -> np.ndarray | None:
    """Distinct positive magnitudes, ascending, as float64; None when there are NaN, infinities or negative zeros."""
    patterns = bit_patterns(row)
    sign = patterns.dtype.type(1 << (8 * patterns.itemsize - 1))
    # Sorting bit patterns sorts magnitudes; NumPy's own order of 16-bit floats is not needed, nor trusted.
    magnitudes = np.unique(np.concatenate([np.unique(patterns[part] & ~sign) for part in pieces(patterns)]))
    with np.errstate(invalid="ignore"):  # a signaling NaN is met, and refused, below
        levels = magnitudes.view(row.dtype).astype(np.float64)
    if not np.isfinite(levels[-1]) or (levels[0] == 0 and (patterns == sign).any()):
        return None
    return levels[levels > 0]


def _verified(array: np.ndarray, scales: np.ndarray, axis: int | None) -> GridHint | None:
    divisors = scales if axis is None else scales.reshape([-1 if i == axis else 1 for i in range(array.ndim)])
    integers = np.empty(array.shape, np.int32)
    for part in pieces(array) if array.ndim else [()]:
        multiples = np.rint(array[part].astype(np.float64) / (divisors[part] if axis == 0 else divisors))
        if np.abs(multiples).max() > INTEGER_MAX:
            return None
        integers[part] = multiples
    hint = GridHint(integers, scales, axis)
    return hint if fits(array, hint) else None
