"""What a program answers, in the words of the network that it was made from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ..integer.prepare import SOFTMAX
from .native import Machine

if TYPE_CHECKING:
    from .parts import Parts


def answers(machine: "Machine | Parts", model: ir.Model, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return what the engine gives for the outputs of `model`; a Softmax that a program has left out is put back."""
    found = machine.run({port.name: inputs[port.name] for port in machine.inputs})
    ends = zip(machine.outputs, model.graph.outputs, strict=True)
    return [found[port.name] if port.name == value.name else _ended(value, found[port.name]) for port, value in ends]


def _ended(value: ir.Value, found: np.ndarray) -> np.ndarray:
    node = value.producer()
    if node is None or node.op_type not in SOFTMAX:
        return found
    axis = node.attributes.get_int("axis", -1)
    logs = found - found.max(axis=axis, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=axis, keepdims=True))
    return logs if node.op_type == "LogSoftmax" else np.exp(logs)
