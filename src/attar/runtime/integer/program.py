"""The program of an integer network: tensors with their formats and operators in their order, all numbers explicit.

It is all that an executor reads, and says nothing about where it came from. Shapes are those of one sample: the first
axis of every tensor, the sample's number, is left out, and so are axes counted from it. docs/integer.md has the
formulas; here q is an integer of a tensor, z its zero point, x = q - z.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...numerics.formats import Format


@dataclass(frozen=True)
class Tensor:
    """One activation tensor: its name, the shape of one sample, and what its integers mean."""

    name: str
    shape: tuple[int, ...]
    format: Format


@dataclass(frozen=True, eq=False)
class Rescale:
    """Multipliers (int32, 0 and more) and shifts (int32, 0 to 62), one entry for all or one for each channel."""

    multipliers: np.ndarray
    shifts: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Operator:
    """What every operator has: the names of the tensors that it reads and of the one that it writes."""

    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Clamped(Operator):
    """An operator whose results are clamped to `low`..`high`, which a fused Relu or Clip may have narrowed."""

    low: int
    high: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Accumulating(Clamped):
    """An operator that sums, then rescales: y = clamp(z_y + rescale(sum)).

    Attributes:
        accumulator_bits: the width that every partial sum fits, in any order; above 32, accumulators are int64.
    """

    accumulator_bits: int
    rescale: Rescale


@dataclass(frozen=True, kw_only=True, eq=False)
class Weighted(Accumulating):
    """An operator with weights of its own.

    Attributes:
        weights: int8, or int16 where `weight_bits` exceed 8; their zero point is 0.
        bias: int32 or, with int64 accumulators, int64, in units of the accumulator.
        scales: of the weights, float32, one or one for each output channel. `rescale` follows from them.
        source, bias_source: names of the initializers that they come from, None of what was made on the way.
    """

    weights: np.ndarray
    weight_bits: int
    bias: np.ndarray
    scales: np.ndarray
    source: str | None = None
    bias_source: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution(Weighted):
    """Windows over (channels, *extents), 1-D or 2-D; weights (outputs, channels of a group, *kernel), bias (outputs,).

    Attributes:
        pads: zeros (x = 0) before and behind each spatial axis; below zero behind, where windows leave a rest unread.
    """

    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    groups: int


@dataclass(frozen=True, kw_only=True, eq=False)
class TransposedConvolution(Weighted):
    """Every cell of (channels, *extents) spreads over a window; weights and bias have the shapes of a Convolution's.

    Tap t of cell i meets place i x stride + t x dilation - begin of the output. Places that none meets hold the bias.

    Attributes:
        begins: how many places are cut off before each spatial axis; behind, the output's shape says it.
    """

    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begins: tuple[int, ...]
    groups: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense(Weighted):
    """A matrix applied to the last axis; weights (outputs, inputs), bias (outputs,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScaleShift(Weighted):
    """x times a weight plus a bias, element by element; both broadcast to the output's shape; one rescale for all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Product(Accumulating):
    """x_a times x_b, element by element, broadcast."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MatrixProduct(Accumulating):
    """The matrices of two tensors (..., rows, terms) and (..., terms, columns) multiplied; axes in front broadcast."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ParametricRelu(Accumulating):
    """The sum is x, or x times its slope where x is below zero; `rescale` has an entry for either, in this order.

    Attributes:
        slopes: int16, with as many axes as the output, broadcast to its shape.
        scales: of the slopes, float32, one for all. The second entry of `rescale` follows from it.
    """

    slopes: np.ndarray
    scales: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class AveragePool(Accumulating):
    """Sums over windows, divided by what they count.

    Attributes:
        counts: along each spatial axis, how many cells every output position counts; the divisor is their product.
        divisors: all that occur, in rising order; `rescale` has an entry for each.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    counts: tuple[tuple[int, ...], ...]
    divisors: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sum(Clamped):
    """(sum of x_i times multiplier i, plus half) >> shift, broadcast, plus z_y: one rounding for all."""

    multipliers: tuple[int, ...]
    shift: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Requantize(Clamped):
    """x in another format: y = clamp(z_y + rescale(x))."""

    rescale: Rescale


@dataclass(frozen=True, kw_only=True, eq=False)
class Concat(Clamped):
    """Each input requantized to the output's format (`rescale` has an entry for each), then joined along `axis`."""

    axis: int
    rescale: Rescale


@dataclass(frozen=True, kw_only=True, eq=False)
class Extreme(Clamped):
    """Each input requantized to the output's format (`rescale` has an entry for each), then the largest, broadcast.

    Attributes:
        largest: or the least.
    """

    largest: bool
    rescale: Rescale


@dataclass(frozen=True, kw_only=True, eq=False)
class MaxPool(Operator):
    """Largest integers in windows; what lies outside of the input counts for nothing."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Table(Operator):
    """y = table[q - least integer of the input's format]; int16, or uint16 for unsigned outputs."""

    table: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Softmax(Clamped):
    """Shares along `axis`: y = clamp(z_y + rescale(p)), p = e / (sum of e) in units of 2^-30.

    Attributes:
        table: e (int32) by how far q lies below the largest integer along the axis; 2^30 for 0.
    """

    axis: int
    table: np.ndarray
    rescale: Rescale


@dataclass(frozen=True, kw_only=True, eq=False)
class Reshape(Operator):
    """The same integers in row-major order under the output's shape."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Transpose(Operator):
    """Axis i of the output is axis `axes`[i] of the input."""

    axes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice(Operator):
    """Along each axis, cell i of the output is cell `starts` + i x `steps` of the input; steps are of either sign."""

    starts: tuple[int, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pick(Operator):
    """Along each axis, cell i of the output is cell `indices`[i] (int32, 0 and more) of the input."""

    indices: tuple[np.ndarray, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Interpolate(Operator):
    """Along each axis in `axes`, cell i of the output lies between two cells of the input; one rounding for all axes.

    Attributes:
        axes: that are interpolated, in rising order; the others stay as they are.
        nearer, farther: the two cells (int32), by axis.
        weights: of the farther cell, 0 to 2^weight_bits (int32), by axis; the nearer has the rest.
    """

    axes: tuple[int, ...]
    nearer: tuple[np.ndarray, ...]
    farther: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]
    weight_bits: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Pad(Operator):
    """Cells of one integer, `value`, before and behind each axis."""

    pads: tuple[tuple[int, int], ...]
    value: int


@dataclass(frozen=True, eq=False)
class Program:
    """Tensors by name (inputs first, then in the order in which they are written), operators in an order that works."""

    tensors: dict[str, Tensor]
    operators: tuple[Operator, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def part(self, operators: Sequence[Operator], outputs: Sequence[str]) -> "Program":
        """Return the program of some operators that stand one behind the other."""
        made = {operator.output for operator in operators}
        read = dict.fromkeys(name for operator in operators for name in operator.inputs if name not in made)
        names = [*read, *(operator.output for operator in operators)]
        return Program({name: self.tensors[name] for name in names}, tuple(operators), tuple(read), tuple(outputs))
