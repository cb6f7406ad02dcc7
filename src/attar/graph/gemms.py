"""Bring the factors of a Gemm into its weights and its bias: alpha A B + beta C becomes A B + C."""

from collections.abc import Collection, Container

import numpy as np
import onnx_ir as ir

from .operators import constant_of, is_default_domain
from .rewrite import set_initializer

FLOATS = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE)


def plain_gemms(model: ir.Model, *, into: Container[str] | None = None) -> ir.Model:
    """Return a copy of `model` whose Gemms have no factors where constants can take them; equal up to rounding.

    `into`: names of the weights that may change; None allows all.
    """
    copy = model.clone()
    for node in copy.graph:
        if not _is_gemm(node):
            continue
        flowing = [value for value in node.inputs[:2] if constant_of(value) is None]
        weights = next((value for value in node.inputs[:2] if value not in flowing), None)
        if len(flowing) == 1 and weights is not None and (into is None or weights.name in into):
            _take(copy, weights, "alpha", node, positions=(0, 1))
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        if bias is not None:
            _take(copy, bias, "beta", node, positions=(2,))
    return copy


def _is_gemm(node: ir.Node) -> bool:
    return node.op_type == "Gemm" and is_default_domain(node)


def _take(model: ir.Model, value: ir.Value, factor: str, node: ir.Node, *, positions: Collection[int]) -> None:
    """Multiply a constant by a factor, in place, if all its readers are Gemms that do so."""
    number, uses = node.attributes.get_float(factor, 1.0), value.uses()
    if number == 1.0 or not all(_is_gemm(use.node) and use.idx in positions for use in uses):
        return
    if any(use.node.attributes.get_float(factor, 1.0) != number for use in uses) or not _multiply(model, value, number):
        return
    for use in uses:
        use.node.attributes[factor] = ir.AttrFloat32(factor, 1.0)


def _multiply(model: ir.Model, value: ir.Value, factor: float) -> bool:
    """Multiply an initializer unless it is seen from outside, or would leave the range of its type."""
    if not value.is_initializer() or value.graph is not model.graph or value.dtype not in FLOATS:
        return False
    if value.is_graph_output() or value.is_graph_input() or value.const_value is None:
        return False
    with np.errstate(over="ignore"):
        values = (value.const_value.numpy().astype(np.float64) * factor).astype(value.dtype.numpy())
    if not np.isfinite(values).all():
        return False
    set_initializer(model, value.name, values)
    return True
