"""Networks that are hard to cut into stages: residuals, branches, several inputs, subgraphs, sequences, shapes."""

import numpy as np
import onnx
from common.networks import build, normal


def residual() -> onnx.ModelProto:
    """Two blocks with shortcuts, the second with a convolution in it."""
    return build(
        """net (float[batch, 3, 6, 6] x) => (float[batch, 4, 6, 6] y) {
            stem = Conv <pads = [1, 1, 1, 1]> (x, w0)
            r0 = Relu (stem)
            a = Conv <pads = [1, 1, 1, 1]> (r0, w1)
            b = Relu (a)
            c = Conv (b, w2)
            d = Add (c, r0)
            e = Relu (d)
            f = Conv <pads = [1, 1, 1, 1]> (e, w3)
            g = Conv (e, w4)
            y = Add (f, g)
        }""",
        {
            "w0": normal(4, 3, 3, 3) / 5,
            "w1": normal(4, 4, 3, 3) / 6,
            "w2": normal(4, 4, 1, 1) / 2,
            "w3": normal(4, 4, 3, 3, seed=1) / 6,
            "w4": normal(4, 4, 1, 1, seed=1) / 2,
        },
    )


def concat() -> onnx.ModelProto:
    """Three branches out of one tensor, joined; one of them reads the input too."""
    return build(
        """net (float[batch, 8] x) => (float[batch, 5] y) {
            h = MatMul (x, w0)
            a = MatMul (h, w1)
            b = MatMul (h, w2)
            b2 = Relu (b)
            b3 = MatMul (b2, w3)
            j = Concat <axis = 1> (a, b3, h, x)
            y = MatMul (j, w4)
        }""",
        {"w0": normal(8, 6), "w1": normal(6, 4), "w2": normal(6, 5), "w3": normal(5, 3), "w4": normal(21, 5)},
    )


def two_inputs(batch: int | str = "n") -> onnx.ModelProto:
    """Two inputs that meet late."""
    return build(
        f"""net (float[{batch}, 3] a, float[{batch}, 4] b) => (float[{batch}, 5] y) {{
            p = MatMul (a, wa)
            q = MatMul (b, wb)
            s = Add (p, q)
            y = MatMul (s, ws)
        }}""",
        {"wa": normal(3, 5), "wb": normal(4, 5), "ws": normal(5, 5)},
    )


def turned_weights() -> onnx.ModelProto:
    """The same weights straight and turned around by an operator."""
    return build(
        """net (float[n, 4] x) => (float[n, 4] y) {
            h = MatMul (x, w)
            r = Relu (h)
            t = Transpose <perm = [1, 0]> (w)
            g = MatMul (r, t)
            k = MatMul (g, w)
            y = MatMul (k, t)
        }""",
        {"w": normal(4, 4) / 2},
    )


def shape_arithmetic() -> onnx.ModelProto:
    """A shape read from one tensor and used on a later one; time comes first in between."""
    return build(
        """net (float[n, 3, 4] x) => (float[n, 6] y) {
            extents = Shape (x)
            count = Slice (extents, zero, one)
            turned = Transpose <perm = [1, 0, 2]> (x)
            h = MatMul (turned, w0)
            r = Relu (h)
            back = Transpose <perm = [1, 0, 2]> (r)
            target = Concat <axis = 0> (count, rest)
            flat = Reshape (back, target)
            y = MatMul (flat, w1)
        }""",
        {
            "zero": np.array([0]),
            "one": np.array([1]),
            "rest": np.array([-1]),
            "w0": normal(4, 5),
            "w1": normal(15, 6),
        },
    )


def with_subgraph() -> onnx.ModelProto:
    """Branches of an If that capture an inner tensor and weights from outside."""
    return build(
        """net (float[n, 4] x) => (float[n, 4] y) {
            h = MatMul (x, w)
            total = ReduceSum <keepdims = 0> (h)
            zero = Constant <value = float {0.0}> ()
            positive = Greater (total, zero)
            i = If (positive) <
                then_branch = left () => (float[n, 4] p) { p = MatMul (h, v) },
                else_branch = right () => (float[n, 4] q) { t = Neg (h)  q = MatMul (t, v) }
            >
            y = MatMul (i, u)
        }""",
        {"w": normal(4, 4), "v": normal(4, 4, seed=1), "u": normal(4, 4, seed=2)},
    )


def with_sequence() -> onnx.ModelProto:
    """A sequence of tensors, which cannot be kept, between two layers."""
    return build(
        """net (float[n, 6] x) => (float[n, 4] y) {
            h = MatMul (x, w)
            parts = SplitToSequence <axis = 1> (h, three)
            first = SequenceAt (parts, zero)
            second = SequenceAt (parts, one)
            a = MatMul (first, v)
            b = MatMul (second, v)
            y = Add (a, b)
        }""",
        {
            "three": np.array(3),
            "zero": np.array(0),
            "one": np.array(1),
            "w": normal(6, 6),
            "v": normal(3, 4),
        },
    )


HARD = {
    builder.__name__: builder
    for builder in (residual, concat, two_inputs, turned_weights, shape_arithmetic, with_subgraph, with_sequence)
}
