"""The step of a grid from its levels: a tolerant Euclid finds it roughly, intervals make it exact.

Every level v = round(q * s) confines s to an interval; the step is in the intersection of all of them. A step that
16 bits can hold (bfloat16) is preferred.
"""

import ml_dtypes
import numpy as np

from .elements import PRECISION

LEVEL_MAX = 1 << 20
_SAMPLE = 64


def find_step(levels: np.ndarray, dtype: np.dtype) -> np.float32 | None:
    """A float32 s with cast(float32(q) * s) == v for an integer q <= 2^20 for each level, or None.

    `levels`: distinct positive finite values of `dtype`, ascending, as float64.
    """
    precision, _ = PRECISION[str(dtype)]
    sample = _spread(levels)
    # A wide tolerance stands the errors of long remainder chains; a narrow one leaves room for fine grids.
    for tolerance in dict.fromkeys((2.0 ** -(precision // 2), 2.0 ** (4 - precision))):
        rough = _rough_step(sample, tolerance)
        for divisor in range(1, 9):
            for part in (sample, levels):
                step = _exact_step(part, rough / divisor, dtype)
                if step is None:
                    break
            else:
                return step
    return None


def _spread(levels: np.ndarray) -> np.ndarray:
    if len(levels) <= _SAMPLE:
        return levels
    spread = np.linspace(_SAMPLE // 2, len(levels) - 1, _SAMPLE // 2).astype(int)
    return np.concatenate([levels[: _SAMPLE // 2], levels[spread]])


def _rough_step(levels: np.ndarray, tolerance: float) -> float:
    """Folds Euclid over the levels; each level refines the step, since it knows it to within 1 / q of its own error."""
    step = float(levels[0])
    for level in levels.tolist():
        step = _common_step(level, step, tolerance * level)
        step = level / round(level / step)
    return step


def _common_step(large: float, small: float, tolerance: float) -> float:
    while small > tolerance:
        large, small = small, abs(large - round(large / small) * small)
    return large


def _exact_step(levels: np.ndarray, rough: float, dtype: np.dtype) -> np.float32 | None:
    multiples = np.rint(levels / rough)
    if multiples[0] < 1 or multiples[-1] > LEVEL_MAX:
        return None
    half_ulp = _half_ulp(levels, dtype)
    low = ((levels - half_ulp) / multiples).max()
    high = ((levels + half_ulp) / multiples).min()
    if low > high * (1 + 2.0**-40):
        return None
    return _first_exact(_candidates((low + high) / 2), multiples.astype(np.float32), levels, dtype)


def _half_ulp(levels: np.ndarray, dtype: np.dtype) -> np.ndarray:
    precision, least = PRECISION[str(dtype)]
    return np.exp2(np.maximum(np.frexp(levels)[1] - precision, least) - 1.0)


def _candidates(middle: float) -> list[np.float32]:
    """The nearest bfloat16, the nearest float32 and its neighbors: float32(q * s) rounds too, which may shift s."""
    with np.errstate(over="ignore", under="ignore"):
        single = np.float32(middle)
        half = np.float32(single.astype(ml_dtypes.bfloat16))
        neighbors = [np.nextafter(single, np.float32(side)) for side in (0, np.inf)]
    return [step for step in (half, single, *neighbors) if 0 < step < np.inf]


def _first_exact(steps: list[np.float32], multiples: np.ndarray, levels: np.ndarray, dtype: np.dtype):
    with np.errstate(over="ignore", under="ignore"):
        for step in steps:
            if np.array_equal((multiples * step).astype(dtype).astype(np.float64), levels):
                return step
    return None
