"""Which operand of which operator holds weights, and along which axis of it the output channels lie."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import onnx_ir as ir

Role = Literal["convolution", "matrix", "left_matrix", "table", "recurrent"]


def is_default_domain(node: ir.Node) -> bool:
    """Whether `node` is an operator that ONNX itself defines."""
    return node.domain in ("", "ai.onnx")


def constant_of(value: ir.Value) -> ir.TensorProtocol | None:
    """Return the numbers of an initializer or of a Constant, None of all else.

    Raises:
        ValueError: a Constant with damaged numbers.
    """
    if value.is_initializer():
        return value.const_value
    producer = value.producer()
    if producer is None or producer.op_type != "Constant" or not is_default_domain(producer):
        return None
    return next((_held(attribute) for attribute in producer.attributes.values() if not attribute.is_ref()), None)


def _held(attribute: ir.Attr) -> ir.TensorProtocol | None:
    """Return what a Constant holds in any of its forms; text is no number. (onnx_ir would rename the file's tensor.)"""
    if attribute.name == "value":
        tensor = attribute.as_tensor()
        return None if tensor.dtype == ir.DataType.STRING else tensor
    if attribute.name in ("value_float", "value_floats"):
        return ir.tensor(np.asarray(attribute.value, np.float32))
    if attribute.name in ("value_int", "value_ints"):
        return ir.tensor(np.asarray(attribute.value, np.int64))
    return None


def is_weight_position(node: ir.Node, position: int) -> bool:
    """Whether input `position` of `node` may hold weights that attar changes."""
    return is_default_domain(node) and position in _POSITIONS.get(node.op_type, ())


def output_channel_axis(node: ir.Node, position: int, rank: int) -> int | None:
    """Return the axis of output channels of input `position` of `node`, None where it holds no weights that we know."""
    return _RULES[node.op_type](node, position, rank) if is_weight_position(node, position) else None


def role_of(node: ir.Node, position: int, rank: int) -> Role:
    """Return how weights at `position` of `node` work; `output_channel_axis` has to know them."""
    if node.op_type == "Gather":
        return "table"
    if node.op_type in RECURRENT:
        return "recurrent"
    if node.op_type in ("Gemm", "MatMul") and position == 0:
        return "left_matrix"
    return "matrix" if node.op_type in ("Gemm", "MatMul") and rank == 2 else "convolution"


def _conv(node: ir.Node, position: int, rank: int) -> int | None:
    return 0 if rank >= 3 else None


def _conv_transpose(node: ir.Node, position: int, rank: int) -> int | None:
    return 1 if rank >= 3 else None


def _gemm(node: ir.Node, position: int, rank: int) -> int | None:
    if rank != 2:
        return None
    transposed = bool(node.attributes.get_int("transB" if position else "transA", 0))
    # A is (outputs, inputs) and B (inputs, outputs), unless transposed.
    return int(transposed) if position == 0 else int(not transposed)


def _matmul(node: ir.Node, position: int, rank: int) -> int | None:
    if rank < 2:
        return None
    return rank - 1 if position == 1 else rank - 2


def _gather(node: ir.Node, position: int, rank: int) -> int | None:
    # A row looked up is a row number, one-hot, times the table: (inputs, outputs).
    return 1 if rank == 2 and node.attributes.get_int("axis", 0) in (0, -2) else None


def _recurrent(node: ir.Node, position: int, rank: int) -> int | None:
    return 1 if rank == 3 else None  # (directions, gates x hidden, inputs)


RECURRENT = ("LSTM", "GRU", "RNN")
_RULES: dict[str, Callable[[ir.Node, int, int], int | None]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DeformConv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Gather": _gather,
    **dict.fromkeys(RECURRENT, _recurrent),
}
_POSITIONS: dict[str, tuple[int, ...]] = {
    "Conv": (1,),
    "ConvTranspose": (1,),
    "DeformConv": (1,),
    "Gemm": (0, 1),
    "MatMul": (0, 1),
    "Gather": (0,),
    **dict.fromkeys(RECURRENT, (1, 2)),
}
