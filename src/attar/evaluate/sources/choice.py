"""Which samples to take where not all are wanted."""

import numpy as np

from ...errors import DataError


def chosen(count: int, most: int | None, seed: int) -> np.ndarray:
    """Return the numbers of at most `most` of `count` samples: a seeded choice, in their order; None takes all.

    Raises:
        DataError: fewer than one is wanted.
    """
    if most is not None and most < 1:
        raise DataError(f"samples is {most}; at least 1 is wanted")
    if most is None or most >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def some(arrays: dict[str, np.ndarray], most: int | None, seed: int) -> dict[str, np.ndarray]:
    """Return at most `most` samples of all arrays, the same ones of each."""
    counts = {len(array) for array in arrays.values() if array.ndim}
    if most is None or len(counts) != 1:  # different counts are refused later, by the names of the arrays
        return arrays
    picks = chosen(counts.pop(), most, seed)
    return {name: array[picks] if array.ndim else array for name, array in arrays.items()}
