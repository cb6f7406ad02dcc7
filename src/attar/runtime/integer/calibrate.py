"""Choose the formats of all activations from samples, which go through the network batch by batch."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import onnx_ir as ir

from ...errors import DataError, RecipeError
from ...graph.expose import expose
from ...numerics.affine import affine
from ...numerics.fixed_point import best_fraction, covering_fraction, fixed_point, ristretto_fraction, squared_error
from ...numerics.formats import Format
from ..session import Session
from .held import Held, held_constants, too_far, widened
from .prepare import prepare
from .ranges import Batches, Histogram, Range, find_histograms, find_ranges
from .schemes import (
    Affine,
    DropSign,
    Extrapolated,
    FixedPoint,
    LeastSquares,
    Method,
    Percentile,
    Ristretto,
    Scheme,
    bits_of,
)
from .steps import observed, steps_of
from .unfit import find_sides, gaps, reasons, wrong_shapes

CLIPS = np.geomspace(1.0, 0.1, 24)  # of either end of the range: what an affine format of least squares tries


def calibrate(
    model: ir.Model,
    inputs: Mapping[str, np.ndarray],
    scheme: Scheme,
    *,
    method: Method = Percentile(),
    kept: Container[str] = (),
    threads: int = 0,
) -> dict[str, Format]:
    """Return the format of every tensor that needs one of its own, by name.

    Args:
        inputs: the samples, by input (samples, ...).
        method: which part of what was seen a format covers.
        kept: names of weights that `lower` will be given: a batch normalization behind them is not folded.
        threads: of onnxruntime, 0 for as many as there are cores.

    Raises:
        ModelError: the network cannot run, or its shapes are not known.
        DataError: the samples do not fit, or make values that are not finite.
        RecipeError: a width outside 2 to 16, or Ristretto's rule for affine formats, about which it says nothing.
    """
    _check(scheme, method)
    seen = observe(model, inputs, histograms=_needs_histograms(method), kept=kept, threads=threads)
    for name, reason in seen.unfit.items():
        raise DataError(f"tensor '{name}' {reason}")
    return seen.formats(scheme, method=method)


@dataclass(frozen=True)
class Observed:
    """What samples showed of all tensors that need a format, by name.

    Attributes:
        ranges: the least and the largest number. histograms: of the numbers; empty where nobody asked for them.
        held: constants that formats have to hold. unfit: why a tensor gets no format, by its name; it is in no other.
    """

    ranges: Mapping[str, Range]
    histograms: Mapping[str, Histogram]
    held: tuple[Held, ...] = ()
    unfit: Mapping[str, str] = field(default_factory=dict)

    def refused(self) -> dict[str, str]:
        """Return why steps cannot run in integers whose constants lie far from what flows, by the tensors they make."""
        return {name: str(each) for each in too_far(self.held, self.ranges) for name in each.made}

    def formats(self, scheme: Scheme, *, method: Method) -> dict[str, Format]:
        """Return the formats that a scheme and a method make of it; as `calibrate`."""
        _check(scheme, method)
        choose = _fixed if isinstance(scheme, FixedPoint) else _affine
        bits = {name: bits_of(scheme.activation_bits, name) for name in self.ranges}
        found = {
            name: choose(scheme, method, bits[name], seen, self.histograms.get(name))
            for name, seen in self.ranges.items()
        }
        for each in self.held:
            if each.root in found:
                found[each.root] = widened(found[each.root], [each.value], scheme)
        return found


def observe(
    model: ir.Model,
    inputs: Mapping[str, np.ndarray],
    *,
    histograms: bool = True,
    kept: Container[str] = (),
    threads: int = 0,
) -> Observed:
    """Look at the samples once, for formats of any scheme; arguments and errors as of `calibrate`."""
    prepared = prepare(model, {name: values.shape[1:] for name, values in inputs.items()}, kept=kept)
    return _observed(prepared, [prepared], inputs, histograms, threads)


def observe_parts(
    model: ir.Model,
    parts: Iterable[tuple[ir.Model, Mapping[str, tuple[int, ...]]]],
    inputs: Mapping[str, np.ndarray],
    *,
    kept: Container[str] = (),
    threads: int = 0,
) -> Observed:
    """Look at the samples once for all parts of a network (`parts.cut`), each with the shapes of its inputs."""
    prepared = [prepare(part, shapes, kept=kept) for part, shapes in parts]
    return _observed(model, prepared, inputs, True, threads)


def _observed(
    model: ir.Model, parts: Sequence[ir.Model], inputs: Mapping[str, np.ndarray], histograms: bool, threads: int
) -> Observed:
    steps = [steps_of(part) for part in parts]
    names = list(dict.fromkeys(chain.from_iterable(map(observed, parts, steps))))
    session, found, sides = Session(expose(model, names), threads=threads), {}, {}
    ranges, shapes = find_ranges(_seen(session, names, inputs))
    if histograms:
        finite = {name: seen for name, seen in ranges.items() if seen.is_finite}
        found = find_histograms(_seen(session, names, inputs), finite)
        middles = gaps(finite, found)
        sides = find_sides(_seen(session, names, inputs), middles) if middles else {}
    unfit = reasons(ranges, sides) | wrong_shapes(parts, shapes)
    ranges, found = ({name: each for name, each in of.items() if name not in unfit} for of in (ranges, found))
    return Observed(ranges, found, tuple(chain.from_iterable(map(held_constants, steps))), unfit)


def _check(scheme: Scheme, method: Method) -> None:
    if isinstance(scheme, Affine) and isinstance(method, Ristretto):
        raise RecipeError("Ristretto's rule is one for fixed point, not for affine formats")


def _needs_histograms(method: Method) -> bool:
    return isinstance(method, (Extrapolated, Percentile, LeastSquares))


def _seen(session: Session, names: list[str], inputs: Mapping[str, np.ndarray]) -> Batches:
    missing = [name for name in session.inputs if name not in inputs]
    if missing:
        raise DataError(f"the network needs input '{missing[0]}', which was not given: {', '.join(inputs)} were")
    wanted = {name: inputs[name] for name in session.inputs}
    return (dict(zip(names, outputs, strict=True)) for outputs in session.batches(wanted))


def _fixed(scheme: FixedPoint, method: Method, bits: int, seen: Range, histogram: Histogram | None) -> Format:
    signed = seen.low < 0 or not isinstance(scheme.non_negative, DropSign)
    covered = seen if isinstance(method, LeastSquares) else _covered(method, seen, histogram)
    rule: Callable[..., int] = ristretto_fraction if isinstance(method, Ristretto) else covering_fraction
    fraction = rule(covered.largest, bits=bits, signed=signed)
    if isinstance(method, LeastSquares):
        fraction = best_fraction(histogram.points, fraction, bits=bits, signed=signed, weights=histogram.counts)
    return fixed_point(bits, fraction, signed=signed)


def _affine(scheme: Affine, method: Method, bits: int, seen: Range, histogram: Histogram | None) -> Format:
    if not isinstance(method, LeastSquares):
        covered = _covered(method, seen, histogram)
        return affine(covered.low, covered.high, bits=bits)
    low = [seen.low * clip for clip in CLIPS] if seen.low < 0 else [seen.low]
    high = [seen.high * clip for clip in CLIPS] if seen.high > 0 else [seen.high]
    return _least_squares(low, high, bits, histogram)


def _covered(method: Method, seen: Range, histogram: Histogram | None) -> Range:
    """Return what a format shall cover of what was seen, or beyond it."""
    if isinstance(method, Percentile):
        return histogram.within(method.percent)
    return seen.times(method.room(int(histogram.counts.sum()))) if isinstance(method, Extrapolated) else seen


def _least_squares(low: list[float], high: list[float], bits: int, histogram: Histogram) -> Format:
    """Return the format of least squared error: the greater end settled first, then the other, then the first again."""
    ends = [low[0], high[0]]
    for position, candidates in ((1, high), (0, low), (1, high)):
        tried = [[*ends[:position], end, *ends[position + 1 :]] for end in candidates]
        ends = min(tried, key=lambda pair: squared_error(histogram.points, affine(*pair, bits=bits), histogram.counts))
    return affine(*ends, bits=bits)
