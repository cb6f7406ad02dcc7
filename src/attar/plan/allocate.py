"""Choose one option for every layer so that bytes + slope x damage is least, for every slope at once.

On the lower convex hull of each layer's (bytes, damage) points, equal slopes everywhere are optimal (Shoham & Gersho
1988): sorting all hull edges by slope and taking them one by one walks along the whole curve.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One way to store a layer: what it costs, and what it does to the network's output."""

    size_bytes: int
    damage: float


def lower_hull(options: Sequence[Option]) -> list[int]:
    """Return the indices of the options on the lower convex hull, from most bytes to fewest; damage only rises."""
    hull: list[int] = []
    for i in pareto(options):
        while len(hull) >= 2 and not _convex(options, hull[-2], hull[-1], i):
            hull.pop()
        hull.append(i)
    return hull


def trade_off(layers: Sequence[Sequence[Option]]) -> list[tuple[int, ...]]:
    """Return choices (one option index for every layer) along the whole curve, from most bytes to fewest.

    The first spends most; every next one moves one layer one step down its hull, the cheapest damage per byte first.
    """
    hulls = [lower_hull(options) for options in layers]
    edges = sorted(
        (_slope(options, hull[k], hull[k + 1]), layer, k)
        for layer, (options, hull) in enumerate(zip(layers, hulls, strict=True))
        for k in range(len(hull) - 1)
    )
    choice = [hull[0] for hull in hulls]
    curve = [tuple(choice)]
    for _, layer, k in edges:
        choice[layer] = hulls[layer][k + 1]
        curve.append(tuple(choice))
    return curve


def pareto(options: Sequence[Option]) -> list[int]:
    """Return, from most bytes to fewest, the options of known damage that no other beats in both bytes and damage."""
    kept: list[int] = []
    known = [i for i, option in enumerate(options) if not math.isnan(option.damage)]
    for i in sorted(known, key=lambda i: (options[i].size_bytes, options[i].damage, i)):
        if not kept or options[i].damage < options[kept[-1]].damage:  # more bytes must buy less damage
            kept.append(i)
    return kept[::-1]


def _slope(options: Sequence[Option], a: int, b: int) -> float:
    """Damage gained per byte saved when going from option `a` to the smaller option `b`."""
    saved = options[a].size_bytes - options[b].size_bytes
    return (options[b].damage - options[a].damage) / saved


def _convex(options: Sequence[Option], a: int, b: int, c: int) -> bool:
    return _slope(options, a, b) < _slope(options, b, c)
