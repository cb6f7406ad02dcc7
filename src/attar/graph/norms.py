"""Make batch normalizations small: into the layer before them where that is possible, into two tensors otherwise.

A trained normalization stores four numbers per channel and computes one multiplication and one addition. Folded into
the weights of the layer in front it costs nothing but that layer's bias; where it cannot be folded, two of its four
tensors are made to hold one number throughout, which the codec stores in no bytes.
"""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .operators import is_default_domain, output_channel_axis

FLOATS = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE)
# Even bfloat16 holds 1 - EPSILON exactly, so that variance + epsilon is 1 in any arithmetic.
EPSILON = 2.0**-8
PARAMETERS = 5  # inputs of a BatchNormalization: data, scale, bias, mean, variance


@dataclass(frozen=True)
class SimplifiedNorms:
    """A network with smaller normalizations.

    Attributes:
        model: the new graph; the given one is untouched.
        folded: the layer (its weights' name) that took in each normalization, by the normalization's name.
        rewritten: normalizations that now store two tensors in place of four.
        left_alone: why each of the others stays as it was.

    A normalization goes by the name of its node, or of its output where the node has none.
    """

    model: ir.Model
    folded: dict[str, str]
    rewritten: tuple[str, ...]
    left_alone: dict[str, str]


@dataclass(frozen=True)
class _Affine:
    """What a normalization computes: scale x + shift, per channel, float64."""

    scale: np.ndarray
    shift: np.ndarray


def simplify_norms(model: ir.Model, *, into: Container[str] | None = None) -> SimplifiedNorms:
    """Return a copy of `model` whose batch normalizations are folded or rewritten; outputs equal up to rounding.

    `into`: names of the weights that may change; a normalization behind others is left alone. None allows all.
    """
    copy = model.clone()
    folded, rewritten, left_alone = {}, [], {}
    norms = [node for node in ir.traversal.RecursiveGraphIterator(copy.graph) if _is_norm(node)]
    for norm in norms:
        name = norm.name or norm.outputs[0].name
        reason = _reason_to_leave(norm) or _reason_of_layer(norm, into)
        layer = None if reason else _fold(norm)
        if layer is not None:
            folded[name] = layer
        elif reason := reason or _rewrite(norm):
            left_alone[name] = reason
        else:
            rewritten.append(name)
    return SimplifiedNorms(copy, folded, tuple(rewritten), left_alone)


def _is_norm(node: ir.Node) -> bool:
    return node.op_type == "BatchNormalization" and is_default_domain(node)


def _reason_to_leave(norm: ir.Node) -> str | None:
    if norm.attributes.get_int("training_mode", 0) or any(_is_used(value) for value in norm.outputs[1:]):
        return "in training mode"
    if not norm.attributes.get_int("spatial", 1):
        return "not per channel"
    parameters = norm.inputs[1:]
    if len(parameters) != PARAMETERS - 1 or not all(_is_constant(value) for value in parameters):
        return "its parameters are not constant"
    if any(len(value.uses()) > 1 or value.is_graph_output() for value in parameters):
        return "its parameters are read elsewhere too"
    shapes = {tuple(value.const_value.shape) for value in parameters}
    if len(shapes) > 1 or len(shapes.pop()) != 1:
        return "its parameters differ in shape"
    affine = _affine(norm)
    return None if _is_finite(affine.scale) and _is_finite(affine.shift) else "some of its channels are not finite"


def _reason_of_layer(norm: ir.Node, into: Container[str] | None) -> str | None:
    layer = norm.inputs[0].producer() if norm.inputs[0] is not None else None
    weights = layer.inputs[1] if layer is not None and len(layer.inputs) > 1 else None
    is_kept = into is not None and weights is not None and weights.is_initializer() and weights.name not in into
    return f"behind '{weights.name}', which stays as it is" if is_kept else None


def _is_used(value: ir.Value) -> bool:
    return bool(value.uses()) or value.is_graph_output()


def _is_constant(value: ir.Value | None) -> bool:
    return value is not None and value.is_initializer() and value.const_value is not None and value.dtype in FLOATS


def _is_own(value: ir.Value | None) -> bool:
    """Whether one operator reads this constant and nothing else does."""
    return _is_constant(value) and len(value.uses()) == 1 and not value.is_graph_output()


def _is_finite(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).all())


def _numbers(value: ir.Value) -> np.ndarray:
    return value.const_value.numpy().astype(np.float64)


def _affine(norm: ir.Node) -> _Affine:
    gamma, beta, mean, variance = (_numbers(value) for value in norm.inputs[1:])
    with np.errstate(all="ignore"):  # a variance below zero gives NaN, which the caller looks for
        scale = gamma / np.sqrt(variance + norm.attributes.get_float("epsilon", 1e-5))
        return _Affine(scale, beta - mean * scale)


def _fold(norm: ir.Node) -> str | None:
    """Move `norm` into the layer that produces its input and return that layer's name; None where it can't be done."""
    layer = norm.inputs[0].producer() if norm.inputs[0] is not None else None
    if layer is None or not _may_take(layer, norm):
        return None
    weights, affine = layer.inputs[1], _affine(norm)
    new_weights = _cast(_scaled(layer, _numbers(weights), affine.scale), weights.dtype)
    old_bias = _bias(layer, len(affine.scale))
    if old_bias is None or new_weights is None:
        return None
    new_bias = _cast(affine.scale * old_bias + affine.shift, weights.dtype)
    if new_bias is None:
        return None
    _set(weights, new_weights, weights.dtype)
    _set_bias(layer, norm, new_bias, weights.dtype)
    _remove(norm, layer)
    return weights.name


def _may_take(layer: ir.Node, norm: ir.Node) -> bool:
    """Whether `layer` has constant weights of its own, one channel for every one of `norm`, and no other reader."""
    if not is_default_domain(layer) or layer.op_type not in ("Conv", "ConvTranspose", "Gemm"):
        return False
    if layer.graph is not norm.graph:
        return False
    output, weights = layer.outputs[0], layer.inputs[1]
    if len(output.uses()) != 1 or output.is_graph_output() or not _is_own(weights):
        return False
    axis = output_channel_axis(layer, 1, len(weights.const_value.shape))
    if axis is None:
        return False
    groups = layer.attributes.get_int("group", 1) if layer.op_type == "ConvTranspose" else 1
    return weights.const_value.shape[axis] * groups == norm.inputs[1].const_value.size


def _scaled(layer: ir.Node, weights: np.ndarray, scale: np.ndarray) -> np.ndarray:
    if layer.op_type == "ConvTranspose":  # (inputs, outputs of a group, ...): each group has its own output channels
        groups = layer.attributes.get_int("group", 1)
        by_group = weights.reshape(groups, -1, weights.shape[1], *weights.shape[2:])
        ones = (1,) * (weights.ndim - 2)
        return (by_group * scale.reshape(groups, 1, -1, *ones)).reshape(weights.shape)
    axis = output_channel_axis(layer, 1, weights.ndim)
    return weights * np.expand_dims(scale, [a for a in range(weights.ndim) if a != axis])


def _bias(layer: ir.Node, channels: int) -> np.ndarray | None:
    """Return what `layer` adds to its output, one number per channel; None where that isn't known."""
    bias = _bias_value(layer)
    if bias is None:
        return np.zeros(channels)
    if not _is_constant(bias):
        return None
    values = _numbers(bias)
    if values.size not in (1, channels) or values.size != (values.shape[-1] if values.ndim else 1):
        return None  # a Gemm's, one number for every row
    factor = layer.attributes.get_float("beta", 1.0) if layer.op_type == "Gemm" else 1.0
    return np.broadcast_to(values.reshape(-1), channels) * factor


def _bias_value(layer: ir.Node) -> ir.Value | None:
    return layer.inputs[2] if len(layer.inputs) > 2 else None


def _set_bias(layer: ir.Node, norm: ir.Node, values: np.ndarray, dtype: ir.DataType) -> None:
    """Give `layer` its new bias: in its own bias where it has one, in what was the normalization's otherwise."""
    bias = _bias_value(layer)
    if not _is_own(bias):
        bias = norm.inputs[2]
        norm.replace_input_with(2, None)
        layer.resize_inputs(3)
        layer.replace_input_with(2, bias)
    _set(bias, values, dtype)
    if "beta" in layer.attributes:
        layer.attributes["beta"] = ir.AttrFloat32("beta", 1.0)


def _remove(norm: ir.Node, layer: ir.Node) -> None:
    """Take `norm` out; the layer's output gets its name, by which callers may know it."""
    old, new = norm.outputs[0], layer.outputs[0]
    parameters = [value for value in norm.inputs[1:] if value is not None]
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    name, old.name = old.name, None
    new.name, new.type, new.shape = name, old.type or new.type, old.shape or new.shape
    norm.graph.remove(norm, safe=True)
    for value in parameters:
        _drop(value)


def _drop(value: ir.Value) -> None:
    graph = value.graph
    del graph.initializers[value.name]
    if value.is_graph_input():  # where a caller could override it: without values it would be asked for
        graph.inputs.remove(value)


def _rewrite(norm: ir.Node) -> str | None:
    """Make mean and variance of `norm` one number each, or return why not."""
    gamma, beta, mean, variance = norm.inputs[1:]
    if all(np.ptp(_numbers(value)) == 0 for value in (mean, variance)):
        return "its mean and variance hold one number each already"
    scale = _cast(_affine(norm).scale, gamma.dtype)
    if scale is None:
        return "its scale is too large for its type"
    # With the scale as it will be stored, the output at the mean itself is not touched by that rounding.
    shift = _cast(_numbers(beta) - _numbers(mean) * scale.astype(np.float64), beta.dtype)
    if shift is None:
        return "its shift is too large for its type"
    for value, values in ((gamma, scale), (beta, shift)):
        _set(value, values, value.dtype)
    _set(mean, np.zeros(mean.const_value.shape, mean.dtype.numpy()), mean.dtype)
    _set(variance, np.full(variance.const_value.shape, 1 - EPSILON, variance.dtype.numpy()), variance.dtype)
    norm.attributes["epsilon"] = ir.AttrFloat32("epsilon", EPSILON)
    return None


def _cast(values: np.ndarray, dtype: ir.DataType) -> np.ndarray | None:
    """Return `values` in `dtype`, None where they are too large for it."""
    with np.errstate(over="ignore"):
        cast = values.astype(dtype.numpy())
    return cast if _is_finite(cast) else None


def _set(value: ir.Value, values: np.ndarray, dtype: ir.DataType) -> None:
    value.const_value = ir.tensor(np.ascontiguousarray(values), dtype=dtype, name=value.name)
    value.shape, value.dtype = ir.Shape(values.shape), dtype
