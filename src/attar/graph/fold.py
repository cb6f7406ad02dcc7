"""Fold what stands between constant weights and the operator that reads them: transposes, casts, dequantization.

The layer then reads a plain float initializer, under the name of the tensor that the numbers came from. onnxruntime
computes the new values, operator by operator, so that they are what it would have computed. What was dequantized lies
on a grid, which the codec finds and codes as the integers that it came from.
"""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from .operators import constant_of, is_default_domain, is_weight_position

VIEWS = frozenset({"Transpose", "Reshape", "Identity", "Cast", "Squeeze", "Unsqueeze", "Flatten"})
QUANTIZERS = frozenset({"QuantizeLinear", "DequantizeLinear"})
ARITHMETIC = frozenset({"Add", "Sub", "Mul", "Div"})  # how weights are dequantized without DequantizeLinear
FOLDED = VIEWS | QUANTIZERS | ARITHMETIC
# What onnxruntime hands out as an array; numpy has no types for 4 bits, bfloat16 and float8.
HANDED_OUT = (
    *(ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE),
    *(ir.DataType.INT8, ir.DataType.INT16, ir.DataType.INT32, ir.DataType.INT64),
    *(ir.DataType.UINT8, ir.DataType.UINT16, ir.DataType.UINT32, ir.DataType.UINT64),
)


def fold_weights(model: ir.Model) -> None:
    """Fold, in place, every chain of constants that ends in a layer's weights.

    Tensors that are read elsewhere too, or that a caller may override, are not folded: that would store them twice.
    """
    for node in list(ir.traversal.RecursiveGraphIterator(model.graph)):
        if node.graph is None or not _is_step(node) or not _reaches_weights(node.outputs[0]):
            continue  # without a graph: merged into an equal one
        root = _root(model, node)
        if root is None or not _is_only_reader(root, node):
            continue
        tensor = _evaluate(model, node)
        if tensor is not None and tensor.size <= root.const_value.size:
            _replace(node, root, tensor)


def _is_step(node: ir.Node) -> bool:
    if node.op_type not in FOLDED or not is_default_domain(node) or node.outputs[0].is_graph_output():
        return False
    return all(value is None or constant_of(value) is not None for value in node.inputs)


def _reaches_weights(value: ir.Value) -> bool:
    """Whether an operator that attar knows reads `value` as weights, maybe after more steps of the chain."""
    for use in value.uses():
        if is_weight_position(use.node, use.idx):
            return True
        if _goes_on(value, use.node, use.idx) and _reaches_weights(use.node.outputs[0]):
            return True
    return False


def _goes_on(value: ir.Value, node: ir.Node, position: int) -> bool:
    """Whether `node` is one more step for `value`, and doesn't take it for a scale or a shape."""
    if node.op_type not in FOLDED or not is_default_domain(node) or (position and node.op_type not in ARITHMETIC):
        return False
    return all(other is None or other is value or constant_of(other) is not None for other in node.inputs)


def _root(model: ir.Model, node: ir.Node) -> ir.Value | None:
    """Return the initializer that `node` changes, as opposed to scales, shapes and axes; None where it can't go."""
    values = [value for value in node.inputs if value is not None]
    root = max(values, key=lambda value: constant_of(value).size) if node.op_type in ARITHMETIC else values[0]
    movable = root.is_initializer() and root.graph is model.graph
    return root if movable and not root.is_graph_input() and not root.is_graph_output() else None


def _is_only_reader(root: ir.Value, node: ir.Node) -> bool:
    """Whether nobody but `node` reads `root`; operators that do the very same become one first."""
    others = [use.node for use in root.uses() if use.node is not node]
    if not all(_is_equal(node, other) for other in others):
        return False
    for other in others:
        other.outputs[0].replace_all_uses_with(node.outputs[0])
        _remove(other, root)
    return len(root.uses()) == 1


def _is_equal(node: ir.Node, other: ir.Node) -> bool:
    if other.op_type != node.op_type or other.graph is not node.graph or not _is_step(other):
        return False
    if len(node.inputs) != len(other.inputs) or dict(_plain(node)) != dict(_plain(other)):
        return False
    return all(_is_same(*pair) for pair in zip(node.inputs, other.inputs, strict=True))


def _plain(node: ir.Node) -> Iterator[tuple[str, object]]:
    yield from ((name, attribute.value) for name, attribute in node.attributes.items())


def _is_same(one: ir.Value | None, two: ir.Value | None) -> bool:
    if one is two:
        return True
    if one is None or two is None:
        return False
    a, b = constant_of(one), constant_of(two)
    return a.dtype == b.dtype and tuple(a.shape) == tuple(b.shape) and a.tobytes() == b.tobytes()


def _evaluate(model: ir.Model, node: ir.Node) -> ir.TensorProtocol | None:
    """Run `node` alone; None where onnxruntime cannot."""
    import onnxruntime as ort  # reading a network without such chains shall not wait for it

    step, dtype = _model_of(model, node)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = ort.InferenceSession(ir.to_proto(step).SerializeToString(), options, ["CPUExecutionProvider"])
        (values,) = session.run(None, {})
    except Exception:  # onnxruntime raises a family of types without a common base; the operator stays then
        return None
    return ir.tensor(np.ascontiguousarray(values).astype(dtype.numpy(), copy=False), dtype=dtype)


def _model_of(model: ir.Model, node: ir.Node) -> tuple[ir.Model, ir.DataType]:
    """Return a network of `node` alone, and the type of what it computes."""
    inputs = [None if value is None else _copy(value, f"input{n}") for n, value in enumerate(node.inputs)]
    step = ir.Node("", node.op_type, inputs, list(node.attributes.values()), outputs=[ir.Value(name="result")])
    held = [value for value in inputs if value is not None]
    graph = ir.Graph(
        [], [step.outputs[0]], nodes=[step], initializers=held, opset_imports=model.opset_imports, name="g"
    )
    alone = ir.Model(graph, ir_version=max(model.ir_version, 4))
    ShapeInferencePass()(alone)
    dtype = graph.outputs[0].dtype or ir.DataType.FLOAT
    if dtype not in HANDED_OUT:  # float32 holds them exactly
        cast = ir.Node("", "Cast", [step.outputs[0]], [ir.AttrInt64("to", ir.DataType.FLOAT)])
        cast.outputs[0].name, cast.outputs[0].dtype = "handed", ir.DataType.FLOAT
        graph.append(cast)
        graph.outputs[:] = [cast.outputs[0]]
    return alone, dtype


def _copy(value: ir.Value, name: str) -> ir.Value:
    tensor = ir.tensor(constant_of(value).numpy(), dtype=constant_of(value).dtype, name=name)
    return ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor)


def _replace(node: ir.Node, root: ir.Value, tensor: ir.TensorProtocol) -> None:
    """Let `root` hold `tensor` and stand where `node` did."""
    node.outputs[0].replace_all_uses_with(root)
    _remove(node, root)
    root.const_value, root.shape, root.dtype = tensor, ir.Shape(tensor.shape), tensor.dtype


def _remove(node: ir.Node, root: ir.Value) -> None:
    operands = {id(value): value for value in node.inputs if value is not None and value is not root}
    node.graph.remove(node, safe=True)
    for value in operands.values():
        _drop_unread(value)


def _drop_unread(value: ir.Value) -> None:
    if value.uses() or value.is_graph_output() or value.is_graph_input():
        return
    if value.is_initializer():
        del value.graph.initializers[value.name]
    elif value.producer() is not None:
        value.producer().graph.remove(value.producer(), safe=True)
