"""What the weights of a layer multiply, told operator by operator: which tensor, seen how."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .geometry import Geometry, geometry
from .layers import WeightLayer
from .names import fresh_name, taken_names
from .operators import RECURRENT, is_default_domain


@dataclass(frozen=True)
class Convolution:
    """A Conv or ConvTranspose of `tensor`."""

    tensor: str
    window: Geometry


@dataclass(frozen=True)
class Product:
    """A Gemm or MatMul with `tensor`.

    Attributes:
        turned: whether the shared axis is the tensor's last but one: weights on the left, or a tensor that Gemm turns.
        channel_axis: the axis of the *initializer* along which the output channels lie.
    """

    tensor: str
    stack: tuple[int, ...]
    turned: bool
    channel_axis: int


@dataclass(frozen=True)
class Recurrence:
    """An LSTM, GRU or RNN.

    Attributes:
        tensor: X (steps, samples, inputs) of the weights W; Y (steps, directions, samples, hidden) of the weights R.
        hidden: whether the weights are R, which multiply the state of the step before.
        directions: the steps' order, such as ("forward", "reverse").
        initial: the tensor of the states before the first step (directions, samples, hidden), or its constant values;
            None for zeros.
    """

    tensor: str
    hidden: bool
    directions: tuple[str, ...]
    initial: str | np.ndarray | None = None


@dataclass(frozen=True)
class Lookup:
    """A Gather of rows; `tensor` holds their numbers."""

    tensor: str


Reading = Convolution | Product | Recurrence | Lookup


@dataclass(frozen=True)
class Unseen:
    """Why what the weights multiply cannot be observed."""

    reason: str


def readings(model: ir.Model, name: str) -> tuple[Reading, ...] | Unseen:
    """Return one reading for every operator that reads initializer `name`, or the first reason against one."""
    value = model.graph.initializers[name]
    shape = tuple(int(extent) for extent in value.const_value.shape)
    uses = _uses(value, tuple(range(len(shape))))
    found = [_reading(model.graph, node, position, shape, order) for node, position, order in uses]
    unseen = next((reading for reading in found if isinstance(reading, Unseen)), None)
    return unseen or (tuple(found) if found else Unseen("no operator reads it"))


def only_reading(model: ir.Model, layer: WeightLayer) -> Convolution | Product | None:
    """Return how the only operator of a layer reads it, where it multiplies samples by the initializer itself."""
    found = readings(model, layer.name)
    if isinstance(found, Unseen) or len(found) > 1 or not layer.direct or layer.role not in ("matrix", "convolution"):
        return None
    return None if isinstance(found[0], Product) and found[0].turned else found[0]


def name_hidden_states(model: ir.Model) -> list[str]:
    """Give, in place, every recurrent operator the output Y that `readings` needs for R; return the names given."""
    nodes = [node for node in model.graph if node.op_type in RECURRENT and not node.outputs[0].name]
    taken = taken_names(model)
    for node in nodes:
        node.outputs[0].name = fresh_name(f"{node.name or node.op_type}:states", taken)
    return [node.outputs[0].name for node in nodes]


def _uses(value: ir.Value, order: tuple[int, ...]) -> Iterator[tuple[ir.Node, int, tuple[int, ...]]]:
    """Yield operators, those behind casts and transposes too, input positions, and how the axes are turned there."""
    for node, position in value.uses():
        if node.op_type in ("Identity", "Cast"):
            yield from _uses(node.outputs[0], order)
        elif node.op_type == "Transpose":
            turned = node.attributes.get_ints("perm", tuple(reversed(range(len(order)))))
            yield from _uses(node.outputs[0], tuple(order[axis] for axis in turned))
        else:
            yield node, position, order


def _reading(
    graph: ir.Graph, node: ir.Node, position: int, shape: tuple[int, ...], order: tuple[int, ...]
) -> Reading | Unseen:
    rank = len(shape)
    rule = _RULES.get((node.op_type, position)) if is_default_domain(node) else None
    if node.graph is not graph:
        return Unseen(f"read by {node.op_type} inside a subgraph")
    if rule is None:
        return Unseen(f"read by {node.op_type} as input {position}")
    if order != tuple(range(rank)) and (rank > 2 or node.op_type not in ("Gemm", "MatMul")):
        return Unseen(f"turned around before {node.op_type} reads it")
    data = node.inputs[1 - position if position < 2 else 0]
    if data is None or data.is_initializer() or not data.name:
        return Unseen(f"{node.op_type} multiplies it by a constant")
    return rule(node, data.name, tuple(shape[axis] for axis in order), order)


def _convolution(node: ir.Node, tensor: str, shape: tuple[int, ...], order: tuple[int, ...]) -> Reading:
    return Convolution(tensor, geometry(node, shape[2:]))


def _gemm_right(node: ir.Node, tensor: str, shape: tuple[int, ...], order: tuple[int, ...]) -> Reading:
    turned, straight = _flag(node, "transA"), not _flag(node, "transB")
    return Product(tensor, (), turned, order[int(straight)])


def _gemm_left(node: ir.Node, tensor: str, shape: tuple[int, ...], order: tuple[int, ...]) -> Reading:
    return Product(tensor, (), not _flag(node, "transB"), order[int(_flag(node, "transA"))])


def _matmul_right(node: ir.Node, tensor: str, shape: tuple[int, ...], order: tuple[int, ...]) -> Reading | Unseen:
    return Product(tensor, shape[:-2], False, order[-1]) if len(shape) > 1 else Unseen("a vector")


def _matmul_left(node: ir.Node, tensor: str, shape: tuple[int, ...], order: tuple[int, ...]) -> Reading | Unseen:
    return Product(tensor, shape[:-2], True, order[-2]) if len(shape) > 1 else Unseen("a vector")


def _lookup(node: ir.Node, tensor: str, shape: tuple[int, ...], order: tuple[int, ...]) -> Reading | Unseen:
    if node.attributes.get_int("axis", 0) not in (0, -len(shape)):
        return Unseen("Gather looks up along another axis than the first")
    return Lookup(tensor)


def _recurrent_input(node: ir.Node, tensor: str, shape: tuple[int, ...], order: tuple[int, ...]) -> Reading | Unseen:
    return _why_no_steps(node) or Recurrence(tensor, False, _directions(node))


def _recurrent_state(node: ir.Node, tensor: str, shape: tuple[int, ...], order: tuple[int, ...]) -> Reading | Unseen:
    states, initial = node.outputs[0].name, _input(node, 5)
    if not states:
        return Unseen(f"the hidden states of {node.op_type} are no output of it; see name_hidden_states")
    constant = initial.const_value if initial is not None and initial.is_initializer() else None
    first = constant.numpy() if constant is not None else initial.name if initial is not None else None
    return _why_no_steps(node) or Recurrence(states, True, _directions(node), first)


def _why_no_steps(node: ir.Node) -> Unseen | None:
    if _input(node, 4) is not None:
        return Unseen(f"{node.op_type} with sequences of different lengths")
    if node.attributes.get_int("layout", 0):
        return Unseen(f"{node.op_type} with the samples before the steps")
    return None


def _directions(node: ir.Node) -> tuple[str, ...]:
    direction = node.attributes.get_string("direction", "forward")
    return ("forward", "reverse") if direction == "bidirectional" else (direction,)


def _input(node: ir.Node, position: int) -> ir.Value | None:
    return node.inputs[position] if len(node.inputs) > position else None


def _flag(node: ir.Node, name: str) -> bool:
    return bool(node.attributes.get_int(name, 0))


_RULES = {
    ("Conv", 1): _convolution,
    ("ConvTranspose", 1): _convolution,
    ("Gemm", 0): _gemm_left,
    ("Gemm", 1): _gemm_right,
    ("MatMul", 0): _matmul_left,
    ("MatMul", 1): _matmul_right,
    ("Gather", 0): _lookup,
    **{(op_type, 1): _recurrent_input for op_type in RECURRENT},
    **{(op_type, 2): _recurrent_state for op_type in RECURRENT},
}
