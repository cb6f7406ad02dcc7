"""Tensors that no format is fit for: not finite, of another shape than was inferred, or in two groups far apart.

Attention masks are of this kind: -10,000 or the least float32 where a number shall not count, added to scores of a few
units. Eight bits over all of it would round every score to the same integer.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import numpy as np
import onnx_ir as ir

from .ranges import Batches, Histogram, Range

EMPTY = 0.95  # share of a range without a single number, beyond which its two sides are looked at
FEWEST = 0.01  # share of the numbers on either side: fewer are outliers, which a percentile leaves out
WIDE = 1e-4  # of its own magnitude: a side that is narrower is one number, and what little it varies by is noise

Sides = tuple[Range, Range]


def gaps(ranges: Mapping[str, Range], histograms: Mapping[str, Histogram]) -> dict[str, float]:
    """Return a number in the middle of the gap of every tensor that lies in two groups far apart."""
    found = {name: _gap(ranges[name], histogram) for name, histogram in histograms.items()}
    return {name: middle for name, middle in found.items() if middle is not None}


def find_sides(batches: Batches, middles: Mapping[str, float]) -> dict[str, Sides]:
    """Return the ends of what lies below and above a number, by tensor."""
    found: dict[str, Sides] = {}
    for batch in batches:
        for name, middle in middles.items():
            for sides in _sides(batch[name], middle):
                found[name] = tuple(map(Range.joined, sides, found.get(name, sides)))
    return found


def reasons(ranges: Mapping[str, Range], sides: Mapping[str, Sides]) -> dict[str, str]:
    """Return why no format is fit for a tensor, by its name."""
    infinite = {name: seen for name, seen in ranges.items() if not seen.is_finite}
    found = {name: f"takes values that are not finite: {seen.low}..{seen.high}" for name, seen in infinite.items()}
    for name, (below, above) in sides.items():
        if max(map(_width, (below, above))) > WIDE:
            words = f"takes values {below.low:g}..{below.high:g} and {above.low:g}..{above.high:g}"
            found[name] = f"{words}, too far apart for one format"
    return found


def wrong_shapes(parts: Iterable[ir.Model], seen: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return why tensors of prepared networks, whose shapes are inferred, are none of theirs on samples, by name."""
    values = [
        value
        for part in parts
        for value in (*part.graph.inputs, *chain.from_iterable(node.outputs for node in part.graph))
    ]
    known = {value.name: tuple(value.shape[1:]) for value in values if value.shape}
    wrong = [name for name, shape in seen.items() if known.get(name, shape) != shape]
    return {name: f"has shape {seen[name]} in a sample, {known[name]} was inferred" for name in wrong}


def _gap(seen: Range, histogram: Histogram) -> float | None:
    steps = np.diff(histogram.points)
    if not steps.size or not steps.max() > EMPTY * seen.span:
        return None
    place = int(steps.argmax())
    share = histogram.counts[: place + 1].sum() / histogram.counts.sum()
    return float(histogram.points[place] + steps[place] / 2) if FEWEST <= share <= 1 - FEWEST else None


def _sides(values: np.ndarray, middle: float) -> Iterator[Sides]:
    """Yield the ends on either side; nothing where all numbers are on one."""
    is_below = values < middle
    if is_below.any() and not is_below.all():
        below, above = values[is_below], values[~is_below]
        yield Range(float(below.min()), float(below.max())), Range(float(above.min()), float(above.max()))


def _width(side: Range) -> float:
    return (side.high - side.low) / max(abs(side.low), abs(side.high), np.finfo(np.float64).tiny)
