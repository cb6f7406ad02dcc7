"""What an operator reads: tensors that flow, constants, the limits of a clamp."""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from ...graph.operators import constant_of, is_default_domain

# Of these the first input alone flows: others say how. Of all else every input flows that is no constant.
LEADING = frozenset(
    (
        *("Conv", "ConvTranspose", "BatchNormalization", "PRelu", "Clip", "Dropout", "Split"),
        *("Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Pad", "Slice", "Gather", "Resize", "Upsample"),
        *("ReduceMean", "ReduceSum", "ReduceMax"),
    )
)

Limits = tuple[float, float]


def flowing(node: ir.Node) -> Iterator[ir.Value]:
    """Return the tensors that flow into `node`: no constants, and no input that tells a shape alone."""
    read = node.inputs[:1] if node.op_type in LEADING and is_default_domain(node) else node.inputs
    return (value for value in read if value is not None and constant_of(value) is None)


def only_reader(value: ir.Value) -> ir.Node | None:
    """Return the node that reads `value` if no other does; None of an output of the network."""
    uses = value.uses()
    return uses[0].node if len(uses) == 1 and not value.is_graph_output() else None


def numbers(value: ir.Value | None) -> np.ndarray | None:
    """Return the values of a constant, None of all else."""
    tensor = None if value is None else constant_of(value)
    return None if tensor is None else tensor.numpy()


def limits_of(node: ir.Node) -> Limits | None:
    """Return what a Relu, a Clip, or a Max or Min with a number clamps to; None of all else, and of computed limits."""
    kind = node.op_type if is_default_domain(node) else ""
    if kind == "Relu":
        return 0.0, np.inf
    if kind == "Clip":
        return _limits_of_clip(node)
    if kind in ("Max", "Min") and len(node.inputs) == 2:
        given = [values for values in map(numbers, node.inputs) if values is not None]
        if len(given) == 1 and given[0].size == 1 and given[0].ndim <= 1:  # more axes could be more than the tensor's
            number = float(given[0].reshape(()))
            return (number, np.inf) if kind == "Max" else (-np.inf, number)
    return None


def _limits_of_clip(node: ir.Node) -> Limits | None:
    attributes = node.attributes
    ends = [attributes.get_float("min", -np.inf), attributes.get_float("max", np.inf)]
    for position, value in enumerate(node.inputs[1:]):
        if value is not None:
            given = numbers(value)
            if given is None or given.size != 1:
                return None
            ends[position] = float(given.reshape(()))
    return min(ends), ends[1]  # of limits that cross each other the upper one holds
