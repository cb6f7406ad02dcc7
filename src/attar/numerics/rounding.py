"""One helper for every named rounding rule (docs/architecture.md, "Integer arithmetic has one specification")."""

import ml_dtypes
import numpy as np


def to_integers(values: np.ndarray) -> np.ndarray:
    """Round half to even, as ONNX's QuantizeLinear does; the result keeps its float type."""
    return np.rint(values)


def narrowed(integers: np.ndarray) -> np.ndarray:
    """Return the integers, C-contiguous, as the narrowest signed type that holds them."""
    most = max(int(integers.max(initial=0)), -int(integers.min(initial=0)))
    kind = next(kind for kind in (np.int8, np.int16, np.int32) if most <= np.iinfo(kind).max)
    return np.ascontiguousarray(integers, kind)


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Return float32 values rounded to bfloat16's 8 significant bits: a scale that costs 2 bytes in a file, not 4."""
    return np.asarray(values, np.float32).astype(ml_dtypes.bfloat16).astype(np.float32)


def half_added_and_shifted(values: np.ndarray, shifts: np.ndarray | int) -> np.ndarray:
    """Return values / 2^shift rounded to the nearest, halves up: add half, then shift arithmetically.

    Both int64, shifts 0 to 62 and broadcast; values so far from the ends that adding 2^61 does not overflow.
    """
    halves = np.left_shift(np.int64(1), shifts) >> 1  # none for a shift of 0
    return (values + halves) >> shifts
