"""Resize and Upsample: cells of the output are cells of the input, or lie between two along each axis.

Places are worked out in float32, in the order of onnxruntime's operations: where a place lies just between two cells,
the last bit decides, and the formats were chosen by what onnxruntime computes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....numerics.formats import offset_bits
from ....numerics.rounding import to_integers
from ..program import Interpolate, Operator, Pick, Reshape
from .site import Site

ONE, HALF = np.float32(1), np.float32(0.5)
# Of a weight: 11 keep two axes of 8-bit integers in 32 bits, 15 are what wider integers can tell apart.
NARROW_BITS, NARROW_WEIGHT_BITS, WEIGHT_BITS = 9, 11, 15
RESIZE_WITH_MODES = 11  # the first opset whose Resize says where its cells lie


@dataclass(frozen=True)
class _Axis:
    """One axis: its extents before and behind, and the scale that the operator was given."""

    before: int
    behind: int
    scale: np.float32

    @property
    def places(self) -> np.ndarray:
        return np.arange(self.behind, dtype=np.float32)

    @property
    def changes(self) -> bool:
        return self.before != self.behind or self.scale != ONE


def lower_resize(site: Site) -> tuple[Operator, ...]:
    """Lower a nearest or linear Resize, or an Upsample, of any axes but the sample's."""
    mode = site.node.attributes.get_string("mode", "nearest")
    axes = [_Axis(*each) for each in zip(site.sole_input().shape, site.output.shape, _scales(site), strict=True)]
    places = [_places(site, axis) for axis in axes]
    if site.inputs[0].shape == site.output.shape:  # whatever the scales: so does onnxruntime
        return (Reshape(**site.wiring()),)
    if mode == "nearest":
        indices = [_nearest(site, axis, where) for axis, where in zip(axes, places, strict=True)]
        return (Pick(**site.wiring(), indices=tuple(indices)),)
    if mode != "linear" or site.node.attributes.get_int("antialias", 0):
        raise site.refusal(f"mode {mode}; nearest and linear without antialias are known")
    return (_interpolated(site, axes, places),)


def _scales(site: Site) -> list[np.float32]:
    """Return the scale of every axis but the sample's."""
    before, behind = site.inputs[0].shape, site.output.shape
    inputs = site.node.inputs
    if len(inputs) > 3 and inputs[3] is not None:  # sizes, which may be computed: the output has them
        if site.node.attributes.get_string("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise site.refusal("its sizes are limits alone; only those to stretch to are known")
        return [np.float32(new) / np.float32(old) for old, new in zip(before, behind, strict=True)]
    rank = len(before) + 1
    axes = [axis % rank for axis in site.node.attributes.get_ints("axes", range(rank))]
    position = 2 if len(inputs) > 2 else 1
    given = np.asarray(site.constant(position, site.node.attributes.get_floats("scales", ())), np.float32)
    if given.size != len(axes):
        raise site.refusal(f"{given.size} scales for {len(axes)} axes")
    scales = np.ones(rank, np.float32)
    scales[axes] = given
    if scales[0] != 1:
        raise site.refusal(f"it scales the number of samples by {scales[0]:g}")
    return list(scales[1:])


def _places(site: Site, axis: _Axis) -> np.ndarray:
    """Return where the cells of the output lie along one axis of the input, float32."""
    mode = site.node.attributes.get_string("coordinate_transformation_mode", _default_mode(site))
    if mode not in PLACES:
        raise site.refusal(f"coordinates {mode}; known are {', '.join(PLACES)}")
    return PLACES[mode](axis) if axis.changes else axis.places


def _default_mode(site: Site) -> str:
    return "half_pixel" if _has_modes(site) else "asymmetric"


def _has_modes(site: Site) -> bool:
    return site.node.op_type == "Resize" and site.opset >= RESIZE_WITH_MODES


def _nearest(site: Site, axis: _Axis, places: np.ndarray) -> np.ndarray:
    """Return the cell of the input for every cell of the output."""
    rule = site.node.attributes.get_string("nearest_mode", "round_prefer_floor")
    if not _has_modes(site):
        rule = "ceil" if axis.scale < 1 else "floor"
    return np.clip(NEAREST[rule](places), 0, axis.before - 1).astype(np.int32)


def _interpolated(site: Site, axes: list[_Axis], places: list[np.ndarray]) -> Interpolate:
    changed = [number for number, axis in enumerate(axes) if axis.changes]
    inside = [np.clip(places[number], 0, np.float32(axes[number].before - 1)) for number in changed]
    nearer = [np.floor(where).astype(np.int32) for where in inside]
    shares = [where.astype(np.float64) - cells for where, cells in zip(inside, nearer, strict=True)]
    bits = _weight_bits(shares, offset_bits(site.inputs[0].format))
    farther = [np.minimum(cells + 1, axes[number].before - 1) for number, cells in zip(changed, nearer, strict=True)]
    return Interpolate(
        **site.wiring(),
        axes=tuple(changed),
        nearer=tuple(nearer),
        farther=tuple(cells.astype(np.int32) for cells in farther),
        weights=tuple(to_integers(share * 2**bits).astype(np.int32) for share in shares),
        weight_bits=bits,
    )


def _weight_bits(shares: list[np.ndarray], width: int) -> int:
    """Return the fewest bits that hold all weights exactly, or as many as integers of this width deserve."""
    most = NARROW_WEIGHT_BITS if width <= NARROW_BITS else WEIGHT_BITS
    exact = (bits for bits in range(most) if all((share * 2**bits % 1 == 0).all() for share in shares))
    return next(exact, most)


def _half_pixel(axis: _Axis) -> np.ndarray:
    return (axis.places + HALF) / axis.scale - HALF


def _symmetric(axis: _Axis) -> np.ndarray:
    """Half pixels whose center stays where it is, though the output's extent was rounded."""
    center, around = np.float32(axis.before - 1) / 2, np.float32(axis.behind - 1) / 2
    return center + (axis.places - around) / axis.scale


def _corners(axis: _Axis) -> np.ndarray:
    return axis.places * np.float32(axis.before - 1) / np.float32(max(axis.behind - 1, 1))


PLACES: dict[str, Callable[[_Axis], np.ndarray]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": lambda axis: _half_pixel(axis) if axis.behind > 1 else axis.places,
    "align_corners": _corners,
    "asymmetric": lambda axis: axis.places / axis.scale,
    "tf_half_pixel_for_nn": lambda axis: (axis.places + HALF) / axis.scale,
}
NEAREST: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda places: np.ceil(places - HALF),
    "round_prefer_ceil": lambda places: np.floor(places + HALF),
    "floor": np.floor,
    "ceil": np.ceil,
}
