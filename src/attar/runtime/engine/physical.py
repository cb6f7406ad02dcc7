"""From a program as the oracle runs it to the same program in memory: every operator with tensors in one order.

What is new here are Transposes between orders. What is gone are Reshapes and Transposes that move no number.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ...errors import ModelError
from ..integer.program import (
    AveragePool,
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
    Reshape,
    ScaleShift,
    Slice,
    Softmax,
    Sum,
    Table,
    Transpose,
    TransposedConvolution,
)
from .layout import Laid, Order, channels_last, plain, same_order

WINDOWED = (Convolution, TransposedConvolution, AveragePool, MaxPool)


@dataclass(frozen=True)
class Placed:
    """An operator and the memory that it works on; what it says of axes is in the order of that memory.

    Attributes:
        columns: of a Dense: how many channels its columns have that its input has channels last; 1 where in order.
    """

    operator: Operator
    inputs: tuple[Laid, ...]
    output: Laid
    columns: int = 1


@dataclass(frozen=True)
class Physical:
    """Operators in order, and the tensors that come in and go out."""

    placed: tuple[Placed, ...]
    inputs: tuple[Laid, ...]
    outputs: tuple[Laid, ...]


def physical(program: Program) -> Physical:
    """Return a program laid out in memory.

    Raises:
        ModelError: an operator that the engine does not know.
    """
    layer = _Layer(program)
    for operator in program.operators:
        layer.add(operator)
    inputs, outputs = (tuple(map(layer.port, names)) for names in (program.inputs, program.outputs))
    return Physical(tuple(layer.placed), inputs, outputs)


@dataclass
class _Layer:
    """Lays out one operator after another."""

    program: Program
    laid: dict[str, Laid] = field(default_factory=dict)
    placed: list[Placed] = field(default_factory=list)

    def __post_init__(self) -> None:
        windowed = {
            name for operator in self.program.operators if isinstance(operator, WINDOWED) for name in operator.inputs
        }
        for name in self.program.inputs:
            self._declare(name, channels_last if name in windowed else plain)

    def add(self, operator: Operator) -> None:
        if type(operator) not in RULES:
            raise ModelError(f"operator {type(operator).__name__} '{operator.output}': the engine does not know it")
        RULES[type(operator)](self, operator)

    def port(self, name: str) -> Laid:
        """Return a tensor that comes in or goes out, which may lie in any order of its own axes."""
        tensor = self.laid[name]
        return replace(self._unflattened(tensor), name=name) if tensor.flattened > 1 else tensor

    def input(self, operator: Operator, position: int = 0) -> Laid:
        return self.laid[operator.inputs[position]]

    def in_order(self, tensor: Laid, order: Order) -> Laid:
        """Return the tensor in an order of axes, moved there if it lies otherwise."""
        if tensor.flattened > 1:
            tensor = self._unflattened(tensor)
        if same_order(tensor.shape, tensor.order, order):
            return replace(tensor, order=order)
        name = f"{tensor.name}/{'.'.join(map(str, order))}"
        if name not in self.laid:
            self.laid[name] = Laid(name, name, tensor.shape, order, tensor.format)
            axes = tuple(tensor.place(axis) for axis in order)
            self._put(Transpose(inputs=(tensor.name,), output=name, axes=axes), (tensor,), self.laid[name])
        return self.laid[name]

    def alias(self, operator: Operator, source: Laid, order: Order, *, flattened: int = 1) -> None:
        """Let the output be other words for what is there."""
        tensor = self.program.tensors[operator.output]
        self.laid[operator.output] = Laid(operator.output, source.root, tensor.shape, order, tensor.format, flattened)

    def write(self, operator: Operator, inputs: tuple[Laid, ...], order: Order, **more: int) -> None:
        """Add an operator whose output lies in an order of axes."""
        flattened = more.pop("flattened", 1)
        tensor = self.program.tensors[operator.output]
        output = Laid(operator.output, operator.output, tensor.shape, order, tensor.format, flattened)
        self.laid[operator.output] = output
        self._put(operator, inputs, output, **more)

    def _put(self, operator: Operator, inputs: tuple[Laid, ...], output: Laid, **more: int) -> None:
        self.placed.append(Placed(operator, inputs, output, **more))

    def _declare(self, name: str, order: Callable[[tuple[int, ...]], Order]) -> None:
        tensor = self.program.tensors[name]
        self.laid[name] = Laid(name, name, tensor.shape, order(tensor.shape), tensor.format)

    def _unflattened(self, tensor: Laid) -> Laid:
        """Return numbers that lie channels last in the order of channels first."""
        channels, name = tensor.flattened, f"{tensor.name}/0"
        if name not in self.laid:
            image = (tensor.shape[0] // channels, channels)
            seen = Laid(tensor.name, tensor.root, image, (0, 1), tensor.format)
            turned = Laid(name, name, image[::-1], (0, 1), tensor.format)
            self._put(Transpose(inputs=(tensor.name,), output=name, axes=(1, 0)), (seen,), turned)
            self.laid[name] = Laid(name, name, tensor.shape, (0,), tensor.format)
        return self.laid[name]


def _window(layer: _Layer, operator: Convolution | TransposedConvolution | AveragePool | MaxPool) -> None:
    source = layer.input(operator)
    source = layer.in_order(source, channels_last(source.shape))
    layer.write(operator, (source,), channels_last(layer.program.tensors[operator.output].shape))


def _dense(layer: _Layer, operator: Dense) -> None:
    source = layer.input(operator)
    columns = source.flattened
    if columns == 1:
        source = layer.in_order(source, plain(source.shape))
    layer.write(operator, (source,), plain(source.shape), columns=columns)


def _same(layer: _Layer, operator: Requantize | Table) -> None:
    source = layer.input(operator)
    layer.write(operator, (source,), source.order, flattened=source.flattened)


def _scale_shift(layer: _Layer, operator: ScaleShift) -> None:
    source = _in_axes(layer, operator)
    turned = {name: np.transpose(getattr(operator, name), source.order) for name in ("weights", "bias")}
    layer.write(replace(operator, **turned), (source,), source.order)


def _slopes(layer: _Layer, operator: ParametricRelu) -> None:
    source = _in_axes(layer, operator)
    layer.write(replace(operator, slopes=np.transpose(operator.slopes, source.order)), (source,), source.order)


def _matrices(layer: _Layer, operator: MatrixProduct) -> None:
    inputs = tuple(layer.in_order(layer.laid[name], plain(layer.laid[name].shape)) for name in operator.inputs)
    layer.write(operator, inputs, plain(layer.program.tensors[operator.output].shape))


def _softmax(layer: _Layer, operator: Softmax) -> None:
    source = layer.input(operator)  # along its only axis, numbers may lie in any order
    layer.write(
        replace(operator, axis=source.place(operator.axis)), (source,), source.order, flattened=source.flattened
    )


def _broadcast(layer: _Layer, operator: Sum | Product | Extreme) -> None:
    shape = layer.program.tensors[operator.output].shape
    whole = next((tensor for tensor in map(layer.laid.get, operator.inputs) if tensor.shape == shape), None)
    order = plain(shape) if whole is None or whole.flattened > 1 else whole.order
    inputs = tuple(layer.in_order(layer.laid[name], order) for name in operator.inputs)
    layer.write(operator, inputs, order)


def _concat(layer: _Layer, operator: Concat) -> None:
    first = layer.input(operator)
    order = plain(first.shape) if first.flattened > 1 else first.order
    inputs = tuple(layer.in_order(layer.laid[name], order) for name in operator.inputs)
    layer.write(replace(operator, axis=order.index(operator.axis)), inputs, order)


def _in_axes(layer: _Layer, operator: Operator) -> Laid:
    """Return the input in whatever order of its own axes."""
    source = layer.input(operator)
    return layer.in_order(source, plain(source.shape)) if source.flattened > 1 else source


def _pad(layer: _Layer, operator: Pad) -> None:
    source = _in_axes(layer, operator)
    pads = tuple(operator.pads[axis] for axis in source.order)
    layer.write(replace(operator, pads=pads), (source,), source.order)


def _slice(layer: _Layer, operator: Slice) -> None:
    source = _in_axes(layer, operator)
    turned = {name: tuple(getattr(operator, name)[axis] for axis in source.order) for name in ("starts", "steps")}
    layer.write(replace(operator, **turned), (source,), source.order)


def _pick(layer: _Layer, operator: Pick) -> None:
    source = _in_axes(layer, operator)
    indices = tuple(operator.indices[axis] for axis in source.order)
    layer.write(replace(operator, indices=indices), (source,), source.order)


def _interpolate(layer: _Layer, operator: Interpolate) -> None:
    source = _in_axes(layer, operator)
    places = sorted((source.place(axis), number) for number, axis in enumerate(operator.axes))
    turned = {
        name: tuple(getattr(operator, name)[number] for _, number in places)
        for name in ("nearer", "farther", "weights")
    }
    axes = tuple(place for place, _ in places)
    layer.write(replace(operator, axes=axes, **turned), (source,), source.order)


def _transpose(layer: _Layer, operator: Transpose) -> None:
    source = _in_axes(layer, operator)
    layer.alias(operator, source, tuple(operator.axes.index(axis) for axis in source.order))


def _reshape(layer: _Layer, operator: Reshape) -> None:
    source, shape = layer.input(operator), layer.program.tensors[operator.output].shape
    if source.flattened > 1 and shape == source.shape:
        layer.alias(operator, source, source.order, flattened=source.flattened)
    elif (
        not source.is_plain and len(shape) == 1 and same_order(source.shape, source.order, channels_last(source.shape))
    ):
        layer.alias(operator, source, (0,), flattened=source.shape[0])
    else:
        layer.alias(operator, layer.in_order(source, plain(source.shape)), plain(shape))


RULES: dict[type, Callable[[_Layer, Operator], None]] = {
    Convolution: _window,
    AveragePool: _window,
    MaxPool: _window,
    Dense: _dense,
    Requantize: _same,
    Table: _same,
    ScaleShift: _scale_shift,
    Sum: _broadcast,
    Product: _broadcast,
    Concat: _concat,
    Pad: _pad,
    Transpose: _transpose,
    Reshape: _reshape,
    TransposedConvolution: _window,
    Slice: _slice,
    Pick: _pick,
    Interpolate: _interpolate,
    MatrixProduct: _matrices,
    ParametricRelu: _slopes,
    Extreme: _broadcast,
    Softmax: _softmax,
}
