"""Find the layers whose weights attar knows how to change, and name the reason for every one it leaves alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .hoist import is_large
from .operators import RECURRENT, Role, constant_of, role_of
from .readers import FLOAT_WEIGHTS, Reader, readers_of


@dataclass(frozen=True)
class Offset:
    """Where a layer's output can be shifted by a constant per channel: output + v is `name` + sign x v."""

    name: str
    sign: int


@dataclass(frozen=True)
class WeightLayer:
    """One initializer that holds the weights of one or more operators.

    Attributes:
        name: the initializer's name, which is the layer's name everywhere in attar.
        op_type: the operator that reads it, such as "Conv".
        shape: the weights' shape.
        channel_axis: the axis of output channels. Where several operators read the weights along different axes, that
            of the first which multiplies by them; tables are only looked up.
        nodes: names of the operators that read it, views such as Transpose left out.
        role: how the weights work.
            "matrix": second operand of Gemm or MatMul, rank 2. "left_matrix": first operand.
            "table": rows (rows, outputs) that a Gather looks up.
            "recurrent": W or R of an LSTM, GRU or RNN, (directions, gates x hidden, inputs).
            "convolution": all else, matrices of rank 3 and more included.
        groups: of a convolution. offset: the bias, or the mean of the batch normalization that follows; None without.
        direct: whether its operators read the initializer itself, not a view of it.
    """

    name: str
    op_type: str
    shape: tuple[int, ...]
    channel_axis: int
    nodes: tuple[str, ...]
    role: Role
    groups: int = 1
    offset: Offset | None = None
    direct: bool = True

    @property
    def size(self) -> int:
        """Number of weights."""
        product = 1
        for extent in self.shape:
            product *= extent
        return product


@dataclass(frozen=True)
class LeftAlone:
    """An initializer that stays as it is, and why."""

    name: str
    shape: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Survey:
    """All layers of a network that can be changed, and all initializers that cannot."""

    layers: tuple[WeightLayer, ...]
    left_alone: tuple[LeftAlone, ...]


def survey(model: ir.Model) -> Survey:
    """Sort the network's initializers into weight layers and those left alone, in graph order."""
    layers, left_alone = [], []
    for name, value in model.graph.initializers.items():
        found = _classify(name, value)
        (layers if isinstance(found, WeightLayer) else left_alone).append(found)
    return Survey(tuple(layers), (*left_alone, *_out_of_reach(model)))


def _classify(name: str, value: ir.Value) -> WeightLayer | LeftAlone:
    shape = _shape(value.const_value)
    readers = readers_of(value)
    reason = _reason_to_leave(value, shape, readers)
    if reason:
        return LeftAlone(name, shape, reason)
    main = _main_reader(readers)
    node, alone = main.node, len(readers) == 1
    return WeightLayer(
        name,
        node.op_type,
        shape,
        main.axis,
        tuple(reader.node.name for reader in readers),
        role_of(node, main.position, len(main.shape)),
        groups=node.attributes.get_int("group", 1),
        offset=_offset(node, shape[main.axis]) if alone and main.direct and main.position == 1 else None,
        direct=all(reader.direct for reader in readers),
    )


def _shape(tensor: ir.TensorProtocol) -> tuple[int, ...]:
    return tuple(int(extent) for extent in tensor.shape)


def _main_reader(readers: list[Reader]) -> Reader:
    """Return the reader whose channels count: the first that multiplies, as a table costs no arithmetic."""
    return min((r for r in readers if r.axis is not None), key=lambda reader: reader.node.op_type == "Gather")


def _offset(node: ir.Node, channels: int) -> Offset | None:
    """Find what to change for a constant shift of the layer's output."""
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return None
    if node.attributes.get_float("alpha", 1.0) != 1.0:  # of a Gemm: its output is not weights times inputs
        return None
    followers = node.outputs[0].uses()
    if len(followers) == 1 and followers[0].node.op_type == "BatchNormalization" and _is_normalized(node):
        mean = followers[0].node.inputs[3]
        if _own_initializer(mean) and tuple(mean.shape) == (channels,):
            return Offset(mean.name, -1)
    bias = node.inputs[2] if len(node.inputs) > 2 and node.op_type in ("Conv", "Gemm") else None
    plain = node.attributes.get_float("beta", 1.0) == 1.0
    return Offset(bias.name, 1) if plain and _own_initializer(bias) and tuple(bias.shape) == (channels,) else None


def _own_initializer(value: ir.Value | None) -> bool:
    """Whether nobody else reads this initializer."""
    return value is not None and value.is_initializer() and len(value.uses()) == 1 and not value.is_graph_output()


def _reason_to_leave(value: ir.Value, shape: tuple[int, ...], readers: list[Reader]) -> str | None:
    if value.dtype not in FLOAT_WEIGHTS:
        return f"{value.dtype.name.lower()} values are not weights" if value.dtype else "unknown type"
    if not readers:
        return "no operator reads it"
    strangers = [reader for reader in readers if not reader.known]
    if strangers:
        return _reason_of_stranger(strangers[0], shape)
    if all(reader.axis is None for reader in readers):
        return "its output channels lie along none of its axes"
    return _reason_of_values(value)


def _reason_of_stranger(reader: Reader, shape: tuple[int, ...]) -> str:
    op_type = reader.node.op_type
    if op_type in RECURRENT and reader.position == 3:
        return f"bias of {op_type}"
    if len(shape) < 2:
        return f"bias, norm statistics or constant of {op_type}"
    return f"weights of {op_type}, which no technique treats yet"


def _reason_of_values(value: ir.Value) -> str | None:
    """Find what keeps weights of a known operator from being changed."""
    if value.is_graph_output():
        return "an output of the network too"
    values = value.const_value.numpy()
    infinite = values.size - np.count_nonzero(np.isfinite(values))
    if infinite or not values.size:
        return f"{infinite} of its values are infinite" if infinite else "holds no values"
    return None


def _out_of_reach(model: ir.Model) -> Iterator[LeftAlone]:
    """Yield what couldn't be brought up into the main graph."""
    for node in model.graph:
        yield from _inside_subgraphs(node)
    for function in model.functions.values():
        for node in function:
            tensor = constant_of(node.outputs[0])
            if tensor is not None and is_large(tensor):
                yield LeftAlone(node.outputs[0].name, _shape(tensor), f"inside function {function.name}")


def _inside_subgraphs(node: ir.Node) -> Iterator[LeftAlone]:
    for attribute in node.attributes.values():
        if attribute.type != ir.AttributeType.GRAPH:
            continue
        graph = attribute.as_graph()
        for name, value in graph.initializers.items():
            yield LeftAlone(name, _shape(value.const_value), f"inside a subgraph of {node.op_type}")
        for inner in graph:
            yield from _inside_subgraphs(inner)


def _is_normalized(node: ir.Node) -> bool:
    """Whether a normalization of what a layer makes goes by its channels: they have to lie along axis 1."""
    if node.op_type != "MatMul":
        return True
    ranks = {len(value.shape) for value in (node.inputs[0], node.outputs[0]) if value.shape is not None}
    return ranks == {2}
