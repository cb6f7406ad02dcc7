"""Moments of a layer's inputs, E[x] and E[x x^T], gathered batch by batch in float64."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class InputStatistics:
    """What calibration saw of a layer's inputs.

    Attributes:
        mean: E[x], (1, inputs), or (outputs, inputs) where groups of outputs see inputs of their own; the inputs in the
            order of the columns of the layer's weights as a matrix.
        moment: E[x x^T] (inputs, inputs); None where it was not measured (convolutions, very wide layers).
    """

    mean: np.ndarray
    moment: np.ndarray | None = None

    @cached_property
    def covariance(self) -> np.ndarray:
        """E[x x^T] - E[x] E[x]^T, where the second moment was measured."""
        return self.moment - self.mean.T @ self.mean


class Moments:
    """Running sums over samples x of a fixed number of features, of x alone or of x x^T too."""

    def __init__(self, *, second: bool) -> None:
        self._first: np.ndarray | float = 0.0
        self._second: np.ndarray | float | None = 0.0 if second else None
        self._count = 0

    def add(self, samples: np.ndarray) -> None:
        """Add samples (..., features); leading axes are all samples."""
        flat = samples.reshape(-1, samples.shape[-1]).astype(np.float64)
        self._first = self._first + flat.sum(axis=0)
        if self._second is not None:
            self._second = self._second + flat.T @ flat
        self._count += len(flat)

    @property
    def mean(self) -> np.ndarray:
        """E[x] (features,)."""
        return np.asarray(self._first) / self._count

    @property
    def second(self) -> np.ndarray | None:
        """E[x x^T] (features, features), where it was asked for."""
        return None if self._second is None else np.asarray(self._second) / self._count


def output_error(difference: np.ndarray, statistics: InputStatistics, *, corrected: bool) -> float:
    """Return E||D x||^2 of a weight difference D (outputs, inputs), E||D (x - E[x])||^2 where the mean is corrected."""
    moment = statistics.covariance if corrected else statistics.moment
    return max(float(np.einsum("ij,ij->", difference @ moment, difference)), 0.0)
