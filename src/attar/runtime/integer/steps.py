"""The steps of a network that become operators of a program: what is fused into what, and which tensors remain."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ...errors import ModelError
from ...graph.operators import constant_of, is_default_domain

JOINING = ("Add", "Sub", "Mul", "Div", "Concat", "MatMul", "Gemm")  # all else has one input that flows, the first
CLAMPING = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "BatchNormalization")
CLAMPING += ("AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum")
KEEPING_FORMAT = ("MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Pad", "Identity", "Dropout")
KEEPING_FORMAT += ("Slice", "Gather", "Resize", "Upsample", "GlobalMaxPool", "ReduceMax")

Limits = tuple[float, float]


@dataclass(frozen=True)
class Step:
    """One operator with what is fused into it.

    Attributes:
        inputs: the tensors that flow in. output: of the last operator fused.
        bias: what an Add behind a MatMul adds along the last axis. limits: of a fused Relu or Clip.
    """

    node: ir.Node
    inputs: tuple[ir.Value, ...]
    output: ir.Value
    bias: np.ndarray | None = None
    limits: Limits | None = None

    @property
    def keeps_format(self) -> bool:
        """Whether the output's integers mean what the input's do."""
        return self.node.op_type in KEEPING_FORMAT

    def refusal(self, reason: str) -> ModelError:
        """Return the error that names this step and says why it cannot run in integers."""
        return ModelError(f"operator {self.node.op_type} '{self.output.name}': {reason}")


def steps_of(model: ir.Model) -> list[Step]:
    """Return the steps of a prepared network that its outputs need, in topological order."""
    needed, fused, steps = _needed(model), set(), []
    for node in model.graph:
        if node in needed and node not in fused:
            step, taken = _step(node)
            steps.append(step)
            fused |= taken
    return steps


def observed(model: ir.Model, steps: list[Step]) -> list[str]:
    """Return the tensors that need a format of their own: inputs, and all that isn't handed on in its input's."""
    read = [value.name for value in read_inputs(model, steps)]
    return [*read, *(step.output.name for step in steps if not step.keeps_format)]


def read_inputs(model: ir.Model, steps: list[Step]) -> list[ir.Value]:
    """Return the network's inputs that flow into a step; not those that tell shapes alone."""
    read = {id(value) for step in steps for value in step.inputs}
    return [value for value in model.graph.inputs if id(value) in read]


def numbers(value: ir.Value | None) -> np.ndarray | None:
    """Return the values of a constant, None of all else."""
    tensor = None if value is None else constant_of(value)
    return None if tensor is None else tensor.numpy()


def limits_of(node: ir.Node) -> Limits | None:
    """Return what a Relu or Clip clamps to; None of all else, and where its limits are computed."""
    if not is_default_domain(node) or node.op_type not in ("Relu", "Clip"):
        return None
    if node.op_type == "Relu":
        return 0.0, np.inf
    attributes = node.attributes
    ends = [attributes.get_float("min", -np.inf), attributes.get_float("max", np.inf)]
    for position, value in enumerate(node.inputs[1:]):
        if value is not None:
            given = numbers(value)
            if given is None:
                return None
            ends[position] = float(given.reshape(()))
    return ends[0], ends[1]


def _needed(model: ir.Model) -> set[ir.Node]:
    found, open_values = set(), list(model.graph.outputs)
    while open_values:
        node = open_values.pop().producer()
        if node is not None and node not in found:
            found.add(node)
            open_values += _flowing(node)
    return found


def _flowing(node: ir.Node) -> Iterator[ir.Value]:
    read = node.inputs if node.op_type in JOINING else node.inputs[:1]
    return (value for value in read if value is not None and constant_of(value) is None)


def _step(node: ir.Node) -> tuple[Step, set[ir.Node]]:
    output, bias, limits, taken = node.outputs[0], None, None, set()
    follower = _only_reader(output)
    if node.op_type == "MatMul" and follower is not None and (bias := _bias(follower, output)) is not None:
        output, taken = follower.outputs[0], {follower}
        follower = _only_reader(output)
    if node.op_type in CLAMPING and follower is not None and (limits := limits_of(follower)) is not None:
        output, taken = follower.outputs[0], taken | {follower}
    return Step(node, tuple(_flowing(node)), output, bias, limits), taken


def _only_reader(value: ir.Value) -> ir.Node | None:
    uses = value.uses()
    return uses[0].node if len(uses) == 1 and not value.is_graph_output() else None


def _bias(node: ir.Node, value: ir.Value) -> np.ndarray | None:
    """Return the constant that an Add adds to `value` along the last axis; None of all else."""
    if node.op_type != "Add" or not is_default_domain(node):
        return None
    added = numbers(node.inputs[1] if node.inputs[0] is value else node.inputs[0])
    is_row = added is not None and added.size == (added.shape[-1] if added.ndim else 1)
    return added.reshape(-1) if is_row and added.ndim <= 2 else None
