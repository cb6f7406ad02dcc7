"""How sure a measured drop is: the paired bootstrap, and the number of samples that would settle a budget."""

import math

import numpy as np

RESAMPLES = 4000
BLOCK_COUNTS = 2**22  # drawn at a time: a score with as many values as samples would fill gigabytes at once
CONFIDENCE = 0.95
TWO_SIDED_95 = 1.959964  # of (1 + CONFIDENCE) / 2


def paired_interval(differences: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of per-sample `differences` (Efron 1979, paired).

    Resampling n values with few distinct ones is a multinomial draw of their counts, which is exact and fast.
    """
    values, counts = np.unique(differences, return_counts=True)
    rng = np.random.default_rng(seed)
    block = max(BLOCK_COUNTS // len(values), 1)
    sizes = [min(block, RESAMPLES - start) for start in range(0, RESAMPLES, block)]
    sums = [rng.multinomial(len(differences), counts / len(differences), size=size) @ values for size in sizes]
    means = np.concatenate(sums) / len(differences)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def decide(values: np.ndarray, limit: float) -> tuple[bool, int | None]:
    """Tell whether samples decide on which side of `limit` the mean of `values` lies, and how many samples would.

    Args:
        values: points per sample, from -100 to 100.

    Returns:
        Whether the 95 % interval leaves the limit out, and about how many samples would (None: no number). Where all
        values are equal, resampling can't tell: what was never seen in n samples may still happen in 3 / n of all cases
        (the rule of three).
    """
    low, high = paired_interval(values)
    unseen = 100 * 3 / len(values) if low == high else 0.0
    if not low - unseen <= limit <= high + unseen:
        return True, None
    gap = abs(limit - float(np.mean(values)))
    return False, math.ceil(300 / gap) if unseen and gap else samples_to_decide(values, limit)


def samples_to_decide(differences: np.ndarray, limit: float) -> int | None:
    """Return how many samples would put `limit` outside the interval around today's mean; None if none would."""
    gap = abs(limit - float(np.mean(differences)))
    if gap == 0:
        return None
    return math.ceil((TWO_SIDED_95 * float(np.std(differences)) / gap) ** 2)
