"""Which operators compute nothing but constants, and which of them lead to weights."""

from collections.abc import Iterable, Sequence

import onnx_ir as ir

from .operators import RECURRENT, constant_of, is_default_domain, is_weight_position

VIEWS = frozenset({"Transpose", "Reshape", "Identity", "Cast", "Squeeze", "Unsqueeze", "Flatten"})
QUANTIZERS = frozenset({"QuantizeLinear", "DequantizeLinear"})
PIECES = frozenset({"Slice", "Split", "Concat", "Gather"})  # how exporters put the gates of recurrent layers in order
ARITHMETIC = frozenset(
    {
        *(
            "Add",
            "Sub",
            "Mul",
            "Div",
            "Neg",
            "Abs",
            "Sign",
            "Pow",
            "Sqrt",
            "Reciprocal",
            "Exp",
            "Tanh",
            "Round",
            "Clip",
        ),
        *("Min", "Max", "Where", "MatMul", "ReduceL2", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceSumSquare"),
    }
)
# What makes much of little (Expand, Tile, ConstantOfShape) is not among them: the little is what a file should hold.
FOLDED = VIEWS | QUANTIZERS | PIECES | ARITHMETIC
RECURRENT_BIAS = 3


def steps_to_weights(model: ir.Model) -> list[ir.Node]:
    """Return the operators that compute constants and end in weights, in topological order."""
    constant: set[ir.Node] = set()
    for node in ir.traversal.RecursiveGraphIterator(model.graph):
        if _is_foldable(node) and all(value is None or _is_constant(value, constant) for value in node.inputs):
            constant.add(node)
    leading: set[ir.Node] = set()
    order = [node for node in ir.traversal.RecursiveGraphIterator(model.graph) if node in constant]
    for node in reversed(order):
        uses = (use for value in node.outputs for use in value.uses())
        if any(use.node in leading or is_end(use.node, use.idx, constant & leading) for use in uses):
            leading.add(node)
    return [node for node in order if node in leading]


def is_end(node: ir.Node, position: int, steps: set[ir.Node]) -> bool:
    """Whether `node`, which is none of the steps, takes input `position` for weights, or for a recurrent bias."""
    if node in steps:
        return False
    is_bias = node.op_type in RECURRENT and position == RECURRENT_BIAS and is_default_domain(node)
    return is_bias or is_weight_position(node, position)


def behind(ends: Iterable[ir.Value], steps: Sequence[ir.Node]) -> list[ir.Node]:
    """Return those of `steps`, in their order, that compute `ends`."""
    allowed, found = set(steps), set()
    open_values = list(ends)
    while open_values:
        node = open_values.pop().producer()
        if node in allowed and node not in found:
            found.add(node)
            open_values += [value for value in node.inputs if value is not None]
    return [node for node in steps if node in found]


def _is_foldable(node: ir.Node) -> bool:
    if node.op_type not in FOLDED or not is_default_domain(node) or not node.inputs:
        return False
    if any(attribute.is_ref() for attribute in node.attributes.values()):
        return False
    return not any(value.is_graph_output() for value in node.outputs)


def _is_constant(value: ir.Value, constant: set[ir.Node]) -> bool:
    if value.producer() in constant:
        return True
    return constant_of(value) is not None and not value.is_graph_input()  # which a caller may override
