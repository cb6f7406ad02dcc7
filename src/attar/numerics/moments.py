"""The second moment of a layer's inputs, E[x x^T], gathered batch by batch in float64."""

import numpy as np


class SecondMoment:
    """Running sum of x x^T over samples x of a fixed number of features."""

    def __init__(self) -> None:
        self._sum: np.ndarray | None = None
        self._count = 0

    def add(self, samples: np.ndarray) -> None:
        """Add samples (..., features); leading axes are all samples."""
        flat = samples.reshape(-1, samples.shape[-1]).astype(np.float64)
        product = flat.T @ flat
        self._sum = product if self._sum is None else self._sum + product
        self._count += len(flat)

    def mean(self) -> np.ndarray:
        """Return E[x x^T] (features, features)."""
        assert self._sum is not None, "no samples were added"
        return self._sum / self._count


def output_error(difference: np.ndarray, moment: np.ndarray) -> float:
    """Return E||D x||^2 of a weight difference D (outputs, inputs) under the second moment of x."""
    return float(np.einsum("ij,ij->", difference @ moment, difference))
