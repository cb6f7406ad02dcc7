"""Networks whose weights are hidden in every way that ONNX knows, and what must be found in each."""

from collections.abc import Callable
from dataclasses import dataclass, field

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .networks import build, normal


@dataclass(frozen=True)
class Case:
    """A network, its layers as (operator, role, channel axis, inputs seen), and the reasons for some of the others."""

    proto: onnx.ModelProto
    layers: dict[str, tuple[str, str, int, bool]]
    left_alone: dict[str, str] = field(default_factory=dict)


CASES: dict[str, Callable[[], Case]] = {}
RIGHT = ("MatMul", "matrix", 1, True)


def case(builder: Callable[[], Case]) -> Callable[[], Case]:
    CASES[builder.__name__] = builder
    return builder


def integers(*shape: int, seed: int = 0, dtype: type = np.int8) -> np.ndarray:
    info = ml_dtypes.iinfo(dtype)
    return np.random.default_rng((seed, *shape)).integers(info.min, info.max + 1, shape).astype(dtype)


def matmul(chain: str, tensors: dict[str, np.ndarray], layer: tuple = RIGHT, name: str = "w", **options) -> Case:
    """`u` is what `chain` makes of the tensors: (6, 4), the second operand of a MatMul."""
    text = f"net (float[n, 6] x) => (float[n, 4] y) {{ {chain}  y = MatMul (x, u) }}"
    return Case(build(text, tensors, **options), {name: layer})


def quantized(shape: tuple[int, ...], zero: np.ndarray | None, scale: np.ndarray, values: np.ndarray) -> dict:
    return {"w": values.reshape(shape), "s": scale} | ({} if zero is None else {"z": zero})


def feeds_of(proto: onnx.ModelProto, seed: int = 0) -> dict[str, np.ndarray]:
    """Return inputs for three samples, or three of whatever else is free."""
    rng = np.random.default_rng(seed)
    held = {tensor.name for tensor in proto.graph.initializer}
    return {value.name: _draw(rng, value) for value in proto.graph.input if value.name not in held}


def _draw(rng: np.random.Generator, value: onnx.ValueInfoProto) -> np.ndarray:
    kind = value.type.tensor_type
    shape = tuple(extent.dim_value or 3 for extent in kind.shape.dim)
    dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
    if dtype == np.bool_:
        return np.asarray(rng.random() < 0.5)
    if value.name == "to":  # a shape, not row numbers
        return np.array([6, 4])
    return np.asarray(rng.integers(1, 5, shape)) if dtype == np.int64 else rng.normal(size=shape).astype(dtype)


@case
def transposed() -> Case:
    return matmul("u = Transpose <perm = [1, 0]> (w)", {"w": normal(4, 6)})


@case
def transposed_without_permutation() -> Case:
    return matmul("u = Transpose (w)", {"w": normal(4, 6)})


@case
def reshaped() -> Case:
    return matmul("u = Reshape (w, to)", {"w": normal(24), "to": np.array([6, -1])})


@case
def identity_then_cast() -> Case:
    return matmul("v = Identity (w)  u = Cast <to = 1> (v)", {"w": normal(6, 4, dtype=np.float16)})


@case
def cast_from_bfloat16() -> Case:
    return matmul("u = Cast <to = 1> (w)", {"w": normal(6, 4).astype(ml_dtypes.bfloat16)})


@case
def squeezed() -> Case:
    return matmul("u = Squeeze (w, axes)", {"w": normal(6, 1, 4), "axes": np.array([1])})


@case
def squeezed_and_unsqueezed_in_opset_11() -> Case:
    chain = "v = Unsqueeze <axes = [0]> (w)  u = Squeeze <axes = [0]> (v)"
    return matmul(chain, {"w": normal(6, 4)}, opset=11, ir_version=6)


@case
def flattened() -> Case:
    return matmul("u = Flatten (w)", {"w": normal(6, 2, 2)})


@case
def a_long_chain() -> Case:
    chain = "a = Identity (w)  b = Reshape (a, to)  c = Unsqueeze (b, axes)  d = Squeeze (c, axes)  u = Transpose (d)"
    return matmul(chain, {"w": normal(24), "to": np.array([4, 6]), "axes": np.array([0])})


@case
def fake_quantized() -> Case:
    chain = "q = QuantizeLinear (w, s, z)  u = DequantizeLinear (q, s, z)"
    return matmul(chain, {"w": normal(6, 4), "s": np.float32(0.02), "z": np.int8(3)})


@case
def fake_quantized_to_four_bits() -> Case:
    chain = "q = QuantizeLinear <axis = 1> (w, s, z)  u = DequantizeLinear <axis = 1> (q, s, z)"
    zero = np.zeros(4, ml_dtypes.int4)
    return matmul(chain, {"w": normal(6, 4), "s": np.full(4, 0.3, np.float32), "z": zero})


@case
def quantized_to_int8() -> Case:
    tensors = quantized((6, 4), None, np.float32(0.013), integers(6, 4))
    return matmul("u = DequantizeLinear (w, s)", tensors)


@case
def quantized_to_int8_per_channel_in_opset_13() -> Case:
    scales = np.float32([0.1, 0.2, 0.3, 0.07])
    tensors = quantized((6, 4), np.int8([0, 1, -2, 3]), scales, integers(6, 4))
    return matmul("u = DequantizeLinear <axis = 1> (w, s, z)", tensors, opset=13, ir_version=7)


@case
def quantized_to_uint8() -> Case:
    tensors = quantized((6, 4), np.uint8(128), np.float32(0.01), integers(6, 4, dtype=np.uint8))
    return matmul("u = DequantizeLinear (w, s, z)", tensors)


@case
def quantized_to_int4() -> Case:
    tensors = quantized((6, 4), None, np.float32([0.1, 0.2, 0.3, 0.07]), integers(6, 4, dtype=ml_dtypes.int4))
    return matmul("u = DequantizeLinear <axis = 1> (w, s)", tensors)


@case
def quantized_to_uint4_in_blocks() -> Case:
    values = integers(6, 4, dtype=ml_dtypes.uint4)
    tensors = quantized((6, 4), np.full((2, 4), 7, ml_dtypes.uint4), np.abs(normal(2, 4)) / 9 + 0.01, values)
    return matmul("u = DequantizeLinear <axis = 0, block_size = 3> (w, s, z)", tensors)


@case
def quantized_to_float8() -> Case:
    tensors = quantized((6, 4), None, np.float32(0.5), normal(6, 4).astype(ml_dtypes.float8_e4m3fn))
    return matmul("u = DequantizeLinear (w, s)", tensors)


@case
def quantized_then_transposed() -> Case:
    tensors = quantized((4, 6), None, np.float32(0.013), integers(4, 6))
    return matmul("v = DequantizeLinear (w, s)  u = Transpose (v)", tensors)


@case
def quantized_by_hand() -> Case:
    chain = "a = Cast <to = 1> (w)  b = Sub (a, z)  u = Mul (b, s)"
    return matmul(chain, {"w": integers(6, 4), "z": np.float32(3), "s": np.float32([0.1, 0.2, 0.3, 0.4])})


@case
def quantized_with_two_dequantizers() -> Case:
    """As quantizers write shared weights: one DequantizeLinear for every reader."""
    proto = build(
        """net (float[n, 6] x) => (float[n, 4] y, float[n, 4] z) {
            a = DequantizeLinear (w, s)  y = MatMul (x, a)
            r = Relu (x)  b = DequantizeLinear (w, t)  z = MatMul (r, b)
        }""",
        {"w": integers(6, 4), "s": np.float32(0.1), "t": np.float32(0.1)},
    )
    return Case(proto, {"w": ("MatMul", "matrix", 1, True)})


@case
def quantized_convolution() -> Case:
    """Weights, bias and data quantized: the bias stays an integer, which nobody has to make smaller."""
    proto = build(
        """net (float[n, 3, 5, 5] x) => (float[n, 4, 3, 3] y) {
            q = QuantizeLinear (x, sx, zx)  d = DequantizeLinear (q, sx, zx)
            u = DequantizeLinear <axis = 0> (w, s)  b = DequantizeLinear <axis = 0> (c, sb)
            y = Conv (d, u, b)
        }""",
        {
            "sx": np.float32(0.02),
            "zx": np.uint8(100),
            "w": integers(4, 3, 3, 3),
            "s": np.float32([0.1, 0.2, 0.3, 0.4]),
            "c": np.int32([100, -200, 300, 4]),
            "sb": np.float32([0.002, 0.004, 0.006, 0.008]),
        },
    )
    return Case(proto, {"w": ("Conv", "convolution", 0, True)}, {"c": "int32 values are not weights"})


@case
def convolution_weights_from_a_matrix() -> Case:
    proto = build(
        "net (float[n, 3, 5, 5] x) => (float[n, 4, 3, 3] y) { u = Reshape (w, to)  y = Conv (x, u) }",
        {"w": normal(4, 27), "to": np.array([4, 3, 3, 3])},
    )
    return Case(proto, {"w": ("Conv", "convolution", 0, True)})


@case
def tied_embedding() -> Case:
    """A table that is the output projection too: the projection computes, so its channels count."""
    proto = build(
        """net (int64[n, 5] x) => (float[n, 5, 9] y) {
            h = Gather (table, x)  t = Transpose <perm = [1, 0]> (table)  y = MatMul (h, t)
        }""",
        {"table": normal(9, 4)},
    )
    return Case(proto, {"table": ("MatMul", "matrix", 0, True)})


@case
def tied_embedding_in_int8() -> Case:
    proto = build(
        """net (int64[n, 5] x) => (float[n, 5, 9] y) {
            d = DequantizeLinear (table, s)
            h = Gather (d, x)  t = Transpose <perm = [1, 0]> (d)  y = MatMul (h, t)
        }""",
        {"table": integers(9, 4), "s": np.float32(0.03)},
    )
    return Case(proto, {"table": ("MatMul", "matrix", 0, True)})


@case
def table_that_gemm_reads_too() -> Case:
    """Both read the table along its columns."""
    proto = build(
        """net (int64[n] x, float[n, 9] z) => (float[n, 4] y) {
            h = Gather <axis = 0> (table, x)  p = Gemm (z, table)  y = Add (h, p)
        }""",
        {"table": normal(9, 4)},
    )
    return Case(proto, {"table": ("Gemm", "matrix", 1, True)})


@case
def two_views_of_one_convolution() -> Case:
    """One kernel as a 1x1 convolution and as a matrix: the channels are the same axis of it."""
    proto = build(
        """net (float[n, 3, 5, 5] x, float[n, 3] z) => (float[n, 4, 5, 5] y, float[n, 4] v) {
            y = Conv (x, w)  m = Reshape (w, to)  v = Gemm <transB = 1> (z, m)
        }""",
        {"w": normal(4, 3, 1, 1), "to": np.array([0, -1])},
    )
    return Case(proto, {"w": ("Conv", "convolution", 0, False)})


@case
def tables() -> Case:
    """Words and places are looked up; a Gather along columns is no table."""
    proto = build(
        """net (int64[n, 5] x) => (float[n, 5, 4] y, float[3, 5] z) {
            a = Gather (words, x)  b = Gather (places, order)  y = Add (a, b)  z = Gather <axis = 1> (columns, order)
        }""",
        {"words": normal(9, 4), "places": normal(5, 4), "columns": normal(3, 6), "order": np.arange(5)},
    )
    layers = {"words": ("Gather", "table", 1, True), "places": ("Gather", "table", 1, False)}
    return Case(proto, layers, {"columns": "weights of Gather, which no technique treats yet"})


def recurrent(op_type: str, gates: int) -> Case:
    bias = 2 * gates * 5
    proto = build(
        f"""net (float[7, n, 3] x) => (float[7, d, n, 5] y) {{
            y = {op_type} <hidden_size = 5, direction = "bidirectional"> (x, w, r, b)
        }}""",
        {"w": normal(2, gates * 5, 3), "r": normal(2, gates * 5, 5), "b": normal(2, bias)},
    )
    layers = {"w": (op_type, "recurrent", 1, True), "r": (op_type, "recurrent", 1, True)}
    return Case(proto, layers, {"b": f"bias of {op_type}"})


@case
def lstm() -> Case:
    return recurrent("LSTM", 4)


@case
def gru() -> Case:
    return recurrent("GRU", 3)


@case
def rnn() -> Case:
    return recurrent("RNN", 1)


@case
def deformable_convolution() -> Case:
    proto = build(
        "net (float[1, 2, 4, 4] x) => (float[1, 3, 4, 4] y) { y = DeformConv (x, w, places) }",
        {"w": normal(3, 2, 1, 1), "places": normal(1, 2, 4, 4) / 4},
    )
    left = {"places": "weights of DeformConv, which no technique treats yet"}
    return Case(proto, {"w": ("DeformConv", "convolution", 0, False)}, left)


def inside(graph: onnx.GraphProto, proto: onnx.ModelProto, *names: str) -> None:
    """Move initializers of the main graph into a body."""
    held = {tensor.name: tensor for tensor in proto.graph.initializer}
    for name in names:
        graph.initializer.append(held[name])
        proto.graph.initializer.remove(held[name])


@case
def branches_with_constants_of_one_name() -> Case:
    """Both branches hold a `w`, one as an initializer and one as a Constant; a body reads the matrix outside too."""
    proto = build(
        """net (float[n, 6] x, bool flag) => (float[n, 4] y) {
            h = MatMul (x, front)
            y = If (flag) <
                then_branch = yes () => (float[n, 4] a) { a = MatMul (h, w) },
                else_branch = no () => (float[n, 4] c) { k = MatMul (h, other)  g = Relu (k)  c = MatMul (g, w) }
            >
        }""",
        {"front": normal(6, 4), "w": normal(4, 4, seed=1), "other": normal(4, 4, seed=2)},
    )
    yes, no = (attribute.g for attribute in proto.graph.node[1].attribute)
    held = next(tensor for tensor in proto.graph.initializer if tensor.name == "w")
    no.node.insert(0, helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(normal(4, 4, seed=3))))
    inside(yes, proto, held.name)
    hidden = ("MatMul", "matrix", 1, False)
    return Case(proto, {"front": RIGHT, "w": hidden, "w_1": hidden, "other": hidden})


@case
def loop_body() -> Case:
    """Five times through a matrix that stands behind a Transpose, all of it inside the body."""
    proto = build(
        """net (float[n, 4] x, int64 trips, bool go) => (float[n, 4] y) {
            y = Loop (trips, go, x) <
                body = step (int64 i, bool on, float[n, 4] h) => (bool still, float[n, 4] out) {
                    still = Identity (on)  t = Transpose (w)  m = MatMul (h, t)  out = Tanh (m)
                }
            >
        }""",
        {"w": normal(4, 4)},
    )
    inside(proto.graph.node[0].attribute[0].g, proto, "w")
    return Case(proto, {"w": ("MatMul", "matrix", 1, False)})


@case
def scan_body() -> Case:
    proto = build(
        """net (float[n, 4] start, float[7, n, 4] x) => (float[n, 4] last, float[7, n, 4] all) {
            last, all = Scan (start, x) <
                num_scan_inputs = 1,
                body = step (float[n, 4] h, float[n, 4] one) => (float[n, 4] next, float[n, 4] seen) {
                    m = Gemm (h, w, c)  s = Add (m, one)  next = Tanh (s)  seen = Identity (next)
                }
            >
        }""",
        {"w": normal(4, 4), "c": normal(4)},
    )
    body = next(a.g for a in proto.graph.node[0].attribute if a.name == "body")
    inside(body, proto, "w", "c")
    return Case(proto, {"w": ("Gemm", "matrix", 1, False)}, {"c": "inside a subgraph of Scan"})


@case
def branch_that_returns_its_constant() -> Case:
    """A branch's own output stays where it is: nothing else could stand there."""
    proto = build(
        """net (float[n, 4] x, bool flag) => (float[n, 4] y) {
            m = If (flag) <
                then_branch = yes () => (float[4, 4] a) { a = Identity (w) },
                else_branch = no () => (float[4, 4] v) { z = Identity (w)  v = Relu (z) }
            >
            y = MatMul (x, m)
        }""",
        {"w": normal(4, 4)},
    )
    return Case(proto, {}, {"w": "weights of Identity, which no technique treats yet"})


def function(name: str, nodes: list[onnx.NodeProto], opset: int) -> onnx.FunctionProto:
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, ["x"], ["y"], nodes, imports)


def constant(name: str, values: np.ndarray) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values, name))


def with_functions(functions: list[onnx.FunctionProto], calls: list[str]) -> onnx.ModelProto:
    """x (n, 4) through every call in turn."""
    values = ["x", *(f"h{n}" for n in range(1, len(calls))), "y"]
    nodes = [helper.make_node(c, [values[n]], [values[n + 1]], domain="own") for n, c in enumerate(calls)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy"]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:])
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, functions=functions, opset_imports=imports, ir_version=10)


@case
def functions_within_functions() -> Case:
    """`net` calls `pair` and `dense`, `pair` calls `dense`: three copies of the weights, as three calls say."""
    dense = [constant("w", normal(4, 4)), helper.make_node("MatMul", ["x", "w"], ["y"])]
    pair = [helper.make_node("dense", ["x"], ["h"], domain="own"), constant("w", normal(4, 4, seed=1))]
    pair += [helper.make_node("Relu", ["h"], ["r"]), helper.make_node("MatMul", ["r", "w"], ["y"])]
    proto = with_functions([function("dense", dense, 21), function("pair", pair, 21)], ["pair", "dense"])
    return Case(proto, {"w": RIGHT, "w_2": RIGHT, "w_3": RIGHT})


@case
def functions_with_branches() -> Case:
    """Called twice, so that the names in the branches would be there twice."""

    def branch(name: str, seed: int) -> onnx.GraphProto:
        nodes = [constant("w", normal(4, 4, seed=seed)), helper.make_node("MatMul", ["x", "w"], [name])]
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4])])

    nodes = [helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0), constant("zero", np.float32(0))]
    nodes += [helper.make_node("Greater", ["total", "zero"], ["flag"])]
    nodes += [helper.make_node("If", ["flag"], ["y"], then_branch=branch("a", 1), else_branch=branch("c", 2))]
    proto = with_functions([function("either", nodes, 21)], ["either", "either"])
    return Case(proto, dict.fromkeys(("w", "w_2", "w_3", "w_4"), ("MatMul", "matrix", 1, False)))


@case
def function_of_another_opset() -> Case:
    dense = [constant("w", normal(4, 4)), helper.make_node("MatMul", ["x", "w"], ["y"])]
    proto = with_functions([function("dense", dense, 21)], ["dense"])
    proto.opset_import[0].version = 22
    return Case(proto, {"w": RIGHT})


def with_constant(opset: int, name: str, values: object) -> onnx.ModelProto:
    """A Constant in one of its forms, as the rows of a (4, 6) matrix."""
    proto = build(
        "net (float[n, 4] x) => (float[n, 6] y) { u = Reshape (w, to)  y = MatMul (x, u) }",
        {"w": normal(24), "to": np.array([4, 6])},
        opset=opset,
        ir_version=6,
    )
    proto.graph.initializer.remove(proto.graph.initializer[0])
    proto.graph.node.insert(0, helper.make_node("Constant", [], ["w"], **{name: values}))
    return proto


@case
def constant_of_floats() -> Case:
    return Case(with_constant(12, "value_floats", normal(24).tolist()), {"w": RIGHT})


@case
def constant_in_opset_11() -> Case:
    return Case(with_constant(11, "value", numpy_helper.from_array(normal(24))), {"w": RIGHT})


def sparse() -> onnx.SparseTensorProto:
    values = numpy_helper.from_array(np.float32([1.5, -2, 3]), "w")
    return helper.make_sparse_tensor(values, numpy_helper.from_array(np.array([0, 7, 21]), "places"), [4, 6])


@case
def sparse_constant() -> Case:
    proto = with_constant(11, "value_float", 0.0)
    proto.graph.node[0].CopyFrom(helper.make_node("Constant", [], ["w"], sparse_value=sparse()))
    return Case(proto, {"w": RIGHT})


@case
def sparse_initializer() -> Case:
    proto = build("net (float[n, 4] x) => (float[n, 6] y) { y = MatMul (x, w) }", {"w": normal(4, 6)})
    del proto.graph.initializer[:]
    proto.graph.sparse_initializer.append(sparse())
    return Case(proto, {"w": RIGHT})


@case
def small_matrix_in_a_constant() -> Case:
    proto = build("net (float[n, 2] x) => (float[n, 3] y) { y = MatMul (x, w) }", {"w": normal(2, 3)})
    proto.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=proto.graph.initializer.pop()))
    return Case(proto, {"w": RIGHT})


@case
def constant_of_shape() -> Case:
    proto = build(
        "net (float[n, 4] x) => (float[n, 6] y) { c = ConstantOfShape (to)  y = MatMul (x, c) }",
        {"to": np.array([4, 6])},
    )
    return Case(proto, {}, {"to": "int64 values are not weights"})


@case
def half_precision() -> Case:
    proto = build(
        "net (float16[n, 6] x) => (float16[n, 4] y) { t = Transpose (w)  y = MatMul (x, t) }",
        {"w": normal(4, 6, dtype=np.float16)},
    )
    return Case(proto, {"w": RIGHT})


@case
def several_inputs_and_outputs() -> Case:
    proto = build(
        """net (float[n, 6] x, float[m, p, 6] z) => (float[n, 4] y, float[m, p, 4] v, float[m, p, 3] k) {
            y = MatMul (x, w)  v = MatMul (z, u)  k = MatMul (v, o)
        }""",
        {"w": normal(6, 4), "u": normal(6, 4, seed=1), "o": normal(4, 3)},
    )
    return Case(proto, dict.fromkeys("wuo", RIGHT))


@case
def old_file() -> Case:
    proto = build(
        "net (float[n, 6] x, float[4, 6] w) => (float[n, 4] y) { t = Transpose (w)  y = MatMul (x, t) }",
        {"w": normal(4, 6)},
        opset=7,
        ir_version=3,
    )
    return Case(proto, {"w": RIGHT})


@case
def weights_that_a_caller_may_override() -> Case:
    """They stay an input, of their own shape, behind the view."""
    proto = build(
        "net (float[n, 6] x, float[4, 6] w) => (float[n, 4] y) { t = Transpose (w)  y = MatMul (x, t) }",
        {"w": normal(4, 6)},
    )
    return Case(proto, {"w": ("MatMul", "matrix", 0, True)})


@case
def view_that_is_an_output() -> Case:
    proto = build(
        "net (float[n, 6] x) => (float[n, 4] y, float[6, 4] t) { t = Transpose (w)  y = MatMul (x, t) }",
        {"w": normal(4, 6)},
    )
    return Case(proto, {}, {"w": "weights of Transpose, which no technique treats yet"})


@case
def view_with_a_computed_shape() -> Case:
    proto = build(
        "net (float[n, 6] x, int64[2] to) => (float[n, 4] y) { t = Reshape (w, to)  y = MatMul (x, t) }",
        {"w": normal(4, 6)},
    )
    return Case(proto, {}, {"w": "weights of Reshape, which no technique treats yet"})


@case
def channels_that_no_axis_holds() -> Case:
    """Two readers, so that nothing is folded, and rows that a reshape has cut."""
    proto = build(
        """net (float[n, 6] x) => (float[n, 4] y, float[n, 4] z) {
            t = Reshape (w, to)  y = MatMul (x, t)  r = Reshape (w, turned)  v = Transpose (r)  z = MatMul (x, v)
        }""",
        {"w": normal(3, 8), "to": np.array([6, 4]), "turned": np.array([4, 6])},
    )
    return Case(proto, {}, {"w": "its output channels lie along none of its axes"})
