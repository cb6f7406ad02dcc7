"""Quadratic forms, taken apart into triangles: what an error costs once everything not yet settled makes up for it.

An error e of the numbers costs e M e^T. With M = L diag(c) L^T, L a unit lower triangle, that is the sum over j of
c_j (e L)_j^2, and (e L)_j holds e_j and the later ones alone: settled from the last number to the first, each can
answer for the errors of those behind it, and c_j is what remains of its own cost.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import scipy.linalg

from ..errors import DataError
from .spread import AT_ONCE, Spread, do, runs

MOST = 1e36  # of a form: its sums and differences stay within float32
LEAST = 1e-7  # of the mean curvature of all groups, added to those that never saw anything


@dataclass(frozen=True)
class Quadratic:
    """One form for every group.

    Attributes:
        form: (groups, n, n) float64, damped. lower: (groups, n, n) float32, unit lower triangles.
        curvature: (groups, n) float32.
    """

    form: np.ndarray
    lower: np.ndarray
    curvature: np.ndarray

    @cached_property
    def effective(self) -> float:
        """The geometric mean of the curvature: what one number's error costs where all the others answer for it."""
        return float(np.exp(np.log(self.curvature.astype(np.float64)).mean()))

    @cached_property
    def roots(self) -> np.ndarray:
        """Lower triangles R (groups, n, n) with form = R R^T."""
        return self.lower * np.sqrt(self.curvature)[:, None, :]

    def cost(self, errors: np.ndarray, spread: Spread = map) -> np.ndarray:
        """Return e M e^T for errors (groups, rows, n) of any float type, one number for every row (groups, rows)."""
        costs = np.empty(errors.shape[:2])

        def count(place: tuple[slice, slice]) -> None:
            some = errors[place].astype(np.float64)
            costs[place] = np.einsum("grn,grn->gr", some @ self.form[place[0]], some)

        groups, rows, n = errors.shape
        do(count, product(runs(groups, min(rows, AT_ONCE // n + 1) * n), runs(rows, n)), spread)
        return costs


def quadratic(form: np.ndarray, *, damping: float, spread: Spread = map) -> Quadratic:
    """Damp a positive semidefinite form (groups, n, n) by a share of its mean diagonal, and take it apart.

    Damping stands for what the samples didn't show: without it, errors hide in directions that they happen to lack.

    Raises:
        DataError: the form is more than float32 holds, as where later inputs dwarf the first, or not finite.
    """
    form = form.astype(np.float64)
    _check_size(form)
    power = np.trace(form, axis1=1, axis2=2) / form.shape[1]
    added = damping * power + max(LEAST * float(power.mean()), np.finfo(np.float32).tiny)
    every = np.arange(form.shape[1])
    form[:, every, every] += added[:, None]
    return taken_apart(form, spread)


def _check_size(form: np.ndarray) -> None:
    largest = float(np.abs(form).max(initial=0))
    if not largest < MOST:  # NaN too
        reach = f"squares of a layer's inputs reach {largest:.2g}"
        raise DataError(f"{reach}, the limit is {MOST:.0g}: scale the samples down")


def taken_apart(form: np.ndarray, spread: Spread = map) -> Quadratic:
    """Take apart a positive definite form (groups, n, n) float64 as it is.

    Raises:
        numpy.linalg.LinAlgError: it is not positive definite.
    """
    lower, curvature = np.empty(form.shape, np.float32), np.empty(form.shape[:2], np.float32)

    def take_apart(groups: slice) -> None:
        roots = np.linalg.cholesky(form[groups])
        diagonal = np.diagonal(roots, axis1=1, axis2=2)
        lower[groups], curvature[groups] = roots / diagonal[:, None, :], np.square(diagonal)

    do(take_apart, runs(len(form), form[0].size), spread)
    return Quadratic(form, lower, curvature)


def identity(groups: int, n: int) -> Quadratic:
    """Return the form of numbers that all cost the same and cannot make up for each other."""
    each = np.broadcast_to(np.eye(n), (groups, n, n))
    return Quadratic(each, each.astype(np.float32), np.ones((groups, n), np.float32))


def solve(form: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows @ form^-1 for a symmetric positive definite form (n, n)."""
    return scipy.linalg.solve(form, rows.T, assume_a="pos").T
