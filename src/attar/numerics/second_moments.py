"""Second moments of what a layer multiplies, before and after the layers in front of it changed."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SecondMoments:
    """What x, the layer's input in the changed network, has in common with itself and with x0, the original's.

    Attributes:
        mean, mean_before: E[x], E[x0] (groups, n). moment: E[x x^T] (groups, n, n).
        cross: E[x0 x^T] (groups, n, n); `moment` itself where nothing in front has changed.
    """

    mean: np.ndarray
    mean_before: np.ndarray
    moment: np.ndarray
    cross: np.ndarray


class Sums:
    """Running sums over pairs of columns; products in float32 block by block, their sums in float64."""

    def __init__(self, blocks: int = 1) -> None:
        """Into how many blocks the inputs are cut: what lies in different ones is taken as unrelated."""
        self._blocks = blocks
        self._mean: np.ndarray | float = 0.0
        self._mean_before: np.ndarray | float = 0.0
        self._moment: np.ndarray | float = 0.0
        self._cross: np.ndarray | float | None = None  # the moment's own sum until columns differ for the first time
        self._count = 0

    def add(self, before: np.ndarray, now: np.ndarray) -> None:
        """Add columns (groups, positions, n) of the original and of the changed network, which may be one array."""
        self._count += now.shape[1]
        same = before is now
        now = self._cut(now)
        before = now if same else self._cut(before)
        if not same and self._cross is None:
            self._cross = self._moment
        moment = _product(now, now)
        self._mean = self._mean + _sum(now)
        self._mean_before = self._mean_before + _sum(before)
        self._moment = self._moment + moment
        if self._cross is not None:
            self._cross = self._cross + (moment if same else _product(before, now))

    def moments(self) -> SecondMoments:
        """Return the means over all that was added."""
        mean, mean_before, moment = (self._mean_of(sums) for sums in (self._mean, self._mean_before, self._moment))
        return SecondMoments(mean, mean_before, moment, moment if self._cross is None else self._mean_of(self._cross))

    def _mean_of(self, sums: np.ndarray | float) -> np.ndarray:
        return np.asarray(sums) / max(self._count, 1)

    def _cut(self, columns: np.ndarray) -> np.ndarray:
        groups, positions, n = columns.shape
        size = n // self._blocks
        cut = columns.reshape(groups, positions, self._blocks, size).swapaxes(1, 2)
        return cut.reshape(groups * self._blocks, positions, size)


def second_moments(pairs: Iterable[tuple[np.ndarray, np.ndarray]], *, blocks: int = 1) -> SecondMoments:
    """Return the moments of all pairs of columns (groups, positions, n), before and now."""
    sums = Sums(blocks)
    for before, now in pairs:
        sums.add(before, now)
    return sums.moments()


def block_count(n: int, most: int) -> int:
    """Return the least number of equal blocks of at most `most` inputs that n inputs can be cut into."""
    return next(count for count in range(-(-n // most), n + 1) if n % count == 0)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a.swapaxes(1, 2) @ b).astype(np.float64)


def _sum(columns: np.ndarray) -> np.ndarray:
    ones = np.ones((1, columns.shape[1]), np.float32)  # a product is many times as fast as a sum along this axis
    return (ones @ columns)[:, 0].astype(np.float64)
