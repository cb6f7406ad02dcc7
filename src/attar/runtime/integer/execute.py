"""What each operator of a program does with integers: the zero points off, the kernel, rescaled, clamped."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ...numerics.requantize import requantize
from ...numerics.rounding import half_added_and_shifted
from . import kernels
from .accumulators import Record
from .program import (
    Accumulating,
    AveragePool,
    Clamped,
    Concat,
    Convolution,
    Dense,
    Extreme,
    Interpolate,
    MatrixProduct,
    MaxPool,
    Operator,
    Pad,
    ParametricRelu,
    Pick,
    Product,
    Program,
    Requantize,
    Rescale,
    Reshape,
    ScaleShift,
    Slice,
    Softmax,
    Sum,
    Table,
    Transpose,
    TransposedConvolution,
)

Ints = dict[str, np.ndarray]
Scales = tuple[np.ndarray, np.ndarray]  # multipliers, shifts


@dataclass(frozen=True)
class Machine:
    """What an operator works with: the program, the integers so far, and the record of accumulators."""

    program: Program
    tensors: Ints
    accumulators: Record

    def x(self, operator: Operator, position: int = 0) -> np.ndarray:
        """Return an input without its zero point, int32."""
        name = operator.inputs[position]
        return self.tensors[name] - np.int32(self.program.tensors[name].format.zero)

    def q(self, operator: Operator) -> np.ndarray:
        """Return the first input as it is, int32."""
        return self.tensors[operator.inputs[0]]

    def shape(self, operator: Operator) -> tuple[int, ...]:
        """Return the shape of one sample of the output."""
        return self.program.tensors[operator.output].shape

    def clamped(self, operator: Clamped, values: np.ndarray) -> np.ndarray:
        """Return values plus the output's zero point, clamped."""
        return np.clip(values + self.program.tensors[operator.output].format.zero, operator.low, operator.high)

    def finished(self, operator: Accumulating, sums: np.ndarray, scales: Scales | None = None) -> np.ndarray:
        """Check and record accumulators, then rescale: by `scales`, which broadcast, or by the operator's only one."""
        self.accumulators.add(operator.output, operator.accumulator_bits, sums)
        multipliers, shifts = scales or _entry(operator.rescale, 0)
        return self.clamped(operator, requantize(sums, multipliers, shifts))


def execute(operator: Operator, machine: Machine) -> np.ndarray:
    """Return the integers (int32) that `operator` writes.

    Raises:
        ModelError: an accumulator leaves its planned width.
    """
    return RULES[type(operator)](operator, machine).astype(np.int32, copy=False)


def _entry(rescale: Rescale, index: int) -> tuple[int, int]:
    return int(rescale.multipliers[index]), int(rescale.shifts[index])


def _along(rescale: Rescale, axes: int) -> Scales:
    """Return multipliers and shifts along channels that `axes` more axes follow."""
    return rescale.multipliers.reshape(-1, *(1,) * axes), rescale.shifts.reshape(-1, *(1,) * axes)


def _convolution(operator: Convolution, machine: Machine) -> np.ndarray:
    sums = kernels.convolution(
        machine.x(operator),
        operator.weights,
        strides=operator.strides,
        dilations=operator.dilations,
        pads=operator.pads,
        groups=operator.groups,
    )
    axes = len(operator.strides)
    sums += operator.bias.reshape(-1, *(1,) * axes)
    return machine.finished(operator, sums, _along(operator.rescale, axes))


def _transposed(operator: TransposedConvolution, machine: Machine) -> np.ndarray:
    sums = kernels.transposed_convolution(
        machine.x(operator),
        operator.weights,
        strides=operator.strides,
        dilations=operator.dilations,
        begins=operator.begins,
        groups=operator.groups,
        extents=machine.shape(operator)[1:],
    )
    axes = len(operator.strides)
    sums += operator.bias.reshape(-1, *(1,) * axes)
    return machine.finished(operator, sums, _along(operator.rescale, axes))


def _dense(operator: Dense, machine: Machine) -> np.ndarray:
    sums = kernels.dense(machine.x(operator), operator.weights) + operator.bias
    return machine.finished(operator, sums, _along(operator.rescale, 0))


def _scale_shift(operator: ScaleShift, machine: Machine) -> np.ndarray:
    sums = machine.x(operator).astype(np.int64) * operator.weights + operator.bias
    return machine.finished(operator, sums)


def _product(operator: Product, machine: Machine) -> np.ndarray:
    sums = machine.x(operator, 0).astype(np.int64) * machine.x(operator, 1)
    return machine.finished(operator, sums)


def _matrix_product(operator: MatrixProduct, machine: Machine) -> np.ndarray:
    return machine.finished(operator, kernels.matrix_product(machine.x(operator, 0), machine.x(operator, 1)))


def _parametric_relu(operator: ParametricRelu, machine: Machine) -> np.ndarray:
    x = machine.x(operator).astype(np.int64)
    below = (x < 0).astype(np.int64)
    scales = (operator.rescale.multipliers[below], operator.rescale.shifts[below])
    return machine.finished(operator, np.where(below, x * operator.slopes, x), scales)


def _average(operator: AveragePool, machine: Machine) -> np.ndarray:
    sums = kernels.window_sums(machine.x(operator), operator.kernel, **_moves(operator))
    counts = np.ones((), np.int64)
    for along in operator.counts:
        counts = counts[..., None] * np.array(along)
    entries = np.searchsorted(operator.divisors, counts)
    return machine.finished(operator, sums, (operator.rescale.multipliers[entries], operator.rescale.shifts[entries]))


def _max(operator: MaxPool, machine: Machine) -> np.ndarray:
    return kernels.window_maxima(machine.q(operator), operator.kernel, **_moves(operator))


def _moves(operator: AveragePool | MaxPool) -> dict:
    return {"strides": operator.strides, "dilations": operator.dilations, "pads": operator.pads}


def _sum(operator: Sum, machine: Machine) -> np.ndarray:
    terms = (
        machine.x(operator, position).astype(np.int64) * multiplier
        for position, multiplier in enumerate(operator.multipliers)
    )
    return machine.clamped(operator, requantize(sum(terms), 1, operator.shift))


def _requantize(operator: Requantize, machine: Machine) -> np.ndarray:
    return machine.clamped(operator, requantize(machine.x(operator), *_entry(operator.rescale, 0)))


def _concat(operator: Concat, machine: Machine) -> np.ndarray:
    return machine.clamped(operator, np.concatenate(_rescaled(operator, machine), axis=operator.axis + 1))


def _extreme(operator: Extreme, machine: Machine) -> np.ndarray:
    choose = np.maximum if operator.largest else np.minimum
    return machine.clamped(operator, reduce(choose, _rescaled(operator, machine)))


def _rescaled(operator: Concat | Extreme, machine: Machine) -> list[np.ndarray]:
    """Return all inputs rescaled, each by an entry of its own."""
    return [
        requantize(machine.x(operator, position), *_entry(operator.rescale, position))
        for position in range(len(operator.inputs))
    ]


def _table(operator: Table, machine: Machine) -> np.ndarray:
    return operator.table[machine.q(operator) - machine.program.tensors[operator.inputs[0]].format.low]


def _softmax(operator: Softmax, machine: Machine) -> np.ndarray:
    q = machine.q(operator)
    shares = kernels.shares(operator.table[q.max(axis=operator.axis + 1, keepdims=True) - q], operator.axis + 1)
    return machine.clamped(operator, requantize(shares, *_entry(operator.rescale, 0)))


def _reshape(operator: Reshape, machine: Machine) -> np.ndarray:
    q = machine.q(operator)
    return q.reshape(len(q), *machine.shape(operator))


def _transpose(operator: Transpose, machine: Machine) -> np.ndarray:
    return machine.q(operator).transpose(0, *(axis + 1 for axis in operator.axes))


def _slice(operator: Slice, machine: Machine) -> np.ndarray:
    q = machine.q(operator)
    for axis, extent in enumerate(machine.shape(operator)):
        q = np.take(q, operator.starts[axis] + operator.steps[axis] * np.arange(extent), axis=axis + 1)
    return q


def _pick(operator: Pick, machine: Machine) -> np.ndarray:
    q = machine.q(operator)
    for axis, indices in enumerate(operator.indices):
        q = np.take(q, indices, axis=axis + 1)
    return q


def _interpolate(operator: Interpolate, machine: Machine) -> np.ndarray:
    sums = machine.q(operator).astype(np.int64)
    fields = zip(operator.axes, operator.nearer, operator.farther, operator.weights, strict=True)
    for axis, nearer, farther, weights in fields:
        upper = weights.reshape(-1, *(1,) * (sums.ndim - axis - 2)).astype(np.int64)
        lower = (1 << operator.weight_bits) - upper
        sums = np.take(sums, nearer, axis=axis + 1) * lower + np.take(sums, farther, axis=axis + 1) * upper
    return half_added_and_shifted(sums, operator.weight_bits * len(operator.axes))


def _pad(operator: Pad, machine: Machine) -> np.ndarray:
    return np.pad(machine.q(operator), ((0, 0), *operator.pads), constant_values=operator.value)


RULES: dict[type, Callable[[Operator, Machine], np.ndarray]] = {
    Convolution: _convolution,
    TransposedConvolution: _transposed,
    Dense: _dense,
    ScaleShift: _scale_shift,
    MatrixProduct: _matrix_product,
    Product: _product,
    ParametricRelu: _parametric_relu,
    AveragePool: _average,
    MaxPool: _max,
    Sum: _sum,
    Requantize: _requantize,
    Concat: _concat,
    Extreme: _extreme,
    Table: _table,
    Softmax: _softmax,
    Reshape: _reshape,
    Transpose: _transpose,
    Slice: _slice,
    Pick: _pick,
    Interpolate: _interpolate,
    Pad: _pad,
}
