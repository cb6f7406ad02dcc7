"""Networks of which not all can run in integers."""

import numpy as np
import onnx
import onnx_ir as ir
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from attar.graph import load

CHANNELS, SIDE = 4, 6
SHAPE = (CHANNELS, SIDE, SIDE)


def network(nodes, outputs, constants, *, ranks=None):
    """Return the network of onnx nodes from 'x' (n, 4, 6, 6) to the outputs named."""
    ranks = ranks or {}
    values = [
        helper.make_tensor_value_info(name, kind, ["n", *[None] * (rank - 1)])
        for name, (kind, rank) in {name: ranks.get(name, (TensorProto.FLOAT, 4)) for name in outputs}.items()
    ]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *SHAPE])
    initializers = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "partly", [source], values, initializers)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(proto)
    return load(proto)


def detector() -> ir.Model:
    """Convolutions, a running sum in the middle, a shape that is computed, the best three at the end."""
    rng, node = np.random.default_rng(0), helper.make_node
    constants = {
        "w1": rng.normal(0, 0.3, (CHANNELS, CHANNELS, 3, 3)).astype(np.float32),
        "one": np.ones(CHANNELS, np.float32),
        "zero": np.zeros(CHANNELS, np.float32),
        "axis": np.array(2),
        "tenth": np.array(0.1, np.float32),
        "w2": rng.normal(0, 0.3, (8, CHANNELS, 1, 1)).astype(np.float32),
        "first": np.array([0]),
        "rest": np.array([-1]),
        "w3": rng.normal(0, 0.1, (8 * SIDE * SIDE, 5)).astype(np.float32),
        "k": np.array([3]),
    }
    nodes = [
        node("Conv", ["x", "w1"], ["a"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["a", "one", "zero", "zero", "one"], ["b"]),
        node("Relu", ["b"], ["c"]),
        node("CumSum", ["c", "axis"], ["d"]),
        node("Mul", ["d", "tenth"], ["e"]),
        node("Add", ["c", "e"], ["f"]),
        node("Conv", ["f", "w2"], ["g"]),
        node("Shape", ["g"], ["h"]),
        node("Gather", ["h", "first"], ["i"]),
        node("Concat", ["i", "rest"], ["j"], axis=0),
        node("Reshape", ["g", "j"], ["l"]),
        node("Gemm", ["l", "w3"], ["m"]),
        node("Softmax", ["m"], ["p"], axis=1),
        node("TopK", ["p", "k"], ["best", "which"]),
    ]
    ranks = {"p": (TensorProto.FLOAT, 2), "best": (TensorProto.FLOAT, 2), "which": (TensorProto.INT64, 2)}
    return network(nodes, ["p", "best", "which"], constants, ranks=ranks)


@st.composite
def networks(draw):
    """Any wiring of operators that can and that cannot run in integers, all on tensors of one shape."""
    rng, node = np.random.default_rng(draw(st.integers(0, 99))), helper.make_node
    constants = {"axis": np.array(3)}
    names, nodes = ["x"], []
    for number in range(draw(st.integers(2, 9))):
        kind = draw(st.sampled_from(["Conv", "Conv", "Relu", "Add", "CumSum", "Sigmoid", "Softmax", "Identity"]))
        source, made = draw(st.sampled_from(names[-3:])), f"t{number}"
        if kind == "Conv":
            constants[f"w{number}"] = rng.normal(0, 0.4, (CHANNELS, CHANNELS, 1, 1)).astype(np.float32)
            nodes.append(node("Conv", [source, f"w{number}"], [made]))
        elif kind == "Add":
            nodes.append(node("Add", [source, draw(st.sampled_from(names))], [made]))
        elif kind == "CumSum":
            nodes.append(node("CumSum", [source, "axis"], [made]))
        else:
            nodes.append(node(kind, [source], [made]))
        names.append(made)
    outputs = list(dict.fromkeys([names[-1], draw(st.sampled_from(names[1:]))]))
    return network(nodes, outputs, constants)
