"""How a file counts a bias: int32 in units of the accumulator, or of a power of two of those where it does not fit.

The file's scale is that unit rounded to float32, so that a reader has to tell which unit was meant. A bias is never
left in floats: onnxruntime 1.32 would make int32 of it without looking whether it fits.
"""

import numpy as np

FEWEST_LOST = np.finfo(np.float32).tiny  # a float32 scale below has lost digits
MOST = 2**31 - 1
SAME = 2.0**-20  # relative; a product of two scales, rounded to float32, is 2^-24 off


def stored(bias: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return int32 integers (outputs,) and float32 scales (outputs,) or (1,) of a bias in exact `units` (float64)."""
    largest = np.maximum(np.abs(bias.astype(np.float64)), 1)
    too_large = np.ceil(np.log2(largest / MOST))
    too_fine = np.ceil(np.log2(FEWEST_LOST / units))
    powers = np.maximum(np.maximum(too_large, too_fine), 0)
    integers = bias if not powers.any() else np.rint(bias / np.exp2(powers))
    return integers.astype(np.int32), (units * np.exp2(powers if powers.any() else 0)).astype(np.float32)


def numbers_of(integers: np.ndarray, steps: np.ndarray, units: np.ndarray | None) -> np.ndarray:
    """Return a bias in float64, exactly in `units` where its steps are those, or a power of two of them, in float32.

    All of one shape or broadcast; units None: they are not known, and the steps count as they are.
    """
    steps = steps.astype(np.float64)
    if units is None:
        return integers * steps
    powers = np.maximum(np.rint(np.log2(steps / units)), 0)
    meant = units * np.exp2(powers)
    return integers * np.where(np.abs(steps / meant - 1) <= SAME, meant, steps)
