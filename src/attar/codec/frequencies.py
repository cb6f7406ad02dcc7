"""Counts to integer frequencies of a fixed sum, with the least loss of code length.

The code length -sum(count * log2 f) is a sum of convex functions of one frequency each, so a table that no single
exchange of one unit improves is the best one; rounds of exchanges reach it from the rounded proportions.
"""

import numpy as np


def quantize(counts: np.ndarray, total: int) -> np.ndarray:
    """Frequencies (int64, each >= 1) for positive counts, summing to `total` >= len(counts)."""
    frequencies = _shares(counts, total)
    while (missing := total - int(frequencies.sum())) > 0:
        _grow(counts, frequencies, missing)
    while _exchange(counts, frequencies):
        pass
    return frequencies


def _shares(counts: np.ndarray, total: int) -> np.ndarray:
    """Proportions rounded down, of what is left once the rare symbols have their one; the sum is at most `total`."""
    rare = np.zeros(len(counts), bool)
    while True:
        shares = counts * (total - int(rare.sum())) // counts[~rare].sum()
        short = (shares < 1) & ~rare
        if not short.any():
            return np.where(rare, 1, shares)
        rare |= short


def code_bits(counts: np.ndarray, frequencies: np.ndarray, *, total: int) -> float:
    """Bits that the symbols take when each of probability f / total takes -log2 of it."""
    return float((counts * (np.log2(total) - np.log2(frequencies))).sum())


def _gains(counts: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    return counts * np.log2((frequencies + 1) / frequencies)


def _losses(counts: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    lower = np.maximum(frequencies - 1, 1)
    return np.where(frequencies > 1, counts * np.log2(frequencies / lower), np.inf)


def _grow(counts: np.ndarray, frequencies: np.ndarray, units: int) -> None:
    best = np.argsort(-_gains(counts, frequencies), kind="stable")
    frequencies[best[:units]] += 1


def _exchange(counts: np.ndarray, frequencies: np.ndarray) -> bool:
    """Moves units from the symbols that lose least to those that gain most; no symbol is in both sets."""
    gains, losses = _gains(counts, frequencies), _losses(counts, frequencies)
    takers, givers = np.argsort(-gains, kind="stable"), np.argsort(losses, kind="stable")
    # The margin keeps rounding errors from swapping two equals for ever.
    better = gains[takers] > losses[givers] * (1 + 1e-9)
    count = len(better) if better.all() else int(better.argmin())
    frequencies[takers[:count]] += 1
    frequencies[givers[:count]] -= 1
    return count > 0
