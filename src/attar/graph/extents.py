"""What the shapes of a network tell before it runs: extents that cannot be, and constants that fill memory."""

import math
from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from ..errors import ModelError
from ..files.limits import limits
from .operators import constant_of, is_default_domain
from .sizes import inferred

DIVISIONS = ("Div", "Mod")


def check_extents(model: ir.Model) -> None:
    """Refuse a network whose shapes cannot be, whose constants grow beyond the budget, or that divides out of range.

    onnxruntime ends the process on some of these, and computes constants before anybody can see how large they get.

    Raises:
        ModelError: so it is, with the operator and the extent.
    """
    sized = inferred(model, {})
    for node in ir.traversal.RecursiveGraphIterator(sized.graph):
        for value in node.outputs:
            _check_value(node, value)
        _check_division(node)
    _check_constants(sized)


def _check_value(node: ir.Node, value: ir.Value) -> None:
    extents = [extent for extent in value.shape or () if isinstance(extent, int)]
    if min(extents, default=0) < 0:
        raise ModelError(f"{_text(node)}: its output '{value.name}' would have shape {list(value.shape)}")
    if bytes_of(value) > limits().most_bytes:
        raise ModelError(f"{_text(node)}: its output takes {bytes_of(value):,} bytes; {_limit(limits().most_bytes)}")


def _check_constants(model: ir.Model) -> None:
    """Refuse operators of constants that make far more than the network stores."""
    stored = sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value)
    most, made = limits().bytes_for(stored), 0
    for node in _of_constants(model.graph):
        made += sum(map(bytes_of, node.outputs))
        if made > most:
            raise ModelError(f"{_text(node)}: constants are computed that take {made:,} bytes; {_limit(most)}")


def _of_constants(graph: ir.Graph) -> Iterator[ir.Node]:
    """Yield the operators that depend on no input of the network."""
    known = {value for value in graph.initializers.values() if not value.is_graph_input()}
    for node in graph:
        if all(value is None or value in known for value in node.inputs) and node.op_type != "Constant":
            yield node
        elif node.op_type != "Constant":
            continue
        known.update(node.outputs)


def _check_division(node: ir.Node) -> None:
    """Refuse the one quotient of integers that is no integer of their type: processors stop at it."""
    if node.op_type not in DIVISIONS or not is_default_domain(node) or None in node.inputs:
        return
    dividend, divisor = (constant_of(value) for value in node.inputs)
    if dividend is None or divisor is None or not np.issubdtype(divisor.dtype.numpy(), np.signedinteger):
        return
    least = np.iinfo(divisor.dtype.numpy()).min
    if (divisor.numpy() == -1).any() and (dividend.numpy() == least).any():
        raise ModelError(f"{_text(node)}: divides {least} by -1, beyond {divisor.dtype.name}")


def bytes_of(value: ir.Value) -> int:
    """Return the bytes of a tensor whose shape is known; 0 of another."""
    if value.shape is None or value.dtype is None or not all(isinstance(extent, int) for extent in value.shape):
        return 0
    return math.prod(value.shape) * value.dtype.bitwidth // 8 if value.dtype != ir.DataType.STRING else 0


def _text(node: ir.Node) -> str:
    return f"operator '{node.name or node.outputs[0].name}' ({node.op_type})"


def _limit(most: int) -> str:
    return f"the limit is {most:,}"
