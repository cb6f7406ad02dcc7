"""Pools and means over space."""

from itertools import product
from math import prod

from ....graph.geometry import Geometry, geometry
from ....numerics.accumulators import accumulator_bits
from ....numerics.formats import offset_bits
from ..program import AveragePool, MaxPool, Operator, Reshape, Tensor
from ..steps import numbers
from .site import Site, checked_width, each_rescale


def lower_max_pool(site: Site) -> tuple[Operator, ...]:
    """Lower a MaxPool over one or two spatial axes."""
    moves = _geometry(site)
    if any(0 in _counts(site, moves, axis, border=False) for axis in range(len(moves.kernel))):
        raise site.refusal("a window lies outside of the input")
    return (MaxPool(**site.wiring(), **_moves(moves), pads=_pads(site, moves)),)


def lower_average_pool(site: Site) -> tuple[Operator, ...]:
    """Lower an AveragePool; the border counts as its attribute says."""
    moves = _geometry(site)
    border = bool(site.node.attributes.get_int("count_include_pad", 0))
    counts = tuple(_counts(site, moves, axis, border=border) for axis in range(len(moves.kernel)))
    return (_average(site, site.output, moves, _pads(site, moves), counts),)


def lower_global_average(site: Site) -> tuple[Operator, ...]:
    """Lower a mean over all of space, with or without the axes that it leaves at 1."""
    source, extents = site.sole_input(), site.spatial()
    ones = (1,) * len(extents)
    moves, counts = Geometry(extents, ones, ones), tuple((extent,) for extent in extents)
    kept = (source.shape[0], *ones)
    if site.output.shape == kept:
        return (_average(site, site.output, moves, ((0, 0),) * len(ones), counts),)
    pooled = site.between("pooled", kept)
    flat = Reshape(inputs=(pooled.name,), output=site.output.name)
    return _average(site, pooled, moves, ((0, 0),) * len(ones), counts), flat


def lower_reduce_mean(site: Site) -> tuple[Operator, ...]:
    """Lower a ReduceMean over all spatial axes."""
    rank = len(site.sole_input().shape) + 1
    given = numbers(site.node.inputs[1]) if len(site.node.inputs) > 1 else site.node.attributes.get_ints("axes", None)
    axes = None if given is None else sorted(int(axis) % rank for axis in given)
    if axes != list(range(2, rank)):
        raise site.refusal(f"a mean over axes {axes}; only one over all axes behind the channels is known")
    return lower_global_average(site)


def _geometry(site: Site) -> Geometry:
    axes = len(site.spatial())
    kernel = tuple(site.node.attributes.get_ints("kernel_shape"))
    if len(kernel) != axes:
        raise site.refusal(f"a kernel {kernel} over {axes} axes")
    if len(site.node.outputs) > 1 and site.node.outputs[1].uses():
        raise site.refusal("somebody reads the places of its largest values")
    return geometry(site.node, kernel)


def _moves(moves: Geometry) -> dict[str, object]:
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


def _average(site: Site, output: Tensor, moves: Geometry, pads: tuple, counts: tuple) -> AveragePool:
    source = site.sole_input()
    divisors = sorted({prod(each) for each in product(*map(set, counts))})
    if divisors[0] == 0:
        raise site.refusal("a window lies outside of the input")
    bits = checked_width(site, accumulator_bits(offset_bits(source.format), 1, prod(moves.kernel)))
    ratio = source.format.exact_scale / output.format.exact_scale
    entries = each_rescale([ratio / divisor for divisor in divisors], bits)
    fields = {**site.clamped(), **_moves(moves), "output": output.name, "accumulator_bits": bits, "rescale": entries}
    return AveragePool(**fields, pads=pads, counts=counts, divisors=tuple(divisors))
