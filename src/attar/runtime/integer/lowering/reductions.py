"""Means, sums and maxima over any axes but the sample's: pools over a view in which those axes lie side by side."""

from math import prod

from ....graph.geometry import Geometry
from ..program import MaxPool, Operator, Reshape, Tensor, Transpose
from .pools import average, moved
from .site import Site

REDUCTIONS = ("ReduceMean", "ReduceSum", "ReduceMax", "GlobalAveragePool", "GlobalMaxPool")
GLOBAL = ("GlobalAveragePool", "GlobalMaxPool")  # over all axes behind the channels


def lower_reduction(site: Site) -> tuple[Operator, ...]:
    """Lower ReduceMean, ReduceSum (an average whose windows count for one cell), ReduceMax, and the global pools."""
    axes = _axes(site)
    before, view = _viewed(site, axes)
    kernel = _kernel(site, axes, view)
    left = (view.shape[0], *(extent // taps for extent, taps in zip(view.shape[1:], kernel, strict=True)))
    if site.output.shape == left:
        return *before, _pool(site, view, site.output, kernel)
    pooled = site.between("pooled", left)
    return *before, _pool(site, view, pooled, kernel), Reshape(inputs=(pooled.name,), output=site.output.name)


def _axes(site: Site) -> tuple[int, ...]:
    """Return the axes of a sample that are reduced, in rising order."""
    rank = len(site.sole_input().shape) + 1
    if site.node.op_type in GLOBAL:
        return tuple(range(1, rank - 1))
    given = site.constant(1, site.node.attributes.get_ints("axes", ()))
    axes = sorted(int(axis) % rank for axis in given)
    if not axes or axes[0] == 0:
        raise site.refusal("it joins samples: its axes are " + (str(axes) if axes else "not named"))
    return tuple(axis - 1 for axis in axes)


def _viewed(site: Site, axes: tuple[int, ...]) -> tuple[tuple[Operator, ...], Tensor]:
    """Return the input as (rows, cells) or (rows, cells, columns), or as it is where windows can cover the axes."""
    if _is_space(site.inputs[0], axes):
        return (), site.inputs[0]
    operators, source, axes = _side_by_side(site, axes)
    first, last = axes[0], axes[-1] + 1
    rows, cells, columns = map(prod, (source.shape[:first], source.shape[first:last], source.shape[last:]))
    shape = (rows, cells) if columns == 1 else (rows, cells, columns)
    if shape == source.shape:
        return operators, source
    viewed = site.between("viewed", shape, source.format)
    return (*operators, Reshape(inputs=(source.name,), output=viewed.name)), viewed


def _side_by_side(site: Site, axes: tuple[int, ...]) -> tuple[tuple[Operator, ...], Tensor, tuple[int, ...]]:
    """Return a tensor in which the axes follow each other, what makes it, and where they are in it."""
    source = site.inputs[0]
    if axes == tuple(range(axes[0], axes[-1] + 1)):
        return (), source, axes
    kept = tuple(axis for axis in range(len(source.shape)) if axis not in axes)
    order = kept + axes
    turned = site.between("turned", tuple(source.shape[axis] for axis in order), source.format)
    turning = Transpose(inputs=(source.name,), output=turned.name, axes=order)
    return (turning,), turned, tuple(range(len(kept), len(order)))


def _is_space(source: Tensor, axes: tuple[int, ...]) -> bool:
    return len(source.shape) in (2, 3) and axes == tuple(range(1, len(source.shape)))


def _kernel(site: Site, axes: tuple[int, ...], view: Tensor) -> tuple[int, ...]:
    if view is site.inputs[0] and _is_space(view, axes):
        return view.shape[1:]
    return (view.shape[1], *(1,) * (len(view.shape) - 2))


def _pool(site: Site, source: Tensor, output: Tensor, kernel: tuple[int, ...]) -> Operator:
    ones, kind = (1,) * len(kernel), site.node.op_type
    moves, pads = Geometry(kernel, ones, ones), ((0, 0),) * len(kernel)
    if kind in ("GlobalMaxPool", "ReduceMax"):
        return MaxPool(inputs=(source.name,), output=output.name, **moved(moves), pads=pads)
    counted = ones if kind == "ReduceSum" else kernel
    counts = tuple((count,) * extent for count, extent in zip(counted, output.shape[1:], strict=True))
    return average(site, source, output, moves, pads, counts)
