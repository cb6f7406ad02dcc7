"""Streams of channels: tensors whose channels can be scaled together, the layers that make and that read them.

Between the layers of a stream stand operators alone through which a positive factor of a channel passes: Relu and its
kin, pools, the sum of two tensors. Multiplied by t where it is made and divided by t where it is read, a channel leaves
the network's answers as they were (Nagel et al. 2019, section 4.1; card CLE). A stream is a pair of layers in the
plainest case. Through residual sums it has as many makers and readers as there are; a depthwise convolution reads one
stream and makes the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .operators import constant_of, is_default_domain
from .rewrite import set_initializer

HOMOGENEOUS = ("Relu", "LeakyRelu", "PRelu", "Identity", "MaxPool", "AveragePool", "GlobalMaxPool")
HOMOGENEOUS += ("GlobalAveragePool",)


@dataclass(frozen=True)
class Layer:
    """A Conv, Gemm or MatMul with weights that nobody else reads.

    Attributes:
        weights, bias: names of the initializers. groups: of a convolution. input_axis: of the weights.
    """

    weights: str
    bias: str | None
    groups: int
    input_axis: int

    @property
    def output_axis(self) -> int:
        """The weights' axis of output channels."""
        return 1 - self.input_axis

    def rows(self, values: np.ndarray) -> np.ndarray:
        """Return weights as (outputs, what an output multiplies)."""
        return np.moveaxis(values, self.output_axis, 0).reshape(values.shape[self.output_axis], -1)

    def columns(self, values: np.ndarray, channels: int) -> np.ndarray:
        """Return weights as (channels of the input, what a channel is multiplied by)."""
        outputs = values.shape[self.output_axis]
        rows = np.moveaxis(values, self.output_axis, 0).reshape(self.groups, outputs // self.groups, -1)
        each = channels // self.groups
        columns = rows.reshape(self.groups, outputs // self.groups, each, -1)
        return np.moveaxis(columns, 2, 1).reshape(channels, -1)

    def is_by_channel(self, channels: int) -> bool:
        """Whether every output reads one channel: a factor of an input is then one of the outputs that read it."""
        return self.groups == channels


@dataclass(frozen=True)
class Stream:
    """Channels that can be scaled together.

    Attributes:
        channels: their number. makers, readers: layers in graph order. offsets: names of constants that are added on
            the way, with their axis of channels.
        tensors: names of all that flows in it. limit: the least number that a channel is clipped at, inf without.
    """

    channels: int
    makers: tuple[Layer, ...]
    readers: tuple[Layer, ...]
    offsets: tuple[tuple[str, int], ...]
    tensors: tuple[str, ...]
    limit: float


def streams(model: ir.Model) -> list[Stream]:
    """Return all streams of a network whose shapes are inferred, in graph order."""
    finder = _Finder(model.graph)
    for node in model.graph:
        finder.see(node)
    return [stream for stream in map(finder.stream, finder.roots()) if stream is not None]


def scale(model: ir.Model, stream: Stream, factors: np.ndarray) -> None:
    """Multiply, in place, the channels of a stream by `factors` (channels,), all above 0."""
    if (factors == 1).all():
        return
    for layer in stream.makers:
        _multiply(model, layer.weights, factors, layer.output_axis)
        if layer.bias is not None:
            _multiply(model, layer.bias, factors, -1)
    for name, axis in stream.offsets:
        _multiply(model, name, factors, axis)
    for layer in stream.readers:
        values = _numbers(model, layer.weights)
        by_input = column_factors(layer, values.shape, 1 / factors)
        set_initializer(model, layer.weights, (values * by_input).astype(np.float32))


def column_factors(layer: Layer, shape: tuple[int, ...], factors: np.ndarray) -> np.ndarray:
    """Return what the weights of a reader are multiplied by, of a shape that broadcasts, for `factors` of its input."""
    extent, outputs = shape[layer.input_axis], shape[layer.output_axis]
    if layer.groups == 1:
        spread = np.repeat(factors, extent // len(factors))
        return np.expand_dims(spread, [axis for axis in range(len(shape)) if axis != layer.input_axis])
    by_group = np.repeat(factors.reshape(layer.groups, 1, extent), outputs // layer.groups, axis=1)
    return by_group.reshape(outputs, extent, *(1,) * (len(shape) - 2))


def _multiply(model: ir.Model, name: str, factors: np.ndarray, axis: int) -> None:
    values = _numbers(model, name)
    by_axis = np.expand_dims(factors, [a for a in range(values.ndim) if a != axis % values.ndim])
    set_initializer(model, name, (values * by_axis).astype(np.float32))


def _numbers(model: ir.Model, name: str) -> np.ndarray:
    return model.graph.initializers[name].const_value.numpy().astype(np.float64)


class _Finder:
    """Joins tensors through which a factor passes, and notes what stands at their ends."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._parents: dict[ir.Value, ir.Value] = {}
        self._makers: list[tuple[ir.Value, Layer, int]] = []
        self._readers: list[tuple[ir.Value, Layer, int]] = []
        self._offsets: list[tuple[ir.Value, str, int, int]] = []
        self._limits: list[tuple[ir.Value, float]] = []
        self._closed: list[ir.Value] = []
        for value in (*graph.inputs, *graph.outputs):
            self._close(value)

    def see(self, node: ir.Node) -> None:
        """Note what a node does to the channels of what it reads and writes."""
        if constant_of(node.outputs[0]) is not None:
            return
        layer = _layer(node)
        if layer is not None:
            values = node.inputs[1].const_value
            self._makers.append((self._root(node.outputs[0]), layer, values.shape[layer.output_axis]))
            self._readers.append((self._root(node.inputs[0]), layer, values.shape[layer.input_axis] * layer.groups))
        elif not (_is_plain(node) and self._passes(node)):
            for value in (*_read_inside(node), *node.inputs, *node.outputs):
                if value is not None:
                    self._close(value)

    def roots(self) -> list[ir.Value]:
        """Return one tensor of each stream that a layer makes."""
        return list(dict.fromkeys(self._root(value) for value, _, _ in self._makers))

    def stream(self, root: ir.Value) -> Stream | None:
        """Return the stream around `root`; None where a channel's factor would show, or nobody reads it."""
        makers, readers = self._of(root, self._makers), self._of(root, self._readers)
        offsets = self._of(root, self._offsets)
        channels = makers[0][2]
        if any(self._root(value) is root for value in self._closed) or not readers:
            return None
        if any(extent != channels for _, _, extent in makers) or any(each[3] != channels for each in offsets):
            return None
        if any(extent % channels or (layer.groups > 1 and extent != channels) for _, layer, extent in readers):
            return None
        return Stream(
            channels,
            tuple(layer for _, layer, _ in makers),
            tuple(layer for _, layer, _ in readers),
            tuple((name, axis) for _, name, axis, _ in offsets),
            tuple(value.name for value in self._parents if self._root(value) is root),
            min((limit for _, limit in self._of(root, self._limits)), default=np.inf),
        )

    def _of(self, root: ir.Value, found: list[tuple]) -> list[tuple]:
        return [each for each in found if self._root(each[0]) is root]

    def _passes(self, node: ir.Node) -> bool:
        """Whether a factor passes `node`; its tensors are then joined."""
        source, result, kind = node.inputs[0], node.outputs[0], node.op_type
        if kind in HOMOGENEOUS or _flattens(node) or _is_inference_dropout(node) or _averages_places(node):
            return self._join(source, result)
        if kind == "Clip":
            limit = _limit(node)
            if limit is not None:
                self._limits.append((result, limit))
                return self._join(source, result)
        if kind in ("Add", "Sub") and len({id(value) for value in node.inputs}) == 2:
            constants = [value for value in node.inputs if constant_of(value) is not None]
            flowing = [value for value in node.inputs if constant_of(value) is None]
            if not constants and _rank(flowing[0]) == _rank(flowing[1]) is not None and _are_alike(*flowing):
                return self._join(*flowing) and self._join(source, result)
            if len(constants) == 1 and self._takes(constants[0], result):
                return self._join(flowing[0], result)
        return False

    def _takes(self, constant: ir.Value, result: ir.Value) -> bool:
        """Whether what an Add adds has a number for every channel, which nobody else reads."""
        rank = _rank(result)
        if rank is None or not _is_own(constant):
            return False
        shape = tuple(constant.const_value.shape)
        axis = 1 - (rank - len(shape))
        if not 0 <= axis < len(shape) <= rank:
            return False
        self._offsets.append((result, constant.name, axis, shape[axis]))
        return True

    def _close(self, value: ir.Value) -> None:
        self._closed.append(value)
        self._root(value)

    def _join(self, left: ir.Value, right: ir.Value) -> bool:
        self._parents[self._root(left)] = self._root(right)
        return True

    def _root(self, value: ir.Value) -> ir.Value:
        self._parents.setdefault(value, value)
        while self._parents[value] is not value:
            value = self._parents[value]
        return value


def _layer(node: ir.Node) -> Layer | None:
    """Return the layer that a node is; None of all else, and where its numbers are not its own."""
    if not _is_plain(node) or node.op_type not in ("Conv", "Gemm", "MatMul") or not _is_own(node.inputs[1]):
        return None
    shape, bias = tuple(node.inputs[1].const_value.shape), node.inputs[2] if len(node.inputs) > 2 else None
    if constant_of(node.inputs[0]) is not None:
        return None
    if node.op_type == "Conv":
        is_row, groups = True, node.attributes.get_int("group", 1)
    else:
        is_row, groups = bool(node.attributes.get_int("transB", 0)), 1
        is_turned = node.op_type == "Gemm" and node.attributes.get_int("transA", 0)
        if len(shape) != 2 or is_turned or (node.op_type == "MatMul" and _rank(node.inputs[0]) != 2):
            return None
    axis = 1 if is_row else 0
    if bias is not None and not (_is_own(bias) and bias.const_value.shape[-1:] == (shape[1 - axis],)):
        return None
    if bias is not None and bias.const_value.size != shape[1 - axis]:
        return None
    return Layer(node.inputs[1].name, None if bias is None else bias.name, groups, axis)


def _is_plain(node: ir.Node) -> bool:
    return is_default_domain(node) and not any(True for _ in _read_inside(node)) and bool(node.inputs)


def _read_inside(node: ir.Node) -> Iterator[ir.Value]:
    """Yield what the subgraphs of a node read."""
    for attribute in node.attributes.values():
        graphs = []
        if attribute.type == ir.AttributeType.GRAPH:
            graphs = [attribute.as_graph()]
        elif attribute.type == ir.AttributeType.GRAPHS:
            graphs = attribute.as_graphs()
        for graph in graphs:
            yield from graph.outputs
            for inner in graph:
                yield from (value for value in inner.inputs if value is not None)
                yield from _read_inside(inner)


def _is_own(value: ir.Value | None) -> bool:
    """Whether this is an initializer in float32, finite, that one operator reads and nothing else does."""
    if value is None or not value.is_initializer() or value.const_value is None or value.is_graph_output():
        return False
    if value.dtype != ir.DataType.FLOAT or len(value.uses()) != 1 or value.is_graph_input():
        return False
    return bool(np.isfinite(value.const_value.numpy()).all())


def _rank(value: ir.Value) -> int | None:
    return None if value.shape is None else len(value.shape)


def _are_alike(left: ir.Value, right: ir.Value) -> bool:
    """Whether two tensors have equally many channels."""
    ends = [value.shape[1] if len(value.shape) > 1 else None for value in (left, right)]
    return isinstance(ends[0], int) and ends[0] == ends[1]


def _flattens(node: ir.Node) -> bool:
    """Whether a node lays the places of a channel side by side, channel after channel."""
    if node.op_type == "Flatten":
        return node.attributes.get_int("axis", 1) == 1
    if node.op_type != "Reshape" or _rank(node.outputs[0]) != 2 or _rank(node.inputs[0]) in (None, 0, 1):
        return False
    shape, channels = node.inputs[0].shape, node.outputs[0].shape[1]
    places = [extent for extent in shape[1:] if isinstance(extent, int)]
    return len(places) == len(shape) - 1 and channels == int(np.prod(places))


def _is_inference_dropout(node: ir.Node) -> bool:
    is_training = len(node.inputs) > 2 and node.inputs[2] is not None
    return node.op_type == "Dropout" and not is_training and not any(value.uses() for value in node.outputs[1:])


def _averages_places(node: ir.Node) -> bool:
    """Whether a node averages over all axes behind the channels, or some of them."""
    if node.op_type not in ("ReduceMean", "ReduceSum", "ReduceMax"):
        return False
    axes = tuple(node.attributes["axes"].as_ints()) if "axes" in node.attributes else None
    if axes is None and len(node.inputs) > 1 and node.inputs[1] is not None:
        tensor = constant_of(node.inputs[1])
        axes = None if tensor is None else tuple(int(axis) for axis in tensor.numpy().reshape(-1))
    rank = _rank(node.inputs[0])
    return bool(axes) and rank is not None and all(axis % rank >= 2 for axis in axes)


def _limit(node: ir.Node) -> float | None:
    """Return where a Clip from 0 up ends; None of one that starts elsewhere, or whose ends are computed."""
    ends = [node.attributes.get_float("min", -np.inf), node.attributes.get_float("max", np.inf)]
    for position, value in enumerate(node.inputs[1:]):
        if value is not None:
            tensor = constant_of(value)
            if tensor is None or tensor.size != 1:
                return None
            ends[position] = float(tensor.numpy().reshape(()))
    return ends[1] if ends[0] == 0 and ends[1] > 0 else None
