"""Sums and products of two tensors, Concat, Relu and Clip that nothing took in, and functions by table."""

import numpy as np

from ....numerics.accumulators import accumulator_bits
from ....numerics.formats import offset_bits, quantize
from ....numerics.requantize import shared_scaling
from ..operands import limits_of
from ..program import Concat, Extreme, Operator, Product, Requantize, Sum, Table
from .constants import lower_constant_arithmetic
from .site import Site, checked_width, clamp_limits, each_rescale, rescale


def lower_sum(site: Site) -> tuple[Operator, ...]:
    """Lower Add and Sub: of two tensors, or of one and a constant."""
    if len(site.inputs) < len(site.node.inputs):
        return lower_constant_arithmetic(site)
    left, right = site.both()
    sign = -1 if site.node.op_type == "Sub" else 1
    target = site.output.format.exact_scale
    factors = [left.format.exact_scale / target, sign * right.format.exact_scale / target]
    multipliers, shift = shared_scaling(factors)
    return (Sum(**{**site.clamped(), "inputs": (left.name, right.name)}, multipliers=multipliers, shift=shift),)


def lower_product(site: Site) -> tuple[Operator, ...]:
    """Lower Mul and Div: of two tensors (Mul alone), or of one and a constant."""
    if len(site.inputs) < len(site.node.inputs):
        return lower_constant_arithmetic(site)
    left, right = site.both()
    if site.node.op_type == "Div":
        raise site.refusal("only a division by a constant is known")
    bits = checked_width(site, accumulator_bits(offset_bits(left.format), offset_bits(right.format), 1))
    factor = left.format.exact_scale * right.format.exact_scale / site.output.format.exact_scale
    fields = {**site.clamped(), "inputs": (left.name, right.name)}
    return (Product(**fields, accumulator_bits=bits, rescale=rescale([factor], bits)),)


def lower_concat(site: Site) -> tuple[Operator, ...]:
    """Lower a Concat of tensors along an axis that is not the sample's."""
    rank = len(site.output.shape) + 1
    axis = site.node.attributes.get_int("axis") % rank
    if axis == 0 or len(site.inputs) != len(site.node.inputs):
        raise site.refusal("it joins samples" if axis == 0 else "one of its inputs is constant")
    target = site.output.format.exact_scale
    factors = [tensor.format.exact_scale / target for tensor in site.inputs]
    return (Concat(**site.clamped(), axis=axis - 1, rescale=each_rescale(factors)),)


def lower_extreme(site: Site) -> tuple[Operator, ...]:
    """Lower Max and Min: of tensors with as many axes each, or of one and a number."""
    if limits_of(site.node) is not None:
        return lower_clamp(site)
    if len(site.inputs) != len(site.node.inputs) or len({len(tensor.shape) for tensor in site.inputs}) > 1:
        shapes = [tensor.shape for tensor in site.inputs]
        raise site.refusal(f"tensors of shapes {shapes} cannot be joined, nor constants of more than one number")
    entries = each_rescale([tensor.format.exact_scale / site.output.format.exact_scale for tensor in site.inputs])
    return (Extreme(**site.clamped(), largest=site.node.op_type == "Max", rescale=entries),)


def lower_clamp(site: Site) -> tuple[Operator, ...]:
    """Lower a Relu or Clip that stands alone."""
    limits = limits_of(site.node)
    if limits is None:
        raise site.refusal("its limits are not constant, or not single numbers")
    source, form = site.sole_input(), site.output.format
    low, high = clamp_limits(form, limits)
    factor = source.format.exact_scale / form.exact_scale
    return (Requantize(**site.wiring(), low=low, high=high, rescale=rescale([factor])),)


def lower_table(site: Site) -> tuple[Operator, ...]:
    """Lower a function of one number: its value, in float64 and rounded once, for every integer of the input.

    Where the function has no value, as a root below zero, the entry stands for 0.
    """
    form = site.sole_input().format
    site.check_table(form)
    x = (np.arange(form.low, form.high + 1) - form.zero) * form.scale
    values = site.step.function.values(x)
    with np.errstate(over="ignore"):  # what float32 does not hold is clamped all the same
        integers = quantize(np.where(np.isnan(values), 0, values), site.output.format)
    return (Table(**site.wiring(), table=integers.astype(np.int16 if site.output.format.signed else np.uint16)),)
