"""Compute constants: onnxruntime runs their operators, so that the numbers are those that it would have computed."""

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from .operators import constant_of

# What onnxruntime hands out as an array; numpy has no types for 4 bits, bfloat16 and float8.
HANDED_OUT = (
    *(ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE),
    *(ir.DataType.INT8, ir.DataType.INT16, ir.DataType.INT32, ir.DataType.INT64),
    *(ir.DataType.UINT8, ir.DataType.UINT16, ir.DataType.UINT32, ir.DataType.UINT64),
)
NO_NUMBERS = (ir.DataType.BOOL, ir.DataType.STRING, ir.DataType.COMPLEX64, ir.DataType.COMPLEX128)
ROOM = 4  # times as many numbers as are read, that a value on the way may have
SMALL = 1024  # numbers that any value may have


def evaluated(
    model: ir.Model, nodes: Sequence[ir.Node], ends: Sequence[ir.Value], *, most: int
) -> list[ir.TensorProtocol] | None:
    """Return the numbers of `ends`, which `nodes`, in topological order, compute out of constants.

    None where they would be more than `most` numbers together, where that can't be told beforehand, or where
    onnxruntime cannot compute them.
    """
    alone, copies = _network_of(model, nodes, ends)
    ShapeInferencePass()(alone)
    read = sum(value.const_value.size for value in alone.graph.initializers.values())
    sizes = {value: _size(value) for node in alone.graph for value in node.outputs if value.uses() or value in copies}
    if any(size is None or size > max(ROOM * read, SMALL) for size in sizes.values()):
        return None
    types = [value.dtype for value in copies]
    if sum(sizes[value] for value in copies) > most or any(t is None or t in NO_NUMBERS for t in types):
        return None
    arrays = _run(alone, [_handed_out(alone, value) for value in copies])
    return arrays and [
        ir.tensor(np.ascontiguousarray(values).astype(dtype.numpy(), copy=False), dtype=dtype)
        for values, dtype in zip(arrays, types, strict=True)
    ]


def _size(value: ir.Value) -> int | None:
    shape = value.shape
    return math.prod(shape) if shape is not None and all(isinstance(extent, int) for extent in shape) else None


def _network_of(model: ir.Model, nodes: Sequence[ir.Node], ends: Sequence[ir.Value]) -> tuple[ir.Model, list[ir.Value]]:
    """Return a network of nothing but `nodes`, and its own values that stand for `ends`."""
    known: dict[ir.Value, ir.Value] = {}
    held, copied = [], []
    for node in nodes:
        for value in node.inputs:
            if value is not None and value not in known:
                known[value] = _copy(value, f"input{len(known)}")
                held.append(known[value])
        outputs = [ir.Value(name=f"made{len(known) + n}") for n in range(len(node.outputs))]
        known |= zip(node.outputs, outputs, strict=True)
        inputs = [None if value is None else known[value] for value in node.inputs]
        copied.append(ir.Node("", node.op_type, inputs, list(node.attributes.values()), outputs=outputs))
    made = [known[value] for value in ends]
    graph = ir.Graph([], list(made), nodes=copied, initializers=held, opset_imports=model.opset_imports, name="g")
    return ir.Model(graph, ir_version=max(model.ir_version, 4)), made


def _copy(value: ir.Value, name: str) -> ir.Value:
    tensor = ir.tensor(constant_of(value).numpy(), dtype=constant_of(value).dtype, name=name)
    return ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor)


def _handed_out(alone: ir.Model, value: ir.Value) -> ir.Value:
    """Return what numpy has a type for: float32 holds all others exactly."""
    if value.dtype in HANDED_OUT:
        return value
    cast = ir.Node("", "Cast", [value], [ir.AttrInt64("to", ir.DataType.FLOAT)])
    cast.outputs[0].name, cast.outputs[0].dtype = f"{value.name}_out", ir.DataType.FLOAT
    alone.graph.append(cast)
    return cast.outputs[0]


def _run(alone: ir.Model, outputs: Sequence[ir.Value]) -> list[np.ndarray] | None:
    import onnxruntime as ort  # reading a network without such operators shall not wait for it

    alone.graph.outputs[:] = outputs
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = ort.InferenceSession(ir.to_proto(alone).SerializeToString(), options, ["CPUExecutionProvider"])
        return session.run(None, {})
    except Exception:  # onnxruntime raises a family of types without a common base; the operators stay then
        return None
