"""Pools: windows that move over one or two spatial axes."""

from itertools import product
from math import prod

from ....graph.geometry import Geometry, geometry
from ....numerics.accumulators import accumulator_bits
from ....numerics.formats import offset_bits
from ..program import AveragePool, MaxPool, Operator, Tensor
from .site import Site, checked_width, each_rescale


def lower_max_pool(site: Site) -> tuple[Operator, ...]:
    """Lower a MaxPool over one or two spatial axes."""
    moves = _geometry(site)
    if any(0 in _counts(site, moves, axis, border=False) for axis in range(len(moves.kernel))):
        raise site.refusal("a window lies outside of the input")
    return (MaxPool(**site.wiring(), **moved(moves), pads=_pads(site, moves)),)


def lower_average_pool(site: Site) -> tuple[Operator, ...]:
    """Lower an AveragePool; the border counts as its attribute says."""
    moves = _geometry(site)
    border = bool(site.node.attributes.get_int("count_include_pad", 0))
    counts = tuple(_counts(site, moves, axis, border=border) for axis in range(len(moves.kernel)))
    return (average(site, site.inputs[0], site.output, moves, _pads(site, moves), counts),)


def _geometry(site: Site) -> Geometry:
    axes = len(site.spatial())
    kernel = tuple(site.node.attributes.get_ints("kernel_shape"))
    if len(kernel) != axes:
        raise site.refusal(f"a kernel {kernel} over {axes} axes")
    if len(site.node.outputs) > 1 and site.node.outputs[1].uses():
        raise site.refusal("somebody reads the places of its largest values")
    return geometry(site.node, kernel)


def moved(moves: Geometry) -> dict[str, object]:
    """Return the fields that say how windows move."""
    return {"kernel": moves.kernel, "strides": moves.strides, "dilations": moves.dilations}


def _pads(site: Site, moves: Geometry) -> tuple[tuple[int, int], ...]:
    """Return the borders that the output's extents imply: an output rounded up reaches further, or leaves less over."""
    pads = []
    for axis, extent in enumerate(site.spatial()):
        begin = moves.begin(axis, extent)
        windows = (site.output.shape[1 + axis] - 1) * moves.strides[axis] + _span(moves, axis)
        pads.append((begin, windows - extent - begin))
    return tuple(pads)


def _span(moves: Geometry, axis: int) -> int:
    return (moves.kernel[axis] - 1) * moves.dilations[axis] + 1


def _counts(site: Site, moves: Geometry, axis: int, *, border: bool) -> tuple[int, ...]:
    """Return how many cells every output position counts: those of the input, or with the border that was asked for."""
    extent = site.spatial()[axis]
    begin, floor = moves.begin(axis, extent), moves.output(axis, extent)
    end = moves.pads[axis][1] if moves.pads else (floor - 1) * moves.strides[axis] + _span(moves, axis) - extent - begin
    first, last = (-begin, extent + max(end, 0)) if border else (0, extent)
    starts = (position * moves.strides[axis] - begin for position in range(site.output.shape[1 + axis]))
    taps = range(0, _span(moves, axis), moves.dilations[axis])
    return tuple(sum(first <= start + tap < last for tap in taps) for start in starts)


def average(site: Site, source: Tensor, output: Tensor, moves: Geometry, pads: tuple, counts: tuple) -> AveragePool:
    """Return the operator that averages `source` into `output`; `counts` as of AveragePool."""
    divisors = sorted({prod(each) for each in product(*map(set, counts))})
    if divisors[0] == 0:
        raise site.refusal("a window lies outside of the input")
    bits = checked_width(site, accumulator_bits(offset_bits(source.format), 1, prod(moves.kernel)))
    ratio = source.format.exact_scale / output.format.exact_scale
    entries = each_rescale([ratio / divisor for divisor in divisors], bits)
    wiring = {"inputs": (source.name,), "output": output.name}
    fields = {**site.clamped(), **wiring, **moved(moves), "accumulator_bits": bits, "rescale": entries}
    return AveragePool(**fields, pads=pads, counts=counts, divisors=tuple(divisors))
