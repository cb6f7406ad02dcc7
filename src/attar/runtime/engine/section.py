"""The program section of a file: counts, tensors, constants, what comes in and goes out, operators (docs/format.md)."""

import math
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...codec.bitio import varint
from ...numerics.formats import Format
from ..integer.program import (
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
    Requantize,
    ScaleShift,
    Slice,
    Softmax,
    Sum,
    Table,
    Transpose,
    TransposedConvolution,
)
from .arena import Planned
from .layout import Laid
from .physical import Placed
from .stored import InTable

# By the numbers of native/include/attar/program.h.
KINDS = (
    Convolution, Dense, ScaleShift, Product, Sum, AveragePool, MaxPool, Concat, Requantize, Table, Transpose, Pad,
    TransposedConvolution, Slice, Pick, Interpolate, MatrixProduct, ParametricRelu, Extreme, Softmax,
)  # fmt: skip
TABLE_INTEGERS, TABLE_FLOATS = 0, 1
INLINE = {np.dtype(name): 2 + i for i, name in enumerate(("int8", "int16", "int32", "int64", "float32"))}
WINDOWS = (Convolution, TransposedConvolution, AveragePool, MaxPool)
SPATIAL = 2


def section(planned: Planned, stored: Mapping[str, InTable] | None = None) -> bytes:
    """Return the bytes of the section.

    Args:
        stored: tensors of the file's table by name; weights and biases that are among them are not written again.
    """
    writer = _Writer(planned, stored or {})
    operators = [writer.operator(placed) for placed in planned.placed]
    inputs = [writer.port(tensor) for tensor in planned.inputs]
    outputs = [writer.port(tensor) for tensor in planned.outputs]
    counts = [planned.arena_bytes, len(writer.forms), len(writer.constants), len(operators), len(inputs)]
    counts += [len(outputs), writer.operands, writer.numbers]
    head = b"".join(map(varint, counts))
    return b"".join([head, *writer.forms, *writer.constants, *inputs, *outputs, *operators])


@dataclass
class _Writer:
    """Collects what operators refer to."""

    planned: Planned
    stored: Mapping[str, InTable]
    tensors: dict[tuple, int] = field(default_factory=dict)
    forms: list[bytes] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)
    operands: int = 0
    numbers: int = 0

    def tensor(self, laid: Laid, dims: tuple[int, ...]) -> int:
        """Return the number of a tensor that is seen with these extents."""
        key = (laid.root, dims, laid.format)
        if key not in self.tensors:
            parts = [_form(laid.format), varint(len(dims)), *map(varint, dims)]
            self.tensors[key] = len(self.forms)
            self.forms.append(b"".join([*parts, varint(self.planned.offsets[laid.root])]))
        return self.tensors[key]

    def port(self, laid: Laid) -> bytes:
        """Return a tensor that comes in or goes out, with the order of its axes."""
        name = laid.name.encode()
        return b"".join([varint(self.tensor(laid, laid.dims)), varint(len(name)), name, bytes(laid.order)])

    def operator(self, placed: Placed) -> bytes:
        operator = placed.operator
        windowed = isinstance(operator, WINDOWS)
        numbers = [self.tensor(laid, _dims(laid, windowed)) for laid in placed.inputs]
        output = self.tensor(placed.output, _dims(placed.output, windowed))
        self.operands += len(numbers)
        parts = [bytes([KINDS.index(type(operator))]), *map(varint, (output, len(numbers), *numbers))]
        if isinstance(operator, Clamped):
            least = placed.output.format.low
            parts += [varint(operator.low - least), varint(operator.high - least)]
        return b"".join([*parts, FIELDS[type(operator)](self, placed)])

    def weights(self, placed: Placed) -> bytes:
        """Return width, weights, steps and bias: of the table where it has just these, else written here."""
        operator = placed.operator
        found = self.stored.get(operator.source)
        if found is not None and found.is_weights_of(operator):
            weights, scales = self.constant(_table(TABLE_INTEGERS, found.place)), 0
        else:
            weights, scales = self.inline(operator.weights), self.inline(operator.scales)
        bias = self.stored.get(operator.bias_source)
        if not operator.bias.any() and not isinstance(operator, ScaleShift):
            number = 0
        elif bias is not None and bias.is_bias_of(operator, placed.inputs[0].format.scale):
            number = self.constant(_table(TABLE_FLOATS, bias.place))
        else:
            number = self.inline(operator.bias)
        return b"".join(map(varint, (operator.weight_bits, weights, scales, number)))

    def inline(self, values: np.ndarray) -> int:
        """Return the number of a constant, counted from 1, whose numbers stand in the section."""
        data = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
        return self.constant(bytes([INLINE[values.dtype]]) + varint(values.size) + data)

    def constant(self, constant: bytes) -> int:
        self.constants.append(constant)
        return len(self.constants)


def _table(kind: int, place: int) -> bytes:
    return bytes([kind]) + varint(place)


def _form(form: Format) -> bytes:
    return bytes([form.bits - 1 | form.signed << 4]) + varint(form.zero - form.low) + struct.pack("<f", form.scale)


def _dims(laid: Laid, windowed: bool) -> tuple[int, ...]:
    """Return extents in memory; for windows always height, width and channels."""
    return (1,) * (SPATIAL + 1 - len(laid.dims)) + laid.dims if windowed else laid.dims


def _window(kernel: Iterable[int], operator: Convolution | TransposedConvolution | AveragePool | MaxPool) -> bytes:
    transposed = isinstance(operator, TransposedConvolution)
    begins = operator.begins if transposed else [begin for begin, _ in operator.pads]
    rows = list(zip(kernel, operator.strides, operator.dilations, begins, strict=True))
    rows = [(1, 1, 1, 0)] * (SPATIAL - len(rows)) + rows
    return b"".join(varint(number) for row in rows for number in row)


def _width(operator: Operator) -> bytes:
    return varint(operator.accumulator_bits)


def _convolution(writer: _Writer, placed: Placed) -> bytes:
    operator = placed.operator
    window = _window(operator.weights.shape[2:], operator)
    return _width(operator) + window + varint(operator.groups) + writer.weights(placed)


def _dense(writer: _Writer, placed: Placed) -> bytes:
    operator = placed.operator
    found = writer.stored.get(operator.source)
    transposed = found is not None and found.is_weights_of(operator) and found.is_transposed(operator)
    return _width(operator) + varint(placed.columns) + varint(transposed) + writer.weights(placed)


def _scale_shift(writer: _Writer, placed: Placed) -> bytes:
    operator = placed.operator
    axes = (_axes(operator.weights.shape), _axes(operator.bias.shape))
    return _width(operator) + b"".join(map(varint, axes)) + writer.weights(placed)


def _axes(shape: tuple[int, ...]) -> int:
    """Return a bit for every axis that is not 1."""
    return sum(1 << axis for axis, extent in enumerate(shape) if extent > 1)


def _average(writer: _Writer, placed: Placed) -> bytes:
    operator = placed.operator
    counts = [(1,)] * (SPATIAL - len(operator.counts)) + list(operator.counts)
    extents = _dims(placed.output, windowed=True)
    along = [tuple(each) * (extent if len(each) == 1 else 1) for each, extent in zip(counts, extents, strict=False)]
    writer.numbers += sum(map(len, along))
    numbers = b"".join(varint(int(number)) for each in along for number in each)
    return _width(operator) + _window(operator.kernel, operator) + numbers


def _table_entries(writer: _Writer, placed: Placed) -> bytes:
    entries = placed.operator.table.astype(np.int64) - placed.output.format.low
    unsigned, signed = (np.uint8, np.int8) if placed.output.format.bits <= 8 else (np.uint16, np.int16)
    return varint(writer.inline(entries.astype(unsigned).view(signed)))


def _pad(_: _Writer, placed: Placed) -> bytes:
    pads = [end for pad in placed.operator.pads for end in pad]
    return b"".join(map(varint, (placed.operator.value - placed.output.format.low, *pads)))


def _sum(_: _Writer, placed: Placed) -> bytes:
    return varint(math.prod(placed.operator.multipliers) < 0)


def _slice(_: _Writer, placed: Placed) -> bytes:
    axes = zip(placed.operator.starts, placed.operator.steps, placed.output.dims, strict=True)
    cuts = [(start, step if extent > 1 else 1) for start, step, extent in axes]  # a step that nobody takes may be huge
    return b"".join(varint(start) + varint(abs(step) << 1 | (step < 0)) for start, step in cuts)


def _pick(writer: _Writer, placed: Placed) -> bytes:
    axes = zip(placed.operator.indices, placed.inputs[0].dims, strict=True)
    return b"".join(varint(0 if _is_all(each, extent) else writer.inline(each)) for each, extent in axes)


def _is_all(indices: np.ndarray, extent: int) -> bool:
    """Whether these are all cells of an axis in their order."""
    return np.array_equal(indices, np.arange(extent))


def _interpolate(writer: _Writer, placed: Placed) -> bytes:
    operator = placed.operator
    rows = zip(operator.nearer, operator.farther, operator.weights, strict=True)
    cells = dict(zip(operator.axes, rows, strict=True))
    numbers = [[writer.inline(each) for each in cells.get(axis, ())] or [0] for axis in range(len(placed.output.dims))]
    return varint(operator.weight_bits) + b"".join(varint(number) for each in numbers for number in each)


def _slopes(writer: _Writer, placed: Placed) -> bytes:
    operator = placed.operator
    constants = (writer.inline(operator.slopes), writer.inline(operator.scales))
    return _width(operator) + b"".join(map(varint, (_axes(operator.slopes.shape), *constants)))


def _softmax(writer: _Writer, placed: Placed) -> bytes:
    return varint(placed.operator.axis) + varint(writer.inline(placed.operator.table))


FIELDS: dict[type, Callable[[_Writer, Placed], bytes]] = {
    Convolution: _convolution,
    Dense: _dense,
    ScaleShift: _scale_shift,
    Product: lambda _, placed: _width(placed.operator),
    Sum: _sum,
    AveragePool: _average,
    MaxPool: lambda _, placed: _window(placed.operator.kernel, placed.operator),
    Concat: lambda _, placed: varint(placed.operator.axis),
    Requantize: lambda _, placed: b"",
    Table: _table_entries,
    Transpose: lambda _, placed: b"".join(map(varint, placed.operator.axes)),
    Pad: _pad,
    TransposedConvolution: _convolution,
    Slice: _slice,
    Pick: _pick,
    Interpolate: _interpolate,
    MatrixProduct: lambda _, placed: _width(placed.operator),
    ParametricRelu: _slopes,
    Extreme: lambda _, placed: varint(not placed.operator.largest),
    Softmax: _softmax,
}
