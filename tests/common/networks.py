"""Tiny ONNX networks, one for every way in which weights are found in the wild; weights are random, seeds fixed."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

HEADER = '<ir_version: {ir_version}, opset_import: ["" : {opset}], producer_name: "tests">\n'


def build(
    text: str,
    initializers: Mapping[str, np.ndarray] | None = None,
    *,
    ir_version: int = 10,
    opset: int = 21,
    infers: bool = True,
) -> onnx.ModelProto:
    """Return the graph of `text` (ONNX's own syntax) with `initializers`, checked; `infers`: its shapes as well."""
    model = onnx.parser.parse_model(HEADER.format(ir_version=ir_version, opset=opset) + text)
    tensors = [numpy_helper.from_array(np.asarray(values), name) for name, values in (initializers or {}).items()]
    model.graph.initializer.extend(tensors)
    onnx.checker.check_model(model, full_check=infers)
    return model


def normal(*shape: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype(dtype)


def conv_net() -> onnx.ModelProto:
    """Two convolutions, the first 1x1, and a Gemm; every one has a bias."""
    return build(
        """net (float[batch, 3, 8, 8] x) => (float[batch, 5] y) {
            a = Conv (x, point, point_bias)
            b = Relu (a)
            c = Conv <pads = [1, 1, 1, 1]> (b, square, square_bias)
            d = GlobalAveragePool (c)
            e = Flatten (d)
            y = Gemm <transB = 1> (e, fc, fc_bias)
        }""",
        {
            "point": normal(6, 3, 1, 1),
            "point_bias": normal(6),
            "square": normal(8, 6, 3, 3),
            "square_bias": normal(8),
            "fc": normal(5, 8),
            "fc_bias": normal(5),
        },
    )


def mlp() -> onnx.ModelProto:
    """One Gemm with transB and one without."""
    return build(
        """net (float[batch, 12] x) => (float[batch, 10] y) {
            h = Gemm <transB = 1> (x, turned, turned_bias)
            r = Relu (h)
            y = Gemm (r, straight, straight_bias)
        }""",
        {
            "turned": normal(16, 12),
            "turned_bias": normal(16),
            "straight": normal(16, 10),
            "straight_bias": normal(10),
        },
    )


def gemm(*, transposed: bool = True, inputs: int = 12, outputs: int = 16, attributes: str = "") -> onnx.ModelProto:
    """One Gemm with weights `w` and bias `b`."""
    shape = (outputs, inputs) if transposed else (inputs, outputs)
    return build(
        f"""net (float[batch, {inputs}] x) => (float[batch, {outputs}] y) {{
            y = Gemm <transB = {int(transposed)} {attributes}> (x, w, b)
        }}""",
        {"w": normal(*shape), "b": normal(outputs)},
    )


def matmul() -> onnx.ModelProto:
    """2-D weights under a sequence of samples, 3-D weights (one matrix a head), and weights on the left."""
    return build(
        """net (float[batch, 2, 7, 12] x) => (float[batch, 2, 9, 6] y) {
            h = MatMul (x, shared_by_heads)
            a = Relu (h)
            b = MatMul (a, of_heads)
            y = MatMul (left, b)
        }""",
        {"shared_by_heads": normal(12, 10), "of_heads": normal(2, 10, 6), "left": normal(9, 7)},
    )


def transposed_conv() -> onnx.ModelProto:
    return build(
        """net (float[batch, 4, 5, 5] x) => (float[batch, 6, 10, 10] y) {
            y = ConvTranspose <strides = [2, 2], kernel_shape = [2, 2]> (x, up, up_bias)
        }""",
        {"up": normal(4, 6, 2, 2), "up_bias": normal(6)},
    )


def grouped_conv() -> onnx.ModelProto:
    """Two groups, then a depthwise convolution without a bias."""
    return build(
        """net (float[batch, 4, 6, 6] x) => (float[batch, 6, 4, 4] y) {
            a = Conv <group = 2, pads = [1, 1, 1, 1]> (x, grouped, grouped_bias)
            y = Conv <group = 6> (a, depthwise)
        }""",
        {"grouped": normal(6, 2, 3, 3), "grouped_bias": normal(6), "depthwise": normal(6, 1, 3, 3)},
    )


def conv_norm() -> onnx.ModelProto:
    """A 1x1 convolution with a batch normalization behind it."""
    return build(
        """net (float[batch, 3, 6, 6] x) => (float[batch, 5, 6, 6] y) {
            a = Conv (x, point)
            y = BatchNormalization (a, scale, shift, mean, variance)
        }""",
        {
            "point": normal(5, 3, 1, 1),
            "scale": normal(5) + 2,
            "shift": normal(5),
            "mean": normal(5),
            "variance": np.square(normal(5)) + 1,
        },
    )


def shared() -> onnx.ModelProto:
    """One matrix read twice along the same axis, another along both."""
    return build(
        """net (float[batch, 8] x) => (float[batch, 8] y) {
            a = Gemm <transB = 1> (x, twice)
            b = Gemm <transB = 1> (a, twice)
            c = Gemm <transB = 1> (b, tied)
            y = MatMul (c, tied)
        }""",
        {"twice": normal(8, 8, seed=1) / 3, "tied": normal(8, 8, seed=2) / 3},
    )


def detector() -> onnx.ModelProto:
    """Operators that no technique treats (LSTM, Resize, NonMaxSuppression) among a Conv and a Gemm; a batch of one."""
    return build(
        """net (float[1, 3, 8, 8] x) => (float[16, 5] raw, int64[n, 3] picked) {
            c = Conv <pads = [1, 1, 1, 1]> (x, conv, conv_bias)
            u = Resize <mode = "nearest"> (c, , scales)
            s = Reshape (u, to_sequence)
            l = LSTM <hidden_size = 5> (s, lstm_w, lstm_r, lstm_b)
            f = Reshape (l, to_rows)
            raw = Gemm (f, fc, fc_bias)
            corners, score = Split <axis = 1> (raw, parts)
            boxes = Reshape (corners, to_boxes)
            scores = Reshape (score, to_scores)
            picked = NonMaxSuppression (boxes, scores, most, overlap, least)
        }""",
        {
            "conv": normal(4, 3, 3, 3),
            "conv_bias": normal(4),
            "scales": np.array([1, 1, 2, 2], np.float32),
            "to_sequence": np.array([16, 1, 64]),
            "lstm_w": normal(1, 20, 64) / 8,
            "lstm_r": normal(1, 20, 5),
            "lstm_b": normal(1, 40),
            "to_rows": np.array([16, 5]),
            "fc": normal(5, 5),
            "fc_bias": normal(5),
            "parts": np.array([4, 1]),
            "to_boxes": np.array([1, 16, 4]),
            "to_scores": np.array([1, 1, 16]),
            "most": np.array([10]),
            "overlap": np.array([0.5], np.float32),
            "least": np.array([0.0], np.float32),
        },
    )


def behind_constant() -> onnx.ModelProto:
    """Weights that a Constant operator holds."""
    model = build("net (float[batch, 6] x) => (float[batch, 5] y) { y = MatMul (x, held) }", {"held": normal(6, 5)})
    held = model.graph.initializer.pop()
    model.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["held"], value=held))
    onnx.checker.check_model(model, full_check=True)
    return model


def branches() -> onnx.ModelProto:
    """Weights inside the branches of an If, one of them a level deeper, and a matrix in front."""
    model = build(
        """net (float[batch, 6] x, bool flag) => (float[batch, 4] y) {
            h = MatMul (x, front)
            y = If (flag) <
                then_branch = yes () => (float[batch, 4] a) { a = MatMul (h, inner) },
                else_branch = no () => (float[batch, 4] c) {
                    c = If (flag) <
                        then_branch = deep () => (float[batch, 4] d) { d = MatMul (h, deeper) },
                        else_branch = flat () => (float[batch, 4] e) { e = Relu (h) }
                    >
                }
            >
        }""",
        {"front": normal(6, 4), "inner": normal(4, 4, seed=1), "deeper": normal(4, 4, seed=2)},
    )
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    yes, no = (attribute.g for attribute in model.graph.node[1].attribute)
    deep = no.node[0].attribute[0].g
    for graph, name in ((yes, "inner"), (deep, "deeper")):
        graph.initializer.append(tensors[name])
        model.graph.initializer.remove(tensors[name])
    onnx.checker.check_model(model, full_check=True)
    return model


def half() -> onnx.ModelProto:
    """Everything in float16."""
    return build(
        """net (float16[batch, 12] x) => (float16[batch, 8] y) {
            h = Gemm <transB = 1> (x, w, b)
            y = MatMul (h, v)
        }""",
        {
            "w": normal(16, 12, dtype=np.float16),
            "b": normal(16, dtype=np.float16),
            "v": normal(16, 8, dtype=np.float16),
        },
    )


def listed_inputs() -> onnx.ModelProto:
    """An old file: every initializer is listed as an input too."""
    return build(
        """net (float[batch, 12] x, float[16, 12] w, float[16] b) => (float[batch, 16] y) {
            y = Gemm <transB = 1> (x, w, b)
        }""",
        {"w": normal(16, 12), "b": normal(16)},
        ir_version=3,
        opset=9,
    )


NETWORKS = {
    builder.__name__: builder
    for builder in (
        conv_net,
        mlp,
        matmul,
        transposed_conv,
        grouped_conv,
        conv_norm,
        shared,
        detector,
        behind_constant,
        branches,
        half,
        listed_inputs,
    )
}
