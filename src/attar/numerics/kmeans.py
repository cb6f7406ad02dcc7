"""K-means in one dimension: sorted values, prefix sums, and assignment by midpoints (exact, O(n log k) a round)."""

from dataclasses import dataclass

import numpy as np

MAX_ROUNDS = 60


@dataclass(frozen=True)
class Linear:
    """Start evenly spaced between the extremes: keeps the few large weights (Deep Compression's choice)."""


@dataclass(frozen=True)
class Density:
    """Start evenly spaced in the cumulative distribution."""


@dataclass(frozen=True)
class Random:
    """Start from values picked at random (Forgy)."""

    seed: int = 0


Start = Linear | Density | Random


def fit_codebook(values: np.ndarray, k: int, *, start: Start) -> np.ndarray:
    """Return at most `k` ascending centroids (float32) of the 1-D `values`, by Lloyd's algorithm.

    An empty cluster is moved to the value with the largest error. `k` or fewer distinct values are returned as such.
    """
    ordered = np.sort(values.astype(np.float64).ravel())
    distinct = np.unique(ordered)
    if len(distinct) <= k:
        return distinct.astype(np.float32)
    prefix = np.concatenate([[0.0], np.cumsum(ordered)])
    centroids = _start(ordered, distinct, k, start)
    previous = None
    for _ in range(MAX_ROUNDS):
        edges = _edges(ordered, centroids)
        if previous is not None and np.array_equal(edges, previous):
            break
        centroids = np.sort(_means(ordered, prefix, edges, centroids))
        previous = edges
    return np.unique(centroids.astype(np.float32))


def assign(values: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Return the index of the nearest centroid of every value; a tie goes to the smaller centroid."""
    midpoints = (centroids[1:].astype(np.float64) + centroids[:-1]) / 2
    return np.searchsorted(midpoints, values.astype(np.float64), side="left")


def _start(ordered: np.ndarray, distinct: np.ndarray, k: int, start: Start) -> np.ndarray:
    if isinstance(start, Linear):
        return np.linspace(ordered[0], ordered[-1], k)
    if isinstance(start, Density):
        return np.quantile(distinct, (np.arange(k) + 0.5) / k)
    return np.sort(np.random.default_rng(start.seed).choice(distinct, k, replace=False))


def _edges(ordered: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Return k + 1 positions: cluster i holds ordered[edges[i] : edges[i + 1]]."""
    inner = np.searchsorted(ordered, (centroids[1:] + centroids[:-1]) / 2, side="right")
    return np.concatenate([[0], inner, [len(ordered)]])


def _means(ordered: np.ndarray, prefix: np.ndarray, edges: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    counts = np.diff(edges)
    sums = np.diff(prefix[edges])
    means = np.where(counts > 0, sums / np.maximum(counts, 1), centroids)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        errors = np.abs(ordered - means[np.repeat(np.arange(len(counts)), counts)])
        means[empty] = ordered[np.argsort(-errors, kind="stable")[: len(empty)]]
    return means
