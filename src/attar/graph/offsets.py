"""Move the mean of a tensor: a constant for every channel of what a layer, a norm or a sum makes, in its own bias."""

import numpy as np
import onnx_ir as ir

from .names import fresh_name, taken_names
from .operators import constant_of, is_default_domain
from .rewrite import set_initializer

HANDING_ON = ("Identity", "Dropout")


def may_shift(model: ir.Model, tensor: str, channels: int) -> bool:
    """Whether `shift` can add a number to each of `channels` of a tensor."""
    return _place(model, tensor, channels) is not None


def shift(model: ir.Model, tensor: str, values: np.ndarray) -> None:
    """Add `values` (channels,), in place, to the channels of a tensor that `may_shift` knows."""
    node, position = _place(model, tensor, len(values))
    bias = node.inputs[position] if len(node.inputs) > position else None
    if bias is None:
        _add_bias(model, node, values)
        return
    old = bias.const_value.numpy()
    factor = node.attributes.get_float("beta", 1.0) if node.op_type == "Gemm" else 1.0
    set_initializer(model, bias.name, old + (values / factor).astype(old.dtype).reshape(old.shape))


def _place(model: ir.Model, tensor: str, channels: int) -> tuple[ir.Node, int] | None:
    """Return the operator that makes a tensor and which input of it is a constant with a number for every channel."""
    node = next((node for node in model.graph for value in node.outputs if value.name == tensor), None)
    while node is not None and node.op_type in HANDING_ON and is_default_domain(node):
        node = node.inputs[0].producer()
    if node is None or not is_default_domain(node):
        return None
    if node.op_type in ("Conv", "Gemm"):
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        is_off = node.op_type == "Gemm" and not node.attributes.get_float("beta", 1.0)
        if bias is None:
            return (node, 2) if _has_room(node) and not is_off else None
        return None if is_off or not _is_own(bias, channels) else (node, 2)
    if node.op_type == "BatchNormalization":
        return (node, 2) if _is_own(node.inputs[2], channels) else None
    if node.op_type == "Add":
        position = 0 if constant_of(node.inputs[0]) is not None else 1
        value = node.inputs[position]
        return (node, position) if _is_own(value, channels) and value.const_value.shape[-1] == channels else None
    return None


def _is_own(value: ir.Value | None, size: int) -> bool:
    """Whether this is an initializer of `size` numbers in float32 that one operator reads and nothing else does."""
    if value is None or not value.is_initializer() or value.const_value is None or value.is_graph_output():
        return False
    return value.dtype == ir.DataType.FLOAT and len(value.uses()) == 1 and value.const_value.size == size


def _has_room(node: ir.Node) -> bool:
    weights = node.inputs[1]
    return weights is not None and bool(weights.name) and weights.dtype == ir.DataType.FLOAT


def _add_bias(model: ir.Model, node: ir.Node, values: np.ndarray) -> None:
    tensor = ir.tensor(values.astype(np.float32), name=fresh_name(f"{node.inputs[1].name}:bias", taken_names(model)))
    value = ir.Value(name=tensor.name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor)
    model.graph.register_initializer(value)
    node.resize_inputs(3)
    node.replace_input_with(2, value)
    if "beta" in node.attributes:
        node.attributes["beta"] = ir.AttrFloat32("beta", 1.0)
