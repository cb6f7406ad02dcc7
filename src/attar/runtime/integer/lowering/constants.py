"""Arithmetic with constants: Add, Sub, Mul and Div of a tensor and a constant, norms that no layer took in."""

import numpy as np

from ....numerics.accumulators import INT32, accumulator_bits, with_bias
from ....numerics.formats import MOST_BITS, offset_bits
from ..operands import numbers
from ..program import Convolution, Operator, ParametricRelu, ScaleShift
from ..weights import Grid, bias_floor, bias_integers, channel_scaled
from .products import stored_bias, weighted
from .site import Site, checked_width, each_rescale, product_factors, rescale

WHOLE = 2 ** (MOST_BITS - 2)  # the largest integer that a weight is given
LESS = 1 - 2.0**-20  # far from half a step of the largest integer, and more than float32 rounds away


def lower_constant_arithmetic(site: Site) -> tuple[Operator, ...]:
    """Lower Add, Sub, Mul and Div of one tensor and a constant that does not make it larger."""
    left = site.step.inputs[0] is site.node.inputs[0]
    constant = numbers(site.node.inputs[1 if left else 0]).astype(np.float64)
    if not np.isfinite(constant).all():
        raise site.refusal("its constant holds values that are not finite")
    operand, kind = _sample_constant(site, constant), site.node.op_type
    if kind in ("Add", "Sub"):
        sign = -1.0 if kind == "Sub" and not left else 1.0
        shift = -operand if kind == "Sub" and left else operand
        return (_scale_shift(site, np.full((1,) * operand.ndim, sign), shift),)
    if kind == "Div" and (not left or not operand.all()):
        raise site.refusal("only a division by a constant that is nowhere zero is known")
    factor = 1 / operand if kind == "Div" else operand
    made = _scale_shift(site, factor, np.zeros((1,) * operand.ndim))
    computed = _numbers(made.weights, made.scales)
    if kind == "Div":
        computed = np.where(made.weights == 0, operand, 1 / np.where(computed == 0, 1, computed))
    site.constants[site.output.name] = computed.reshape(constant.shape).astype(np.float32)
    return (made,)


def lower_parametric_relu(site: Site) -> tuple[Operator, ...]:
    """Lower a PRelu with constant slopes, which share a power of two."""
    given = np.asarray(site.constant(1, ()), np.float64)
    slopes = _sample_constant(site, given)
    source, target = site.sole_input().format, site.output.format
    grid = channel_scaled(np.abs(slopes).max(initial=0).reshape(1))
    integers = np.rint(slopes / np.float64(grid.scales[0])).astype(np.int16)
    site.constants[site.output.name] = _numbers(integers, grid.scales).reshape(given.shape).astype(np.float32)
    bits = checked_width(site, accumulator_bits(offset_bits(source), grid.bits, 1))
    factors = [source.exact_scale / target.exact_scale, *product_factors(grid.scales, source, target)]
    return (
        ParametricRelu(
            **site.clamped(),
            accumulator_bits=bits,
            rescale=each_rescale(factors, bits),
            slopes=integers,
            scales=grid.scales,
        ),
    )


def lower_norm(site: Site) -> tuple[Operator, ...]:
    """Lower a batch normalization that no layer could take in: a 1x1 convolution of groups, or element by element."""
    parameters = [numbers(value) for value in site.node.inputs[1:]]
    if any(values is None for values in parameters) or len(site.node.inputs) != 5:
        raise site.refusal("its parameters are not constant")
    gamma, beta, mean, variance = (values.astype(np.float64) for values in parameters)
    scale = gamma / np.sqrt(variance + site.node.attributes.get_float("epsilon", 1e-5))
    shift = beta - mean * scale
    source = site.sole_input()
    axes = len(source.shape) - 1
    if axes == 0:
        return (_scale_shift(site, scale, shift),)
    site.spatial()
    grid, ones = channel_scaled(scale, bias_floor(shift, source.format, INT32)), (1,) * axes
    grid = Grid(grid.integers.reshape(-1, 1, *ones), grid.scales, grid.bits)
    fields = weighted(site, grid, shift, source.format.scale)
    return (Convolution(**fields, strides=ones, dilations=ones, pads=((0, 0),) * axes, groups=len(scale)),)


def _scale_shift(site: Site, weights: np.ndarray, shift: np.ndarray) -> ScaleShift:
    """Return x times `weights` plus `shift`; real, broadcast to the output; the weights share a power of two."""
    source, grid = site.sole_input(), channel_scaled(np.abs(weights).max(initial=0).reshape(1))
    integers = np.rint(weights / np.float64(grid.scales[0])).astype(np.int64)
    spread = Grid(integers, np.repeat(grid.scales, shift.size), grid.bits)
    bias = bias_integers(shift.reshape(-1), spread, source.format.scale)
    bits = accumulator_bits(offset_bits(source.format), grid.bits, 1)
    bits = checked_width(site, with_bias(bits, int(np.abs(bias).max(initial=0))))
    factors = product_factors(grid.scales, source.format, site.output.format)
    return ScaleShift(
        **site.clamped(),
        accumulator_bits=bits,
        rescale=rescale(factors, bits),
        weights=integers.astype(np.int16),
        weight_bits=grid.bits,
        bias=stored_bias(bias.reshape(shift.shape), bits),
        scales=grid.scales,
    )


def _numbers(integers: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Return the numbers of which `channel_scaled` makes these integers again.

    2^14 steps are 2^14 of a scale twice as large: a little less is not.
    """
    return integers * np.where(np.abs(integers.astype(int)) == WHOLE, LESS, 1) * np.float64(scales[0])


def _sample_constant(site: Site, constant: np.ndarray) -> np.ndarray:
    """Return a constant as one sample meets it, with as many axes as the sample has."""
    shape = site.sole_input().shape
    wide = constant.reshape((1,) * (len(shape) + 1 - constant.ndim) + constant.shape)
    room = (1, *shape)
    fits = wide.ndim == len(room) and all(extent in (1, own) for extent, own in zip(wide.shape, room, strict=True))
    if not fits or site.output.shape != shape:  # it must not make the tensor larger
        raise site.refusal(f"a constant of shape {constant.shape} does not fit into samples of shape {shape}")
    return wide[0]
