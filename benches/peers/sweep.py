"""NNCodec's best file under a limit on the loss, with one qp for the whole network, and every point on the way to it.

What was measured is kept in .peers/sweeps, one file for the arrays and the judge's name, so that a run goes on where
the last one ended, and another limit costs little. A judge that measures something else needs another name.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from peers import lossy
from peers.environment import HERE, STORE
from peers.lossy import Arrays

QPS = range(-60, 1)  # steps from 1/32000 to 1, times two for the trellis of dependent quantization
GRID = 4
REACH = 8

Judge = Callable[[Arrays], float]


@dataclass(frozen=True)
class Point:
    """One file: the qp of all weight tensors but those of `own`, its size, and what the judge says of it."""

    qp: int
    size_bytes: int
    loss: float
    own: dict[str, int] = field(default_factory=dict)


Measure = Callable[..., Point]  # measure(qp, qp_per_tensor=None)


def best_global(
    arrays: Arrays, judge: Judge, limit: float, *, name: str, qps: Iterable[int] = QPS, opt_qp: bool = False
) -> Point | None:
    """Return the smallest file of one qp whose loss is at most `limit`, or None; `name` tells judges apart.

    With `opt_qp` NNCodec varies that qp between tensors by a rule of its own, which looks at no data.
    """
    with measuring(arrays, judge, name=name, opt_qp=opt_qp) as measure:
        return best_of(measure, limit, qps)


def best_of(measure: Measure, limit: float, qps: Iterable[int] = QPS) -> Point | None:
    """Return the smallest file that keeps the limit: every fourth qp says roughly where, then all near are measured.

    The loss is not monotone in qp, so none within `REACH` is left out because a finer one failed.
    """
    ordered = sorted(qps, reverse=True)
    grid = (index for index in range(0, len(ordered), GRID) if measure(ordered[index]).loss <= limit)
    found = next(grid, len(ordered) - 1)
    points = map(measure, ordered[max(found - REACH, 0) : found + 1])
    return min((point for point in points if point.loss <= limit), key=lambda point: point.size_bytes, default=None)


def sweep(arrays: Arrays, judge: Judge, *, name: str, qps: Iterable[int] = QPS, opt_qp: bool = False) -> list[Point]:
    """Return a point for each of `qps`."""
    with measuring(arrays, judge, name=name, opt_qp=opt_qp) as measure:
        return [measure(qp) for qp in qps]


@contextmanager
def measuring(arrays: Arrays, judge: Judge, *, name: str, opt_qp: bool = False) -> Iterator[Measure]:
    """Yield `measure(qp, qp_per_tensor=None) -> Point`, which starts NNCodec only for what was never measured."""
    kept = STORE / "sweeps" / f"{digest(arrays, name)}{'_opt_qp' if opt_qp else ''}.json"
    points = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    with ExitStack() as stack:
        coder = cache(lambda: stack.enter_context(lossy.coder(arrays)))

        def measure(qp: int, qp_per_tensor: Mapping[str, int] | None = None) -> Point:
            own = dict(sorted((qp_per_tensor or {}).items()))
            key = json.dumps([qp, own])
            if key not in points:
                coded = coder()(qp, own or None, opt_qp=opt_qp)
                points[key] = coded.size_bytes, float(judge(coded.arrays))
                keep(kept, points)
            return Point(qp, *points[key], own)

        yield measure


def digest(arrays: Arrays, name: str) -> str:
    """Return what names a sweep: the arrays, the judge's name and the version of the peer."""
    state = hashlib.sha256((HERE / "requirements" / f"{lossy.PEER}.txt").read_bytes())
    state.update(json.dumps([name, [(key, values.shape) for key, values in arrays.items()]]).encode())
    for values in arrays.values():
        state.update(np.ascontiguousarray(values))
    return state.hexdigest()[:16]


def keep(path: Path, points: dict) -> None:
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(points, indent=0), encoding="utf-8")
    partial.rename(path)
