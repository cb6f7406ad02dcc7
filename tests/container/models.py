"""Small ONNX networks that hold what a round trip must not lose."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LINEAR = """
<ir_version: 10, opset_import: ["" : 21], producer_name: "tests">
linear (float[batch, 2] x) => (float[batch, 3] y) { h = MatMul(x, w) y = Add(h, b) }
"""


def linear():
    """A ModelProto whose initializers `w` (2, 3) and `b` (3,) are missing: they belong to the table."""
    return onnx.parser.parse_model(LINEAR)


def rich():
    """A network with a subgraph, a function, a string, mixed types, notes, and an initializer that is an input."""
    rng = np.random.default_rng(0)
    model = onnx.parser.parse_model("""
        <ir_version: 10, opset_import: ["" : 21, "local" : 1], producer_name: "tests", doc_string: "secret/path">
        rich (float[batch, 4] x, float[3] bias, bool flag) => (float[batch, 3] y, int64[k] shape)
        <float[batch, 3] h>
        {
            h = MatMul (x, weight)
            wide = Cast <to = 1> (half)
            g = Add (h, wide)
            s = local.Scaled (g, bias)
            y = If (flag) <
                then_branch = yes () => (float[batch, 3] a) { inner = Constant <value = float[1] {2.0}> ()
                                                             a = Mul (s, inner) },
                else_branch = no () => (float[batch, 3] c) { c = Relu (s) }
            >
            shape = Identity (numbers)
        }
        <opset_import: ["" : 21], domain: "local">
        Scaled (p, q) => (r) { r = Mul (p, q) }
    """)
    graph = model.graph
    graph.initializer.extend(
        [
            numpy_helper.from_array(rng.normal(size=(4, 3)).astype(np.float32), "weight"),
            numpy_helper.from_array(np.array(["a", "b"], dtype=object), "words"),
            numpy_helper.from_array(np.ones(3, np.float32), "bias"),
            numpy_helper.from_array(np.array(0.5, np.float16), "half"),
            numpy_helper.from_array(np.array([1, -7], np.int64), "numbers"),
        ]
    )
    graph.doc_string = graph.node[0].doc_string = "/home/somebody/model.py:12"
    for place in (model, graph, graph.node[0], graph.input[0], model.functions[0]):
        place.metadata_props.add(key="pkg.torch.stack_trace", value="/home/somebody/model.py")
        place.metadata_props.add(key="kept", value="yes")
    onnx.checker.check_model(model)
    return model


def laughing(count, *, circle=False):
    """A network of functions, each of which calls the one before it twice; the first one the last in a circle."""

    def function(name, *called):
        nodes = [helper.make_node(op, [f"v{i}"], [f"v{i + 1}"], domain=domain) for i, (domain, op) in enumerate(called)]
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
        return helper.make_function("own", name, ["v0"], [f"v{len(called)}"], nodes, opsets)

    model = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["" : 21, "own" : 1]>
        laughing (float[n] x) => (float[n] y) {{ y = own.F{count - 1} (x) }}"""
    )
    first = ("own", f"F{count - 1}") if circle else ("", "Relu")
    model.functions.append(function("F0", first))
    model.functions.extend(function(f"F{i}", *[("own", f"F{i - 1}")] * 2) for i in range(1, count))
    return model


def with_external_attribute():
    """A network whose Constant node refers to another file."""
    tensor = TensorProto(name="far", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../etc/passwd")
    node = helper.make_node("Constant", [], ["y"], value=tensor)
    output = helper.make_tensor_value_info("y", 1, [1])
    return helper.make_model(helper.make_graph([node], "g", [], [output]))
