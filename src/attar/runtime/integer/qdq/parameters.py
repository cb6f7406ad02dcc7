"""What a QuantizeLinear or DequantizeLinear says: scale, zero point, the type of its integers, its axis."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ....errors import ModelError
from ....graph.operators import constant_of, is_default_domain
from ....numerics.formats import Format
from ..steps import numbers

DOMAINS = ("com.microsoft",)  # onnxruntime's own, which knew 16 and 4 bits before ONNX did
BITS = {  # bits, signed
    ir.DataType.INT4: (4, True),
    ir.DataType.UINT4: (4, False),
    ir.DataType.INT8: (8, True),
    ir.DataType.UINT8: (8, False),
    ir.DataType.INT16: (16, True),
    ir.DataType.UINT16: (16, False),
}


def is_quantizer(node: ir.Node) -> bool:
    """Whether `node` is a QuantizeLinear."""
    return node.op_type == "QuantizeLinear" and _is_known_domain(node)


def is_dequantizer(node: ir.Node) -> bool:
    """Whether `node` is a DequantizeLinear."""
    return node.op_type == "DequantizeLinear" and _is_known_domain(node)


def refusal(node: ir.Node, reason: str) -> ModelError:
    """Return the error that names an operator and says what is wrong with it."""
    return ModelError(f"operator {node.op_type} '{node.outputs[0].name}': {reason}")


@dataclass(frozen=True, eq=False)
class Parameters:
    """Of one operator: float32 scales and int64 zero points, (1,) or one for each index of `axis`."""

    node: ir.Node
    scales: np.ndarray
    zeros: np.ndarray
    dtype: ir.DataType
    axis: int

    def format(self) -> Format:
        """Return the format of an activation.

        Raises:
            ModelError: there is more than one scale, or the integers have a type that no format has.
        """
        if self.dtype not in BITS:
            known = ", ".join(dtype.name for dtype in BITS)
            raise refusal(self.node, f"integers of type {self.dtype.name}; activations of {known} are known")
        if self.scales.size != 1:
            raise refusal(self.node, f"{self.scales.size} scales of an activation; one is known")
        bits, signed = BITS[self.dtype]
        return Format(bits, signed, float(self.scales[0]), int(self.zeros[0]))

    def along(self, rank: int, values: np.ndarray) -> np.ndarray:
        """Return scales or zero points with the axes of a tensor of `rank`, so that they broadcast to it.

        Raises:
            ModelError: there is more than one, and no such axis.
        """
        if values.size == 1:
            return values.reshape((1,) * rank)
        if not -rank <= self.axis < rank:
            raise refusal(self.node, f"axis {self.axis} of a tensor of {rank} axes")
        return np.expand_dims(values, [axis for axis in range(rank) if axis != self.axis % rank])


def parameters_of(node: ir.Node) -> Parameters:
    """Return what a QuantizeLinear or DequantizeLinear says.

    Raises:
        ModelError: scales or zero points are computed, do not fit each other, are not above 0 and finite, or are
            those of blocks.
    """
    if node.attributes.get_int("block_size", 0):
        raise refusal(node, f"scales of blocks of {node.attributes.get_int('block_size', 0)}; one an axis is known")
    scales, zeros = _operand(node, 1, "scale"), _operand(node, 2, "zero point")
    if scales is None:
        raise refusal(node, "it has no scale")
    if zeros is None:
        zeros = np.zeros(scales.shape, np.int64)
    if scales.ndim > 1 or scales.size != zeros.size or scales.size == 0:
        raise refusal(node, f"scales of shape {scales.shape} with zero points of shape {zeros.shape}")
    with np.errstate(over="ignore"):  # of a double that no float32 holds: infinite, which is refused
        scales = scales.astype(np.float32).reshape(-1)
    if not (np.isfinite(scales) & (scales > 0)).all():
        worst = scales[~(np.isfinite(scales) & (scales > 0))][0]
        raise refusal(node, f"a scale of {worst:g}; it has to be finite and above 0")
    axis = node.attributes.get_int("axis", 1)
    return Parameters(node, scales, zeros.astype(np.int64).reshape(-1), _type_of(node), axis)


def _is_known_domain(node: ir.Node) -> bool:
    return is_default_domain(node) or node.domain in DOMAINS


def _operand(node: ir.Node, position: int, what: str) -> np.ndarray | None:
    value = node.inputs[position] if len(node.inputs) > position else None
    if value is None:
        return None
    values = numbers(value)
    if values is None:
        raise refusal(node, f"its {what} '{value.name}' is not constant")
    return values


def _type_of(node: ir.Node) -> ir.DataType:
    """Return the type of the integers: that of the zero point, of the integers themselves, or uint8."""
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        return constant_of(node.inputs[2]).dtype  # `_operand` has seen that it is constant
    if is_dequantizer(node):
        tensor = constant_of(node.inputs[0])
        return (node.inputs[0].dtype if tensor is None else tensor.dtype) or ir.DataType.UINT8
    return ir.DataType(node.attributes.get_int("output_dtype", 0) or ir.DataType.UINT8)
