"""Second moments of what a layer multiplies, before and after the layers in front of it changed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from .spread import Spread, do

ROWS = 512  # of a product that one thread makes
GATHERED = 1 << 23  # numbers
PLAIN = 50  # binary orders of magnitude, either way, within which squares keep well inside float32


@dataclass(frozen=True)
class SecondMoments:
    """What x, the layer's input in the changed network, has in common with itself and with x0, the original's.

    Attributes:
        mean, mean_before: E[x], E[x0] (groups, n). moment: E[x x^T] / unit^2 (groups, n, n).
        cross: E[x0 x^T] / unit^2 (groups, n, n); `moment` itself where nothing in front has changed.
        unit: a power of two; 1 unless the inputs' squares would leave float32.
    """

    mean: np.ndarray
    mean_before: np.ndarray
    moment: np.ndarray
    cross: np.ndarray
    unit: float = 1.0


class Sums:
    """Running sums over pairs of columns; products in float32 block by block, their sums in float64."""

    def __init__(self, blocks: int = 1, spread: Spread = map) -> None:
        """Into how many blocks the inputs are cut: what lies in different ones is taken as unrelated."""
        self._blocks, self._spread = blocks, spread
        self._mean: np.ndarray | float = 0.0
        self._mean_before: np.ndarray | float = 0.0
        self._moment = np.empty(0)
        self._cross: np.ndarray | None = None  # the moment's own sum until columns differ for the first time
        self._count = 0
        self._unit = 1.0

    def add(self, before: np.ndarray, now: np.ndarray) -> None:
        """Add columns (groups, positions, n) of the original and of the changed network, which may be one array."""
        same = before is now
        now = self._cut(now)
        before = now if same else self._cut(before)
        if not self._count:
            self._moment = np.zeros((len(now), now.shape[2], now.shape[2]))
            self._unit = _unit_of(before)
        if not same and self._cross is None:
            self._cross = self._moment.copy()
        self._count += now.shape[1]
        if self._unit != 1:
            before, now = (columns / np.float32(self._unit) for columns in (before, now))
        self._mean = self._mean + _sum(now) * self._unit
        self._mean_before = self._mean_before + _sum(before) * self._unit
        self._add_products(self._moment, now, now)
        if self._cross is not None:
            self._add_products(self._cross, before, now)

    def moments(self) -> SecondMoments:
        """Return the means over all that was added."""
        count = max(self._count, 1)
        self._moment /= count
        if self._cross is not None:
            self._cross /= count
        cross = self._moment if self._cross is None else self._cross
        means = (np.asarray(sums) / count for sums in (self._mean, self._mean_before))
        return SecondMoments(*means, self._moment, cross, self._unit)

    def _add_products(self, sums: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
        def add(rows: slice) -> None:
            with np.errstate(over="ignore", invalid="ignore"):  # whoever takes the form apart refuses what is infinite
                sums[:, rows] += a[:, :, rows].swapaxes(1, 2) @ b

        do(add, (slice(start, start + ROWS) for start in range(0, a.shape[2], ROWS)), self._spread)

    def _cut(self, columns: np.ndarray) -> np.ndarray:
        groups, positions, n = columns.shape
        size = n // self._blocks
        cut = columns.reshape(groups, positions, self._blocks, size).swapaxes(1, 2)
        return cut.reshape(groups * self._blocks, positions, size)


def second_moments(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]], *, blocks: int = 1, spread: Spread = map
) -> SecondMoments:
    """Return the moments of all pairs of columns (groups, positions, n), before and now."""
    sums = Sums(blocks, spread)
    for before, now in _gathered(pairs):
        sums.add(before, now)
    return sums.moments()


def _gathered(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the same columns in larger arrays: adding a product to large sums takes as long as a small product."""
    held: list[tuple[np.ndarray, np.ndarray]] = []
    for before, now in pairs:
        alike = not held or (before is now) == (held[0][0] is held[0][1])
        if held and not (alike and sum(columns.size for _, columns in held) + now.size <= GATHERED):
            yield _joined(held)
            held = []
        held.append((before, now))
    if held:
        yield _joined(held)


def _joined(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    if len(pairs) == 1:
        return pairs[0]
    before, now = zip(*pairs, strict=True)
    joined = np.concatenate(now, axis=1)
    return (joined if before[0] is now[0] else np.concatenate(before, axis=1)), joined


def block_count(n: int, most: int) -> int:
    """Return the least number of equal blocks of at most `most` inputs that n inputs can be cut into."""
    return next(count for count in range(-(-n // most), n + 1) if n % count == 0)


def _unit_of(columns: np.ndarray) -> float:
    """Return 1, or the power of two just below the largest of `columns` where squares would overflow or vanish.

    It is told by the original's first columns alone, so that a layer is measured in one unit however often it is.
    """
    largest = float(np.abs(columns).max(initial=0))
    order = int(np.frexp(largest)[1])
    return 2.0 ** (order - 1) if np.isfinite(largest) and largest and abs(order) > PLAIN else 1.0


def _sum(columns: np.ndarray) -> np.ndarray:
    ones = np.ones((1, columns.shape[1]), np.float32)  # a product is many times as fast as a sum along this axis
    return (ones @ columns)[:, 0].astype(np.float64)
