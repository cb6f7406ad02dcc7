"""What moves integers and computes nothing: the output has the input's format."""

import numpy as np

from ....numerics.formats import quantize
from ..program import Operator, Pad, Reshape, Transpose
from ..steps import numbers
from .site import Site


def lower_reshape(site: Site) -> tuple[Operator, ...]:
    """Lower whatever keeps the numbers of a sample in their order."""
    site.sole_input()
    return (Reshape(**site.wiring()),)


def lower_transpose(site: Site) -> tuple[Operator, ...]:
    """Lower a Transpose that leaves the sample's axis in front."""
    rank = len(site.sole_input().shape) + 1
    order = site.node.attributes.get_ints("perm", tuple(reversed(range(rank))))
    if order[0] != 0:
        raise site.refusal(f"it moves the sample's axis: {list(order)}")
    return (Transpose(**site.wiring(), axes=tuple(axis - 1 for axis in order[1:])),)


def lower_pad(site: Site) -> tuple[Operator, ...]:
    """Lower a Pad with a constant, on axes that are not the sample's."""
    source, attributes = site.sole_input(), site.node.attributes
    mode = attributes.get_string("mode", "constant")
    if mode != "constant":
        raise site.refusal(f"mode {mode}; only constant is known")
    pads = _pads(site, len(source.shape) + 1)
    if any(pads[0]) or any(end < 0 for pad in pads for end in pad):
        raise site.refusal(f"pads {pads} of samples, or below zero")
    value = np.float32(_operand(site, 2, attributes.get_float("value", 0.0)))
    return (Pad(**site.wiring(), pads=tuple(pads[1:]), value=int(quantize(value, source.format))),)


def _pads(site: Site, rank: int) -> list[tuple[int, int]]:
    """Return the border of every axis, the sample's first."""
    given = np.asarray(_operand(site, 1, site.node.attributes.get_ints("pads", ()))).astype(int)
    axes = np.asarray(_operand(site, 3, range(rank))).astype(int) % rank
    if given.size != 2 * axes.size:
        raise site.refusal("its pads are not constant")
    pads = [(0, 0)] * rank
    for axis, begin, end in zip(axes, given[: axes.size], given[axes.size :], strict=True):
        pads[axis] = (int(begin), int(end))
    return pads


def _operand(site: Site, position: int, default: object) -> object:
    """Return an optional constant input, or what an attribute of older operators says."""
    if len(site.node.inputs) <= position or site.node.inputs[position] is None:
        return default
    values = numbers(site.node.inputs[position])
    if values is None:
        raise site.refusal(f"its input {position} is not constant")
    return values.reshape(()) if values.size == 1 and position == 2 else values
