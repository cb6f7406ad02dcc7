"""Find the layers whose weights attar knows how to change, and name the reason for every one it leaves alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx_ir as ir

FLOAT_WEIGHTS = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16)
Role = Literal["convolution", "matrix"]


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
        channel_axis: the axis of output channels.
        nodes: names of the operators that read it.
        role: "matrix" for the second operand of Gemm and MatMul (rank 2), "convolution" otherwise.
        groups: of a convolution. offset: the bias, or the mean of the batch normalization that follows; None without.
    """

    name: str
    op_type: str
    shape: tuple[int, ...]
    channel_axis: int
    nodes: tuple[str, ...]
    role: Role
    groups: int = 1
    offset: Offset | None = None

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
        found = _classify(model.graph, name, value)
        (layers if isinstance(found, WeightLayer) else left_alone).append(found)
    inner = (f for node in model.graph for f in _inside_subgraphs(node))
    return Survey(tuple(layers), (*left_alone, *inner))


def output_channel_axis(node: ir.Node, position: int, rank: int) -> int | None:
    """Return the axis of output channels of input `position` of `node`, None where the operator is not known."""
    rule = _CHANNEL_AXIS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    return None if rule is None else rule(node, position, rank)


def _classify(graph: ir.Graph, name: str, value: ir.Value) -> WeightLayer | LeftAlone:
    shape = tuple(int(extent) for extent in value.const_value.shape)
    reason = _reason_to_leave(value, shape)
    if reason:
        return LeftAlone(name, shape, reason)
    uses = value.uses()
    axes = {output_channel_axis(use.node, use.idx, len(shape)) for use in uses}
    node = uses[0].node
    if len(axes) > 1:
        return LeftAlone(name, shape, "shared by operators that read it along different axes")
    is_matrix = len(shape) == 2 and all(
        use.node.op_type in ("Gemm", "MatMul") and use.idx == 1 and use.node.graph is graph for use in uses
    )
    role: Role = "matrix" if is_matrix else "convolution"
    names = tuple(use.node.name for use in uses)
    groups = node.attributes.get_int("group", 1)
    axis = axes.pop()
    offset = _offset(node, shape[axis]) if len(uses) == 1 else None
    return WeightLayer(name, node.op_type, shape, axis, names, role, groups, offset)


def _offset(node: ir.Node, channels: int) -> Offset | None:
    """Find what to change for a constant shift of the layer's output."""
    if node.attributes.get_float("alpha", 1.0) != 1.0:  # of a Gemm: its output is not weights times inputs
        return None
    followers = node.outputs[0].uses()
    if len(followers) == 1 and followers[0].node.op_type == "BatchNormalization":
        mean = followers[0].node.inputs[3]
        if _own_initializer(mean):
            return Offset(mean.name, -1)
    bias = node.inputs[2] if len(node.inputs) > 2 and node.op_type in ("Conv", "Gemm") else None
    plain = node.attributes.get_float("beta", 1.0) == 1.0
    return Offset(bias.name, 1) if plain and _own_initializer(bias) and tuple(bias.shape) == (channels,) else None


def _own_initializer(value: ir.Value | None) -> bool:
    """Whether nobody else reads this initializer."""
    return value is not None and value.is_initializer() and len(value.uses()) == 1 and not value.is_graph_output()


def _reason_to_leave(value: ir.Value, shape: tuple[int, ...]) -> str | None:
    if value.dtype not in FLOAT_WEIGHTS:
        return f"{value.dtype.name.lower()} values are not weights" if value.dtype else "unknown type"
    uses = value.uses()
    if not uses:
        return "no operator reads it"
    strangers = [use for use in uses if output_channel_axis(use.node, use.idx, len(shape)) is None]
    if not strangers:
        return _reason_of_values(value)
    node = strangers[0].node
    if len(shape) < 2:
        return f"bias, norm statistics or constant of {node.op_type}"
    return f"weights of {node.op_type}, which no technique treats yet"


def _reason_of_values(value: ir.Value) -> str | None:
    """Find what keeps weights of a known operator from being changed."""
    if value.is_graph_output():
        return "an output of the network too"
    values = value.const_value.numpy()
    infinite = values.size - np.count_nonzero(np.isfinite(values))
    if infinite or not values.size:
        return f"{infinite} of its values are infinite" if infinite else "holds no values"
    return None


def _inside_subgraphs(node: ir.Node) -> list[LeftAlone]:
    found = []
    for attribute in node.attributes.values():
        if attribute.type != ir.AttributeType.GRAPH:
            continue
        graph = attribute.as_graph()
        for name, value in graph.initializers.items():
            shape = tuple(int(extent) for extent in value.const_value.shape)
            found.append(LeftAlone(name, shape, f"inside a subgraph of {node.op_type}"))
        found += (deeper for inner in graph for deeper in _inside_subgraphs(inner))
    return found


def _conv(node: ir.Node, position: int, rank: int) -> int | None:
    return 0 if position == 1 and rank >= 3 else None


def _conv_transpose(node: ir.Node, position: int, rank: int) -> int | None:
    return 1 if position == 1 and rank >= 3 else None


def _gemm(node: ir.Node, position: int, rank: int) -> int | None:
    if rank != 2 or position > 1:
        return None
    transposed = bool(node.attributes.get_int("transB" if position else "transA", 0))
    # A is (outputs, inputs) and B (inputs, outputs), unless transposed.
    return int(transposed) if position == 0 else int(not transposed)


def _matmul(node: ir.Node, position: int, rank: int) -> int | None:
    if rank < 2:
        return None
    return rank - 1 if position == 1 else rank - 2


_CHANNEL_AXIS: dict[str, Callable[[ir.Node, int, int], int | None]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MatMul": _matmul,
}
