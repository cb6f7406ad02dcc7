"""Weight sharing: the non-zero weights of a layer take the values of a small codebook found by k-means.

Stage two of Deep Compression (Han et al., ICLR 2016, section 3). Zeros stay outside of the codebook.
Cost: log2(k) bits per non-zero weight before entropy coding, and 4 k bytes for the codebook.
"""

from dataclasses import dataclass, field

import numpy as np

from ...numerics.kmeans import Linear, Start, assign, fit_codebook
from ..settings import limits
from ..weights import NotApplicable, Weights


@dataclass(frozen=True)
class KMeans:
    """How many values to share, and where Lloyd's algorithm starts."""

    clusters: int = field(default=16, metadata=limits(2, 4096))
    start: Start = Linear()


@dataclass(frozen=True)
class Codebook:
    """The decision: ascending `centroids` (k,) of the non-zero weights."""

    centroids: np.ndarray


def plan(weights: Weights, config: KMeans) -> Codebook:
    """Cluster the non-zero weights."""
    kept = weights.values[weights.values != 0]
    if not kept.size:
        raise NotApplicable(f"all {weights.values.size} weights are zero: nothing to share")
    return Codebook(fit_codebook(kept, config.clusters, start=config.start))


def apply(weights: Weights, codebook: Codebook) -> Weights:
    """Replace every non-zero weight by its nearest centroid."""
    shared = codebook.centroids[assign(weights.values, codebook.centroids)]
    return weights.with_values(np.where(weights.values == 0, 0, shared))
