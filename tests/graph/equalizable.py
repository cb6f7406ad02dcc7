"""Random small networks with layers whose channels can be scaled."""

import numpy as np
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from attar.graph import load

SAMPLES = 5
FUNCTIONS = ("Relu", "LeakyRelu", "Identity", "Clip")


def network(rng: np.random.Generator, *, function: str | None = None, residual: bool | None = None) -> ir.Model:
    """Return a Conv, one by channel or in groups, a Conv, perhaps their sum, and one or two dense layers."""
    channels, groups = int(rng.choice([4, 6])), int(rng.choice([1, 2]))
    by_channel = bool(rng.integers(2)) if function is None else False
    residual = bool(rng.integers(2)) if residual is None else residual
    weights = {
        "w1": rng.normal(size=(channels, 3, 3, 3)),
        "b1": rng.normal(size=channels),
        "w2": rng.normal(size=(channels, 1 if by_channel else channels // groups, 3, 3)),
        "b2": rng.normal(size=channels),
        "w3": rng.normal(size=(channels, channels, 1, 1)),
        "w4": rng.normal(size=(7, channels * 16)),
        "b4": rng.normal(size=7),
        "w5": rng.normal(size=(7, 3)),
        "low": np.array(0.0),
    }
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], **pads)]
    nodes += [_function(rng, function, "c1", "f1")]
    nodes += [
        helper.make_node("Conv", ["f1", "w2", "b2"], ["c2"], group=channels if by_channel else groups, **pads),
        _function(rng, function, "c2", "f2"),
        helper.make_node("Conv", ["f2", "w3"], ["c3"]),
        helper.make_node("Add", ["c3", "f1"], ["sum"]) if residual else helper.make_node("Identity", ["c3"], ["sum"]),
        helper.make_node("MaxPool", ["sum"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        _function(rng, function, "flat", "f3"),
        helper.make_node("Gemm", ["f3", "w4", "b4"], ["g4"], transB=1),
        _function(rng, function, "g4", "f4"),
        helper.make_node("MatMul", ["f4", "w5"], ["y"]),
    ]
    read = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 9, 9])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.asarray(v, np.float32), name) for name, v in weights.items() if name in read],
    )
    return load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), fold=False)


def _function(rng: np.random.Generator, wanted: str | None, source: str, result: str):
    kind = wanted or str(rng.choice(FUNCTIONS))
    return helper.make_node(kind, [source, "low"] if kind == "Clip" else [source], [result])
