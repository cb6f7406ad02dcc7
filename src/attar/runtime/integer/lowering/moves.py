"""What moves integers and computes nothing: the output has the input's format."""

import numpy as np

from ....numerics.formats import quantize
from ..held import pad_value
from ..program import Operator, Pad, Pick, Reshape, Slice, Transpose
from .site import Site

WHOLE = 2**31 - 1  # where an exporter ends a slice that goes to the end, at least


def lower_reshape(site: Site) -> tuple[Operator, ...]:
    """Lower whatever keeps the numbers of a sample in their order."""
    site.sole_input()
    return (Reshape(**site.wiring()),)


def lower_dropout(site: Site) -> tuple[Operator, ...]:
    """Lower a Dropout out of training, which changes nothing."""
    if np.any(site.constant(2, False)):
        raise site.refusal("it is in training mode")
    return lower_reshape(site)


def lower_transpose(site: Site) -> tuple[Operator, ...]:
    """Lower a Transpose that leaves the sample's axis in front."""
    rank = len(site.sole_input().shape) + 1
    order = site.node.attributes.get_ints("perm", tuple(reversed(range(rank))))
    if order[0] != 0:
        raise site.refusal(f"it moves the sample's axis: {list(order)}")
    return (Transpose(**site.wiring(), axes=tuple(axis - 1 for axis in order[1:])),)


def lower_depth_to_space(site: Site) -> tuple[Operator, ...]:
    """Lower a DepthToSpace: the channels of a block become its cells."""
    channels, height, width = site.sole_input().shape
    side = site.node.attributes.get_int("blocksize")
    left = channels // side**2
    if site.node.attributes.get_string("mode", "DCR") == "DCR":
        return _turned(site, (side, side, left, height, width), (2, 3, 0, 4, 1))
    return _turned(site, (left, side, side, height, width), (0, 3, 1, 4, 2))


def lower_space_to_depth(site: Site) -> tuple[Operator, ...]:
    """Lower a SpaceToDepth: the cells of a block become channels."""
    channels, height, width = site.sole_input().shape
    side = site.node.attributes.get_int("blocksize")
    is_first = site.node.attributes.get_string("mode", "DCR") == "DCR"  # the block's cells, before the old channels
    axes = (2, 4, 0, 1, 3) if is_first else (0, 2, 4, 1, 3)
    return _turned(site, (channels, height // side, side, width // side, side), axes)


def _turned(site: Site, shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[Operator, ...]:
    """Return the operators that see the input as `shape`, turn its axes, and give the output its shape."""
    seen, turned = site.between("seen", shape), site.between("turned", tuple(shape[axis] for axis in axes))
    return (
        Reshape(inputs=(site.inputs[0].name,), output=seen.name),
        Transpose(inputs=(seen.name,), output=turned.name, axes=axes),
        Reshape(inputs=(turned.name,), output=site.output.name),
    )


def lower_pad(site: Site) -> tuple[Operator, ...]:
    """Lower a Pad with a constant, on axes that are not the sample's."""
    source, attributes = site.sole_input(), site.node.attributes
    mode = attributes.get_string("mode", "constant")
    if mode != "constant":
        raise site.refusal(f"mode {mode}; only constant is known")
    pads = _pads(site, len(source.shape) + 1)
    if any(pads[0]) or any(end < 0 for pad in pads for end in pad):
        raise site.refusal(f"pads {pads} of samples, or below zero")
    site.constant(2, 0.0)
    value = pad_value(site.step)
    if value is None or not np.isfinite(value):
        raise site.refusal(f"its value is {'no single number' if value is None else value}")
    return (Pad(**site.wiring(), pads=tuple(pads[1:]), value=int(quantize(np.float32(value), source.format))),)


def lower_slice(site: Site) -> tuple[Operator, ...]:
    """Lower a Slice of any axes but the sample's, forward or backward."""
    extents, attributes = site.sole_input().shape, site.node.attributes
    first = np.asarray(site.constant(1, attributes.get_ints("starts", ())))
    last = np.asarray(site.constant(2, attributes.get_ints("ends", ())))
    axes = np.asarray(site.constant(3, attributes.get_ints("axes", range(first.size)))) % (len(extents) + 1)
    strides = np.asarray(site.constant(4, np.ones(first.size, int)))
    starts, steps = [0] * len(extents), [1] * len(extents)
    for axis, *cut in zip(axes.tolist(), first.tolist(), last.tolist(), strides.tolist(), strict=True):
        if axis > 0:
            starts[axis - 1], _, steps[axis - 1] = slice(*cut).indices(extents[axis - 1])
        elif cut[0] != 0 or cut[2] != 1 or 0 <= cut[1] < WHOLE:
            raise site.refusal(f"it cuts the sample's axis: {cut[0]} to {cut[1]} in steps of {cut[2]}")
    return (Slice(**site.wiring(), starts=tuple(starts), steps=tuple(steps)),)


def lower_gather(site: Site) -> tuple[Operator, ...]:
    """Lower a Gather of constant places along an axis that is not the sample's."""
    source = site.sole_input()
    axis = site.node.attributes.get_int("axis", 0) % (len(source.shape) + 1) - 1
    if axis < 0:
        raise site.refusal("it looks up samples")
    places = np.asarray(site.constant(1, ()))
    indices = [np.arange(extent, dtype=np.int32) for extent in source.shape]
    indices[axis] = (places.reshape(-1) % source.shape[axis]).astype(np.int32)
    if places.ndim == 1:
        return (Pick(**site.wiring(), indices=tuple(indices)),)
    picked = site.between("picked", tuple(each.size for each in indices))
    flat = Reshape(inputs=(picked.name,), output=site.output.name)
    return Pick(**{**site.wiring(), "output": picked.name}, indices=tuple(indices)), flat


def _pads(site: Site, rank: int) -> list[tuple[int, int]]:
    """Return the border of every axis, the sample's first."""
    given = np.asarray(site.constant(1, site.node.attributes.get_ints("pads", ()))).astype(int)
    axes = np.asarray(site.constant(3, range(rank))).astype(int) % rank
    if given.size != 2 * axes.size:
        raise site.refusal("its pads are not constant")
    pads = [(0, 0)] * rank
    for axis, begin, end in zip(axes, given[: axes.size], given[axes.size :], strict=True):
        pads[axis] = (int(begin), int(end))
    return pads
