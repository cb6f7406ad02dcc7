"""Small, exact edits of a graph: replace an initializer, put two thin matrices where one wide one was."""

from collections.abc import Container

import numpy as np
import onnx_ir as ir

from ..errors import ModelError
from .names import fresh_name, taken_names

MOST_NAMES = 10_000  # that are tried for the factors of a layer
OPTIONAL_BIAS = 11  # the first opset whose Gemm may leave its bias out


def set_initializer(model: ir.Model, name: str, values: np.ndarray) -> None:
    """Replace the values of initializer `name` in place; shape and type stay.

    Raises:
        ModelError: there is no such initializer, or the shape differs.
    """
    initializer = model.graph.initializers.get(name)
    if initializer is None:
        raise ModelError(f"no initializer '{name}' in the network")
    old = initializer.const_value
    if tuple(old.shape) != values.shape:
        raise ModelError(f"initializer '{name}' has shape {tuple(old.shape)}, not {values.shape}")
    initializer.const_value = ir.tensor(values.astype(old.dtype.numpy(), copy=False), dtype=old.dtype, name=name)


def factors_of(name: str, now: Container[str], before: Container[str]) -> tuple[str, str]:
    """Return the initializers among `now` that layer `name` became, the one next to the input first.

    Args:
        before: the names of the initializers of the network whose layer it was.

    Raises:
        KeyError: it became none.
    """
    for number in range(MOST_NAMES):
        pair = _factor_names(name, number)
        if all(factor in now and factor not in before for factor in pair):
            return pair
    raise KeyError(name)


def _factor_names(name: str, number: int) -> tuple[str, str]:
    end = f"_{number}" if number else ""
    return f"{name}/in{end}", f"{name}/out{end}"


def _free_factor_names(model: ir.Model, name: str) -> tuple[str, str]:
    taken = taken_names(model)
    for number in range(MOST_NAMES):
        pair = _factor_names(name, number)
        # What begins like one may stand for a layer of that very name, which became factors itself.
        if not taken.intersection(pair) and not any(
            other.startswith(f"{factor}/") for factor in pair for other in taken
        ):
            return pair
    raise ModelError(f"layer '{name}': low rank: all names like {_factor_names(name, 0)[0]} are taken")


def insert_low_rank(model: ir.Model, name: str, inner: np.ndarray, outer: np.ndarray) -> tuple[str, str]:
    """Replace, in place, the matrix `name` by two layers without anything between; return the names of their weights.

    Args:
        inner: applied first, to the layer's input. outer: applied second and followed by the old bias. Both laid out
            as the old matrix was: (outputs, inputs) for a Gemm with transB, (inputs, outputs) otherwise.

    Raises:
        ModelError: the matrix is read by anything but one Gemm or MatMul that takes it as its second operand.
    """
    value = model.graph.initializers[name]
    uses = value.uses()
    if len(uses) != 1 or uses[0].idx != 1 or uses[0].node.op_type not in ("Gemm", "MatMul"):
        raise ModelError(f"layer '{name}': low rank needs one Gemm or MatMul with the weights as second operand")
    node = uses[0].node
    first, second = _free_factor_names(model, name)
    transposed = bool(node.attributes.get_int("transB", 0)) if node.op_type == "Gemm" else False
    dtype = value.dtype
    inner_value = _initializer(model, first, inner, dtype)
    outer_value = _initializer(model, second, outer, dtype)
    thin = _thin_node(node, inner_value, transposed, fresh_name(f"{first}:y", taken_names(model)))
    if node.op_type == "Gemm" and model.opset_imports.get("", OPTIONAL_BIAS) < OPTIONAL_BIAS:
        thin.resize_inputs(3)
        thin.replace_input_with(
            2, _initializer(model, fresh_name(f"{first}:zero", taken_names(model)), np.zeros(1, np.float32), dtype)
        )
    node.graph.insert_before(node, thin)
    node.replace_input_with(0, thin.outputs[0])
    node.replace_input_with(1, outer_value)
    if "transA" in node.attributes:  # the first layer has already turned its input
        node.attributes.pop("transA")
    del model.graph.initializers[name]
    if value.is_graph_input():  # where a caller could override it: without values it would be asked for
        model.graph.inputs.remove(value)
    return first, second


def _initializer(model: ir.Model, name: str, values: np.ndarray, dtype: ir.DataType) -> ir.Value:
    tensor = ir.tensor(np.ascontiguousarray(values).astype(dtype.numpy()), dtype=dtype, name=name)
    value = ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(dtype), const_value=tensor)
    model.graph.register_initializer(value)
    return value


def _thin_node(node: ir.Node, weights: ir.Value, transposed: bool, result: str) -> ir.Node:
    attributes = []
    if node.op_type == "Gemm":
        attributes = [
            ir.AttrInt64("transB", int(transposed)),
            ir.AttrInt64("transA", node.attributes.get_int("transA", 0)),
        ]
    output = ir.Value(name=result, type=node.outputs[0].type)
    return ir.Node("", node.op_type, [node.inputs[0], weights], attributes, outputs=[output], name=weights.name)
