"""Truncated SVD of a matrix, plain or in the metric of what its errors cost."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

DAMPING = 1e-7  # of the mean input power, added to every direction: keeps inputs that were never seen invertible


@dataclass(frozen=True)
class Decomposition:
    """The SVD of W (outputs, inputs), possibly in a metric: then its sides are mapped back, not orthonormal.

    Attributes:
        left: (outputs, k). values: (k,) descending. right: (k, inputs).
    """

    left: np.ndarray
    values: np.ndarray
    right: np.ndarray

    def factors(self, rank: int) -> tuple[np.ndarray, np.ndarray]:
        """Return float64 `outer` (outputs, rank) and `inner` (rank, inputs): outer @ inner is the best of that rank.

        The singular values are split evenly by square root, which keeps both factors in one numeric range.
        """
        root = np.sqrt(self.values[:rank])
        return self.left[:, :rank] * root, root[:, None] * self.right[:rank]


def decompose(weights: np.ndarray, *, moment: np.ndarray | None = None) -> Decomposition:
    """Decompose `weights` (outputs, inputs) so that every truncation is optimal.

    Args:
        moment: E[x x^T] (inputs, inputs). With it, truncations minimize E||W x - W_r x||^2: with E[x x^T] = L L^T, the
            SVD of W L is truncated and mapped back by L^-1. Without it they minimize ||W - W_r||^2 (Eckart-Young).
    """
    weights = weights.astype(np.float64)
    if moment is None or not moment.any():  # inputs that were never anything but zero say nothing
        return Decomposition(*_svd(weights))
    powers, directions = scipy.linalg.eigh(moment.astype(np.float64))
    powers = np.maximum(powers, 0) + DAMPING * max(float(powers.mean()), np.finfo(float).tiny)
    root = np.sqrt(powers)
    left, values, right = _svd((weights @ directions) * root)
    return Decomposition(left, values, (right / root) @ directions.T)


def decompose_in(weights: np.ndarray, *, inputs: np.ndarray, rows: np.ndarray | None) -> Decomposition:
    """Decompose `weights` (outputs, inputs) where errors cost along both axes: truncations are the cheapest ones.

    Args:
        inputs: R (inputs, inputs) with R R^T what errors along a row cost, invertible. rows: the same of errors along a
            column; None where every row counts the same. R_rows^T W R_inputs is truncated and mapped back.
    """
    turned = weights.astype(np.float64) if rows is None else rows.T.astype(np.float64) @ weights
    left, values, right = _svd(turned @ inputs.astype(np.float64))
    left = left if rows is None else np.linalg.solve(rows.T.astype(np.float64), left)
    return Decomposition(left, values, np.linalg.solve(inputs.T.astype(np.float64), right.T).T)


def _svd(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return scipy.linalg.svd(matrix, full_matrices=False, lapack_driver="gesdd")


def break_even_rank(outputs: int, inputs: int) -> int:
    """Return the largest rank at which two factors hold fewer numbers than the matrix: r < mn / (m + n)."""
    return max((outputs * inputs - 1) // (outputs + inputs), 0)
