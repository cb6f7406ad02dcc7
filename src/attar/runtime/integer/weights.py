"""Weights and biases of a step as integers: taken as they are where they lie on a grid, quantized here otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...errors import ModelError
from ...numerics.accumulators import INT32, accumulator_bits, signed_bits, storage_bits
from ...numerics.affine import symmetric_integers, symmetric_scales
from ...numerics.fixed_point import FARTHEST, best_fraction, covering_fraction, fixed_point
from ...numerics.formats import FEWEST_BITS, MOST_BITS, Format, offset_bits, quantize
from ...numerics.rounding import to_integers
from .schemes import FixedPoint, Scheme, bits_of

Given = Mapping[str, tuple[np.ndarray, np.ndarray | float]]
# Of the largest bias where we choose the scales, by the accumulator's storage, in which one bit more is left for it.
BIAS_BITS = {INT32: 29, 64: 37}


@dataclass(frozen=True, eq=False)
class Grid:
    """Integers (outputs, ...) and the float32 scale of each output channel (outputs,)."""

    integers: np.ndarray
    scales: np.ndarray
    bits: int


def grid_of(name: str, rows: np.ndarray, bias: np.ndarray, source: Format, scheme: Scheme) -> Grid:
    """Return the weights `rows` (outputs, ...) on the grid that the scheme gives to the layer `name`.

    Fixed point: the fraction length of least squared error. Affine: each channel's largest magnitude on the outermost
    integer, or a scale above that where the bias (outputs,) would otherwise be what the accumulator's width is for.
    """
    bits, flat = bits_of(scheme.weight_bits, name), rows.reshape(len(rows), -1)
    if isinstance(scheme, FixedPoint):
        first = covering_fraction(float(np.abs(flat).max(initial=0)), bits=bits)
        form = fixed_point(bits, best_fraction(flat, first, bits=bits))
        return Grid(quantize(rows, form), np.full(len(rows), form.scale, np.float32), bits)
    width = storage_bits(accumulator_bits(offset_bits(source), bits, flat.shape[1]))
    scales = np.maximum(symmetric_scales(flat, bits=bits), bias_floor(bias, source, width).astype(np.float32))
    scales = np.where(scales > 0, scales, np.float32(1))  # a channel of zeros
    return Grid(symmetric_integers(flat, scales, bits=bits).reshape(rows.shape), scales, bits)


def given_grid(name: str, given: Given, shape: tuple[int, ...], *, axis: int, groups: int = 1) -> Grid:
    """Return the integers and steps that the caller gave for layer `name`, its channels moved from `axis` to the front.

    Of a ConvTranspose in groups, `axis` has the channels of one group; steps are those of all, or the same in each.

    Raises:
        ModelError: they have another shape, are no integers, or need more than 16 bits.
    """
    integers, steps = np.asarray(given[name][0]), np.asarray(given[name][1], np.float32).reshape(-1)
    if integers.shape != shape or not np.issubdtype(integers.dtype, np.integer):
        raise ModelError(f"weights '{name}': {integers.dtype} {integers.shape} given, integers {shape} wanted")
    each, outputs = shape[axis], groups * shape[axis]
    if steps.size not in (1, each, outputs) or not (np.isfinite(steps) & (steps > 0)).all():
        raise ModelError(f"weights '{name}': {steps.size} steps given; one or {outputs}, all above 0, are wanted")
    bits = max(signed_bits(int(integers.min(initial=0)), int(integers.max(initial=0))), FEWEST_BITS)
    if bits > MOST_BITS:
        raise ModelError(f"weights '{name}': the integers given take {bits} bits, more than {MOST_BITS}")
    rows = np.moveaxis(integers.astype(np.int32), axis, 0)
    return Grid(rows, np.resize(steps, outputs), bits)


def coarsened(grid: Grid, bias: np.ndarray, source: Format) -> Grid:
    """Return the grid with a coarser scale for each channel whose bias (outputs,) is more than its accumulator's share.

    One such channel would make the accumulators of the whole layer wider, and the layer several times slower.
    """
    terms = grid.integers.reshape(len(grid.integers), -1).shape[1]
    width = storage_bits(accumulator_bits(offset_bits(source), grid.bits, terms))
    units = np.abs(bias) / (source.scale * grid.scales.astype(np.float64))
    small = units > 2.0 ** (BIAS_BITS[width] + 1) - 2
    if not small.any():
        return grid
    scales = np.where(small, bias_floor(bias, source, width).astype(np.float32), grid.scales)
    shares = (grid.scales / scales).reshape(-1, *(1,) * (grid.integers.ndim - 1))
    return Grid(to_integers(grid.integers * shares.astype(np.float64)).astype(np.int32), scales, grid.bits)


def bias_integers(bias: np.ndarray, grid: Grid, input_scale: float) -> np.ndarray:
    """Return the bias (outputs,) in units of the accumulator, half to even, int64.

    Raises:
        ModelError: it leaves 62 bits.
    """
    units = [Fraction(input_scale) * Fraction(float(scale)) for scale in grid.scales]
    integers = [round(Fraction(float(value)) / unit) for value, unit in zip(bias, units, strict=True)]
    if integers and signed_bits(*integers) > 62:
        raise ModelError("its bias is too large for its weights' scale")
    return np.array(integers, np.int64)


def bias_floor(bias: np.ndarray, source: Format, width: int) -> np.ndarray:
    """Return the least scale of each output channel's weights at which its bias fits accumulators of `width` bits.

    A channel of next to no weights, as a folded norm may leave it, would have a bias of any size in its units.
    """
    return np.abs(bias) / (source.scale * 2.0 ** BIAS_BITS[width])


def channel_scaled(values: np.ndarray, floors: np.ndarray | float = 0.0) -> Grid:
    """Return one 16-bit weight a channel (outputs,), each with a power of two for its scale.

    The least that hold the values with the sign and 14 bits, or above `floors` where these are not 0.
    """
    exponents = np.frexp(values)[1] - (MOST_BITS - 2)  # |value| <= 2^exponent
    least = np.where(np.asarray(floors) > 0, np.frexp(floors)[1], -FARTHEST)
    exponents = np.maximum(exponents, least)
    scales = np.ldexp(np.float32(1), np.clip(exponents, -FARTHEST, FARTHEST)).astype(np.float32)
    return Grid(to_integers(values / scales).astype(np.int32), scales, MOST_BITS)
