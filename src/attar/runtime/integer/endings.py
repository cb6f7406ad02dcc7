"""A Softmax at the very end of a network, which a program leaves to whoever reads the logits."""

import onnx_ir as ir

from ...graph.operators import is_default_domain
from ..ends import SOFTMAX, End

HANDING_ON = ("Identity", "Dropout")
BY_AXIS = 13  # the first opset whose Softmax is along one axis, not along all from there on


def is_softmax(node: ir.Node | None) -> bool:
    """Whether `node` is a Softmax or a LogSoftmax."""
    return node is not None and node.op_type in SOFTMAX and is_default_domain(node)


def softmax_axes(node: ir.Node, rank: int) -> tuple[int, int]:
    """Return the first and the last axis that a Softmax of a tensor of `rank` axes runs over."""
    opsets = node.graph.opset_imports
    is_new = opsets.get("", opsets.get("ai.onnx", 0)) >= BY_AXIS
    first = node.attributes.get_int("axis", -1 if is_new else 1) % rank
    return first, first if is_new else rank - 1


def may_leave(value: ir.Value) -> bool:
    """Whether an output of a network is a Softmax that its program may leave out: of a sample's numbers alone."""
    node = value.producer()
    if not is_softmax(node) or value.uses() or node.inputs[0].producer() is None:
        return False
    shape = node.inputs[0].shape
    return bool(shape) and softmax_axes(node, len(shape))[0] > 0


def handed_on(value: ir.Value) -> ir.Value:
    """Return the tensor that `value` is, in front of whatever only hands it on."""
    node = value.producer()
    while node is not None and node.op_type in HANDING_ON and is_default_domain(node):
        value = node.inputs[0]
        node = value.producer()
    return value


def last_softmax(value: ir.Value) -> ir.Node | None:
    """Return the Softmax that computes an output, behind it only what hands on."""
    node = handed_on(value).producer()
    return node if is_softmax(node) else None


def ends_of(model: ir.Model, prepared: ir.Model) -> tuple[End, ...]:
    """Return what the outputs of a network are of those that its program ends in; `prepared` is made of `model`."""
    return tuple(map(_end, model.graph.outputs, prepared.graph.outputs))


def _end(asked: ir.Value, made: ir.Value) -> End:
    if asked.name == made.name:
        return End(asked.name, made.name)
    node = last_softmax(asked)
    return End(asked.name, made.name, node.op_type, softmax_axes(node, len(made.shape)))
