"""How sure a measured figure is, and how many samples would settle a budget: the only file that makes intervals.

A share of hits has Clopper and Pearson's exact interval (1934). The difference of two such shares on the same samples
has that of Bonett and Price (2012), by the samples on which just one of the two is right. All other means are
resampled (Efron 1979). Nothing seen is not nothing there: what never happened in n samples may still be the case for
1 - 0.025^(1/n) of all, which is what the exact interval says too, and equal values are widened by that.
"""

import math

import numpy as np

RESAMPLES = 4000
BLOCK_COUNTS = 2**22  # drawn at a time: a score with as many values as samples would fill gigabytes at once
CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
TWO_SIDED_95 = 1.959964  # of (1 + CONFIDENCE) / 2
POINTS = 100.0  # what a sample can win or lose, where nothing else is known

Interval = tuple[float, float]


def share_interval(hits: int, count: int) -> Interval:
    """Return the exact 95 % interval of a share, in percent, of which `hits` of `count` samples were seen."""
    from scipy.special import betaincinv  # a quarter of a second that reading a file should not pay

    low = betaincinv(hits, count - hits + 1, TAIL) if hits else 0.0
    high = betaincinv(hits + 1, count - hits, 1 - TAIL) if hits < count else 1.0
    return float(100 * low), float(100 * high)


def mean_interval(points: np.ndarray) -> Interval:
    """Return the 95 % interval of the mean of points per sample: of a share where all are 0 or 100."""
    if np.isin(points, (0.0, POINTS)).all():
        return share_interval(int(np.count_nonzero(points)), len(points))
    return _resampled(points, np.abs(points).max(initial=0))


def paired_interval(differences: np.ndarray, *, scale: float = POINTS, is_predicted: bool = False) -> Interval:
    """Return the 95 % interval of a drop, the mean of the differences (samples,) of two networks' points.

    Args:
        scale: the most points that a sample can have. is_predicted: whether they are chances, none below zero.
    """
    if is_predicted:
        low, high = _resampled(differences, scale)
        return max(low, 0.0), high
    counted = np.isin(differences, (-POINTS, 0.0, POINTS)).all()
    return _of_discordant(differences) if counted else _resampled(differences, scale)


def _of_discordant(differences: np.ndarray) -> Interval:
    """Return Bonett and Price's interval: Wald's with a sample more of either kind that only one network gets right."""
    count = len(differences) + 2
    lost, won = ((np.count_nonzero(differences == sign * POINTS) + 1) / count for sign in (1, -1))
    middle, spread = lost - won, math.sqrt((lost + won - (lost - won) ** 2) / count)
    low, high = (POINTS * (middle + sign * TWO_SIDED_95 * spread) for sign in (-1, 1))
    return max(low, -POINTS), min(high, POINTS)


def _resampled(values: np.ndarray, scale: float) -> Interval:
    """Return the 95 % percentile interval of the mean.

    Resampling n values with few distinct ones is a multinomial draw of their counts, which is exact and fast.
    """
    if not np.isfinite(values).all():
        return -math.inf, math.inf
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) == 1:
        unseen = (1 - TAIL ** (1 / len(values))) * (scale or POINTS)
        return float(distinct[0] - unseen), float(distinct[0] + unseen)
    rng = np.random.default_rng(0)
    block = max(BLOCK_COUNTS // len(distinct), 1)
    sizes = [min(block, RESAMPLES - start) for start in range(0, RESAMPLES, block)]
    sums = [rng.multinomial(len(values), counts / len(values), size=size) @ distinct for size in sizes]
    low, high = np.percentile(np.concatenate(sums) / len(values), [100 * TAIL, 100 * (1 - TAIL)])
    return float(low), float(high)


def decide(values: np.ndarray, interval: Interval, limit: float) -> tuple[bool, int | None]:
    """Tell whether samples decide on which side of `limit` the mean of `values` lies, and how many samples would.

    Args:
        values: points per sample. interval: of their mean, 95 %.

    Returns:
        Whether the interval leaves the limit out, and about how many samples would (None: no number).
    """
    low, high = interval
    return (False, samples_to_decide(values, limit)) if low <= limit <= high else (True, None)


def samples_to_decide(values: np.ndarray, limit: float) -> int | None:
    """Return how many samples would put `limit` outside the interval around today's mean; None if none would."""
    gap = abs(limit - float(np.mean(values)))
    if gap == 0 or not math.isfinite(gap):
        return None
    if np.ptp(values) == 0:  # as many as make sure that what was not seen is rarer than the gap
        return math.ceil(-math.log(TAIL) * POINTS / gap)
    return math.ceil((TWO_SIDED_95 * float(np.std(values)) / gap) ** 2)
