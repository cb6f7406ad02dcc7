"""Find the slope at which the budget is used up: a whole network is made, coded and judged at every slope tried."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..passes.pipeline import Notes
from .judge import Figures
from .search import OutOfTime

FARTHEST = 8.0  # factor from one slope to the next while the budget is on one side only
NEAR = 1.03  # factor between two slopes with the limit between them that is near enough
JUMP = 1.05  # factor between the sizes of two neighbors: something else than the slope has changed
LEAST_LOAD = 1e-3
LOAD_POWER, SIZE_POWER = 0.9, -0.45  # how load and size go with the slope, until two points tell


@dataclass(frozen=True)
class Point:
    """A finished network at one slope.

    Attributes:
        slope: damage that one bit is worth. data: the file's bytes. notes: what became of its layers.
        damage, load, figures: as `Judge` measured them on the search's samples; no figures without samples.
    """

    slope: float
    data: bytes
    notes: Notes
    damage: float
    load: float
    figures: Figures | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.data)


class Descent:
    """A search along the slope: to the fewest bytes within load 1, or to the least damage within `target_bytes`."""

    def __init__(self, make: Callable[[float], Point], *, target_bytes: int | None, deadline: float | None) -> None:
        self._make = make
        self._target = target_bytes
        self._deadline = deadline
        self.points: list[Point] = []
        self.stopped: str | None = None

    def run(self, start: float, *, passes: int) -> None:
        """Try at most `passes` slopes, `start` first; an interrupt or the deadline ends it with what there is."""
        self._try(start, passes)

    def follow(self, point: Point, make: Callable[[float], Point], *, passes: int) -> None:
        """Go on from one point alone, with another way to make a network at a slope; keep what comes of it too."""
        branch = Descent(make, target_bytes=self._target, deadline=self._deadline)
        branch.points.append(point)
        branch._try(branch._next(), passes + 1)
        self.points += branch.points[1:]
        self.stopped = branch.stopped

    @property
    def jump(self) -> tuple[Point, ...]:
        """The two points with the limit between them, the nearer first, where slopes hardly differ and sizes do."""
        gentle, steep = self._around()
        if gentle is None or steep is None or steep.slope > gentle.slope * NEAR:
            return ()
        if gentle.size_bytes <= JUMP * steep.size_bytes:
            return ()
        return tuple(sorted((gentle, steep), key=lambda point: abs(self._excess(point))))

    def _try(self, slope: float | None, passes: int) -> None:
        try:
            while slope is not None and len(self.points) < passes:
                self._check_time()
                self.points.append(self._make(slope))
                slope = self._next()
        except KeyboardInterrupt:
            self.stopped = "it was interrupted"
        except OutOfTime:
            self.stopped = "the time limit was reached"

    @property
    def best(self) -> Point | None:
        """The point that serves the budget best: within it where there is one."""
        return min(self.points, key=self._rank, default=None)

    def _rank(self, point: Point) -> tuple[bool, float]:
        kept = self._excess(point) <= 0
        if self._target is not None:
            return (not kept, point.damage if kept else point.size_bytes)
        return (not kept, point.size_bytes if kept else point.load)

    def _excess(self, point: Point) -> float:
        """How far the point is beyond the budget, as a logarithm: positive beyond, negative within."""
        if self._target is not None:
            return math.log(point.size_bytes / self._target)
        return math.log(min(max(point.load, LEAST_LOAD), 1 / LEAST_LOAD))

    def _next(self) -> float | None:
        """Return the slope to try next; None where the limit is known well enough."""
        power = LOAD_POWER if self._target is None else SIZE_POWER
        gentle, steep = self._around()
        if gentle is None or steep is None:
            last = gentle or steep
            factor = math.exp(-self._excess(last) / power) * (1.1 if gentle else 1 / 1.1)
            return last.slope * min(max(factor, 1 / FARTHEST), FARTHEST)
        if steep.slope <= gentle.slope * NEAR:
            return None
        low, high = math.log(gentle.slope), math.log(steep.slope)
        a, b = abs(self._excess(gentle)), abs(self._excess(steep))
        share = min(max(a / max(a + b, 1e-9), 0.15), 0.85)
        return math.exp(low + share * (high - low))

    def _around(self) -> tuple[Point | None, Point | None]:
        """Return the neighbors of the limit: the point of the largest gentle slope, and of the smallest steep one."""
        is_steep = (lambda p: self._excess(p) > 0) if self._target is None else (lambda p: self._excess(p) <= 0)
        steep = min((p for p in self.points if is_steep(p)), key=lambda p: p.slope, default=None)
        limit = math.inf if steep is None else steep.slope
        gentle = [p for p in self.points if not is_steep(p) and p.slope < limit]
        return max(gentle, key=lambda p: p.slope, default=None), steep

    def _check_time(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise OutOfTime
