"""How sure a measured drop is: the paired bootstrap, and the number of samples that would settle a budget."""

import math

import numpy as np

RESAMPLES = 4000
CONFIDENCE = 0.95
_NORMAL_QUANTILE = 1.959964  # of (1 + CONFIDENCE) / 2


def paired_interval(differences: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of per-sample `differences` (Efron 1979, paired).

    Resampling n values with few distinct ones is a multinomial draw of their counts, which is exact and fast.
    """
    values, counts = np.unique(differences, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(differences), counts / len(differences), size=RESAMPLES)
    means = draws @ values / len(differences)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def samples_to_decide(differences: np.ndarray, limit: float) -> int | None:
    """Return how many samples would put `limit` outside the interval around today's mean; None if none would."""
    gap = abs(limit - float(np.mean(differences)))
    if gap == 0:
        return None
    return math.ceil((_NORMAL_QUANTILE * float(np.std(differences)) / gap) ** 2)
