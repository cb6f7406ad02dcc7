"""NNCodec's best file under a limit on the loss, with a qp of its own for every weight tensor, found by greedy search.

A descent makes, again and again, that tensor coarser which saves the most bytes for the loss it adds, as long as the
limit is kept. It starts from the best global qp and from finer ones, where loss is left to be spent. The smallest
result is then improved by exchange: one tensor is made finer and the others descend again, until no exchange helps or
enough were tried. Biases and norms move together, as one tensor, from a qp that loses nothing. All of it is judged on
the data that the result is judged on, in the peer's favor.
"""

from collections.abc import Iterable
from itertools import cycle, islice, product

from peers.lossy import Arrays
from peers.sweep import QPS, Judge, Measure, Point, best_of, measuring

DEPTHS = (0, 3, 6)  # finer than the best global qp
STEPS = (2, 1)
EXCHANGED = (4, 2)
MAX_EXCHANGES = 32
NONWEIGHT_QP = -40  # where biases and norms begin: steps of 1/1000; NNCodec's own -75 makes them 1/400000
FLAT = 0.02  # of the limit: losses that differ by less are told apart by their bytes

Group = tuple[str, ...]  # the names of tensors that share a qp


def best_per_tensor(arrays: Arrays, judge: Judge, limit: float, *, name: str, qps: Iterable[int] = QPS) -> Point | None:
    """Return the smallest file found whose loss is at most `limit`, or None where no global qp keeps it.

    `name` is that of `best_global`, whose measurements are shared.
    """
    with measuring(arrays, judge, name=name) as measure:
        best = best_of(measure, limit, qps)
        if best is None:
            return None
        groups = groups_of(arrays)
        starts = (written_out(measure, arrays, best.qp - depth) for depth in DEPTHS)
        reached = [descend(measure, start, limit, groups) for start in starts]
        best = min((point for point in [best, *reached] if point.loss <= limit), key=lambda point: point.size_bytes)
        return exchange(measure, best, limit, groups) if best.own else best


def groups_of(arrays: Arrays) -> list[Group]:
    """Return every weight tensor alone, and all others together."""
    others = tuple(name for name, values in arrays.items() if values.ndim < 2)
    return [*((name,) for name in arrays if name not in others), others]


def written_out(measure: Measure, arrays: Arrays, qp: int) -> Point:
    """Return the point of one qp with every tensor in `own`."""
    return measure(0, {name: NONWEIGHT_QP if values.ndim < 2 else qp for name, values in arrays.items()})


def descend(measure: Measure, point: Point, limit: float, groups: list[Group]) -> Point:
    """Return where the greedy steps of these groups end."""
    for step in STEPS:
        while better := best_step(measure, point, limit, groups, step):
            point = better
    return point


def best_step(measure: Measure, point: Point, limit: float, groups: list[Group], step: int) -> Point | None:
    """Return the step that saves most for what it loses, of those that save bytes and keep the limit."""
    steps = (moved(measure, point, group, step) for group in groups)
    allowed = [step for step in steps if step.loss <= limit and step.size_bytes < point.size_bytes]
    return max(allowed, key=lambda step: worth(point, step, limit), default=None)


def worth(before: Point, after: Point, limit: float) -> float:
    """Return bytes saved per point lost."""
    return (before.size_bytes - after.size_bytes) / (max(after.loss - before.loss, 0) + FLAT * limit)


def exchange(measure: Measure, best: Point, limit: float, groups: list[Group]) -> Point:
    """Return the point after which no exchange helped, or `MAX_EXCHANGES` were tried."""
    moves, failed = list(product(groups, EXCHANGED)), 0
    for group, step in islice(cycle(moves), MAX_EXCHANGES):
        others = [other for other in groups if other != group]
        point = descend(measure, moved(measure, best, group, -step), limit, others)
        is_better = point.loss <= limit and point.size_bytes < best.size_bytes
        best, failed = (point, 0) if is_better else (best, failed + 1)
        if failed == len(moves):
            break
    return best


def moved(measure: Measure, point: Point, group: Group, step: int) -> Point:
    return measure(point.qp, {**point.own, **{name: point.own[name] + step for name in group}})
