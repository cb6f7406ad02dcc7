"""The steps of a network that become operators of a program: what is fused into what, and which tensors remain."""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ...errors import ModelError
from ...graph.operators import is_default_domain
from .operands import Limits, flowing, limits_of, numbers, only_reader
from .spelled import Function, functions

CLAMPING = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "BatchNormalization")
CLAMPING += ("AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum")
KEEPING_FORMAT = ("Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Pad", "Slice")
KEEPING_FORMAT += (
    "Gather",
    "Resize",
    "Upsample",
    "DepthToSpace",
    "SpaceToDepth",
    "MaxPool",
    "GlobalMaxPool",
    "ReduceMax",
)


@dataclass(frozen=True)
class Step:
    """One operator with what is fused into it.

    Attributes:
        inputs: the tensors that flow in. output: of the last operator fused.
        bias: what an Add behind a MatMul adds along the last axis. limits: of a fused Relu or Clip.
        function: of one number that the step is, whose last operator is `node`.
    """

    node: ir.Node
    inputs: tuple[ir.Value, ...]
    output: ir.Value
    bias: np.ndarray | None = None
    limits: Limits | None = None
    function: Function | None = None

    @property
    def keeps_format(self) -> bool:
        """Whether the output's integers mean what the input's do."""
        return self.node.op_type in KEEPING_FORMAT

    @property
    def made(self) -> frozenset[str]:
        """The names of all tensors that the step makes, those within it included."""
        pieces = self.function.pieces if self.function is not None else (self.node,)
        return frozenset({value.name for node in pieces for value in node.outputs} | {self.output.name})

    def refusal(self, reason: str) -> "Refusal":
        """Return the error that names this step and says why it cannot run in integers."""
        return Refusal(f"operator {self.node.op_type} '{self.output.name}': {reason}", self.made)


class Refusal(ModelError):
    """A step that cannot run in integers; `made` are the names of the tensors that it makes."""

    def __init__(self, text: str, made: frozenset[str]) -> None:
        super().__init__(text)
        self.made = made


def steps_of(model: ir.Model, rounded: Container[str] = ()) -> list[Step]:
    """Return the steps of a prepared network that its outputs need, in topological order.

    rounded: names of tensors that no function takes in, since they are rounded to a format of their own.
    """
    needed = _needed(model)
    nodes = [node for node in model.graph if node in needed]
    found = functions(nodes, _is_taken_in, rounded)
    fused = {piece for function in found.values() for piece in function.pieces[:-1]}
    steps = []
    for node in nodes:
        if node in found:
            steps.append(Step(node, (found[node].source,), node.outputs[0], function=found[node]))
        elif node not in fused:
            step, taken = _step(node)
            steps.append(step)
            fused |= taken
    return steps


def without_table(step: Step) -> list[Step]:
    """Return the steps that a function comes to where no table is made of it; none where a piece needs one."""
    if step.function is None or step.function.needs_table:
        return []
    *pieces, last = step.function.pieces
    steps, fused = [], set()
    for node in pieces:
        if node not in fused:
            made, taken = _step(node)
            steps.append(made)
            fused |= taken
    return steps if last in fused else [*steps, Step(last, tuple(flowing(last)), last.outputs[0])]


def observed(model: ir.Model, steps: list[Step]) -> list[str]:
    """Return the tensors that need a format of their own: inputs, and all that isn't handed on in its input's.

    Those within a function are among them where it may be computed without a table.
    """
    read = [value.name for value in read_inputs(model, steps)]
    single = [each for step in steps for each in without_table(step) or [step]]
    return [*read, *(step.output.name for step in single if not step.keeps_format)]


def read_inputs(model: ir.Model, steps: list[Step]) -> list[ir.Value]:
    """Return the network's inputs that flow into a step; not those that tell shapes alone."""
    read = {id(value) for step in steps for value in step.inputs}
    return [value for value in model.graph.inputs if id(value) in read]


def _needed(model: ir.Model) -> set[ir.Node]:
    found, open_values = set(), list(model.graph.outputs)
    while open_values:
        node = open_values.pop().producer()
        if node is not None and node not in found:
            found.add(node)
            open_values += flowing(node)
    return found


def _step(node: ir.Node) -> tuple[Step, set[ir.Node]]:
    output, bias, limits, taken = node.outputs[0], None, None, set()
    follower = only_reader(output)
    if follower is not None and (bias := _bias_behind(node, follower)) is not None:
        output, taken = follower.outputs[0], {follower}
        follower = only_reader(output)
    if node.op_type in CLAMPING and follower is not None and (limits := limits_of(follower)) is not None:
        output, taken = follower.outputs[0], taken | {follower}
    return Step(node, tuple(flowing(node)), output, bias, limits), taken


def _is_taken_in(value: ir.Value) -> bool:
    """Whether the only operator that reads `value` goes into the one that makes it."""
    node, follower = value.producer(), only_reader(value)
    if node is None or follower is None:
        return False
    return _bias_behind(node, follower) is not None or (node.op_type in CLAMPING and limits_of(follower) is not None)


def _bias_behind(node: ir.Node, follower: ir.Node) -> np.ndarray | None:
    """Return the constant that an Add behind a MatMul adds along the last axis; None of all else."""
    if node.op_type != "MatMul" or len(list(flowing(node))) != 1:
        return None
    if follower.op_type != "Add" or not is_default_domain(follower):
        return None
    added = numbers(follower.inputs[1 if follower.inputs[0] is node.outputs[0] else 0])
    is_row = added is not None and added.size == (added.shape[-1] if added.ndim else 1)
    return added.reshape(-1) if is_row and added.ndim <= 2 else None
