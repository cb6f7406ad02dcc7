"""Affine formats of 8-bit inference: activations with a zero point, weights symmetric with one scale a channel.

The scheme of TensorFlow Lite (Jacob et al. 2018, section 2.1): value = (q - zero) x scale.
"""

import numpy as np

from .formats import Format
from .rounding import to_integers

SMALLEST_SCALE = 2.0**-100  # its products with others are normal float32 numbers
MIRRORED = 1  # levels that the symmetric range of weights leaves out: -128


def affine(low: float, high: float, *, bits: int = 8) -> Format:
    """Return the signed format whose range is [low, high], widened to hold 0: scale = (high - low) / (2^bits - 1).

    The zero point, round(least integer - low / scale) clamped to the range, makes 0.0 exact. Where all is zero the
    scale is 1: any would do, and from a tiny one no multiplier leads to those around it.
    """
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    scale = max(float(np.float32((high - low) / (2**bits - 1))), SMALLEST_SCALE) if low < high else 1.0
    least, greatest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    zero = int(np.clip(to_integers(np.float64(least) - low / scale), least, greatest))
    return Format(bits, True, scale, zero)


def symmetric_scales(rows: np.ndarray, *, bits: int = 8) -> np.ndarray:
    """Return, for every row, the scale (float32) that brings its largest magnitude to 2^(bits-1) - 1; 0 for zeros.

    Rows (channels, values).
    """
    return np.abs(rows).max(axis=1, initial=0).astype(np.float32) / np.float32(2 ** (bits - 1) - MIRRORED)


def symmetric_integers(rows: np.ndarray, scales: np.ndarray, *, bits: int = 8) -> np.ndarray:
    """Return the nearest integers (int32) of float32 `rows` / `scales`, half to even, in +-(2^(bits-1) - 1)."""
    top = 2 ** (bits - 1) - MIRRORED
    steps = np.asarray(rows, np.float32) / np.asarray(scales, np.float32)[:, None]
    return to_integers(np.clip(steps, -top, top)).astype(np.int32)
