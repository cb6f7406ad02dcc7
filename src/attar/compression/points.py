"""The finished points of a run: the curve that a report shows, numbered by size, and the one that a user picks."""

import re
from collections.abc import Sequence
from dataclasses import asdict

from ..errors import BudgetError
from ..report.document import CurvePoint
from .budget import Budget, parse_size
from .descent import Point

MAX_DIGITS = 9


def by_size(points: Sequence[Point]) -> list[Point]:
    """Return the points in the order of their numbers: the smallest file is number 1."""
    return sorted(points, key=lambda point: (point.size_bytes, -point.slope))


def curve(points: Sequence[Point], chosen: Point, budget: Budget) -> tuple[CurvePoint, ...]:
    """Return the points for the report; damage and figures only where samples gave any."""
    return tuple(
        CurvePoint(
            number,
            point.size_bytes,
            point.slope,
            None if point.figures is None else point.damage,
            **{} if point.figures is None else asdict(point.figures),
            within_budget=_is_within(point, budget),
            chosen=point is chosen,
        )
        for number, point in enumerate(by_size(points), 1)
    )


def _is_within(point: Point, budget: Budget) -> bool:
    return point.load <= 1 and (budget.target_size is None or point.size_bytes <= budget.target_size)


def pick(points: Sequence[Point], wanted: int | str) -> Point:
    """Return the point with the number `wanted`, or the largest one of at most that size ("48kB").

    Raises:
        BudgetError: there is no such point, or `wanted` is neither.
    """
    ordered = by_size(points)
    sizes = f"{ordered[0].size_bytes:,} to {ordered[-1].size_bytes:,} bytes"
    if is_number(wanted):
        if not 1 <= int(wanted) <= len(ordered):
            raise BudgetError(f"pick {wanted}: there is no such point; the run has 1 to {len(ordered)}, of {sizes}")
        return ordered[int(wanted) - 1]
    limit = parse_size(wanted, name="pick")
    fitting = [point for point in ordered if point.size_bytes <= limit]
    if not fitting:
        raise BudgetError(f"pick {wanted}: no point is that small; the run has {len(ordered)}, of {sizes}")
    largest = max(point.size_bytes for point in fitting)
    return min((point for point in fitting if point.size_bytes == largest), key=lambda point: point.damage)


def is_number(wanted: int | str) -> bool:
    """Whether `wanted` is a point's number; a size has a unit.

    Raises:
        BudgetError: it is neither.
    """
    if isinstance(wanted, bool) or not isinstance(wanted, (int, str)):
        raise BudgetError(f"pick {wanted!r} is neither a point's number nor a size such as '48kB'")
    text = str(wanted).strip()
    if re.fullmatch(rf"-?[0-9]{{1,{MAX_DIGITS}}}", text):
        return True
    parse_size(text, name="pick")
    return False
