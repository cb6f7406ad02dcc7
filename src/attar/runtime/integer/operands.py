"""What an operator reads: tensors that flow, constants, the limits of a clamp."""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from ...graph.operators import constant_of, is_default_domain

JOINING = ("Add", "Sub", "Mul", "Div", "Concat", "MatMul", "Gemm")  # all else has one input that flows, the first

Limits = tuple[float, float]


def flowing(node: ir.Node) -> Iterator[ir.Value]:
    """Return the tensors that flow into `node`: no constants, and no input that tells a shape alone."""
    read = node.inputs if node.op_type in JOINING else node.inputs[:1]
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
