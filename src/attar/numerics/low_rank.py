"""Truncated SVD of a matrix, plain and weighted by the second moment of the inputs it will see."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

DAMPING = 1e-7  # of the mean input power, added to every direction: keeps inputs that were never seen invertible


@dataclass(frozen=True)
class Decomposition:
    """The SVD of W (outputs, inputs), possibly in the metric of its inputs.

    Attributes:
        left: (outputs, k) orthonormal columns. values: (k,) descending. right: (k, inputs), already mapped back.
    """

    left: np.ndarray
    values: np.ndarray
    right: np.ndarray

    def factors(self, rank: int) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 `outer` (outputs, rank) and `inner` (rank, inputs): outer @ inner is the best of that rank.

        The singular values are split evenly by square root, which keeps both factors in one numeric range.
        """
        root = np.sqrt(self.values[:rank])
        return (self.left[:, :rank] * root).astype(np.float32), (root[:, None] * self.right[:rank]).astype(np.float32)


def decompose(weights: np.ndarray, *, moment: np.ndarray | None = None) -> Decomposition:
    """Decompose `weights` (outputs, inputs) so that every truncation is optimal.

    Args:
        moment: E[x x^T] (inputs, inputs). With it, truncations minimize E||W x - W_r x||^2: with E[x x^T] = L L^T, the
            SVD of W L is truncated and mapped back by L^-1. Without it they minimize ||W - W_r||^2 (Eckart-Young).
    """
    weights = weights.astype(np.float64)
    if moment is None or not moment.any():  # inputs that were never anything but zero say nothing
        left, values, right = scipy.linalg.svd(weights, full_matrices=False, lapack_driver="gesdd")
        return Decomposition(left, values, right)
    powers, directions = scipy.linalg.eigh(moment.astype(np.float64))
    powers = np.maximum(powers, 0) + DAMPING * max(float(powers.mean()), np.finfo(float).tiny)
    root = np.sqrt(powers)
    left, values, right = scipy.linalg.svd((weights @ directions) * root, full_matrices=False, lapack_driver="gesdd")
    return Decomposition(left, values, (right / root) @ directions.T)


def break_even_rank(outputs: int, inputs: int) -> int:
    """Return the largest rank at which two factors hold fewer numbers than the matrix: r < mn / (m + n)."""
    return max((outputs * inputs - 1) // (outputs + inputs), 0)
