"""Operator by operator: what `to_qdq` writes answers in onnxruntime within a step, and reads back as it was."""

import numpy as np
import pytest
from common.networks import normal
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.runtime.integer import Affine, FixedPoint
from attar.runtime.integer.qdq import from_qdq

from ..beside_float import one
from .equal import assert_same_program, without_signs
from .quantized import assert_agrees, layer_differences
from .test_write import WIDE, written

SCHEMES = (Affine(), FixedPoint(), Affine(4, 4), FixedPoint(12, 12), Affine(16), FixedPoint(16, 16))
SHAPES = {  # statements, shape of y beside (4, 6, 6), constants
    "transposed": ("y = ConvTranspose <strides = [2, 2], pads = [1, 0, 0, 1]> (x, w, b)", "3, 12, 12",
                   {"w": normal(4, 3, 3, 3), "b": normal(3)}),
    "transposed, groups": ("y = ConvTranspose <group = 2, strides = [2, 2]> (x, w, b)", "6, 12, 12",
                           {"w": normal(4, 3, 2, 2) * np.float32([1, 2, 4, 8]).reshape(4, 1, 1, 1), "b": normal(6)}),
    "transposed, depthwise": ("h = ConvTranspose <group = 4> (x, w)  y = Relu (h)", "4, 7, 7",
                              {"w": normal(4, 1, 2, 2)}),
    "transposed, one axis": ("f = Reshape (x, s)  y = ConvTranspose (f, w)", "3, 14",
                             {"w": normal(12, 3, 3), "s": np.array([0, 12, 12])}),
    "split": ("a, b = Split <axis = 1, num_outputs = 2> (x)  y = Sub (a, b)", "2, 6, 6", {}),
    "slice": ("y = Slice (x, b, e, a, s)", "4, 3, 6",
              {"b": np.array([-1]), "e": np.array([-9]), "a": np.array([2]), "s": np.array([-2])}),
    "gather": ("y = Gather <axis = 3> (x, i)", "4, 6, 2, 2", {"i": np.array([[0, 5], [2, -1]])}),
    "resize, nearest": ("y = Resize <mode = \"nearest\"> (x, , s)", "4, 9, 12", {"s": np.float32([1, 1, 1.5, 2])}),
    "resize, linear": ("y = Resize <mode = \"linear\"> (x, , s)", "4, 9, 12", {"s": np.float32([1, 1, 1.5, 2])}),
    "mean": ("y = ReduceMean (x, a)", "4, 1, 1", {"a": np.array([2, 3])}),
    "mean over channels": ("m = ReduceMean (x, a)  y = Sub (x, m)", "4, 6, 6", {"a": np.array([1])}),
    "sum": ("y = ReduceSum <keepdims = 0> (x, a)", "6, 6", {"a": np.array([1])}),
    "maximum": ("y = ReduceMax (x, a)", "4, 1, 6", {"a": np.array([2])}),
    "global": ("a = GlobalAveragePool (x)  b = GlobalMaxPool (x)  y = Concat <axis = 1> (a, b)", "8, 1, 1", {}),
    "sigmoid": ("y = Sigmoid (x)", "4, 6, 6", {}),
    "SiLU": ("s = Sigmoid (x)  y = Mul (x, s)", "4, 6, 6", {}),
    "hard swish": ("a = Add (x, t)  c = Clip (a, z, k)  m = Mul (x, c)  y = Div (m, k)", "4, 6, 6",
                   {"t": np.float32(3), "z": np.float32(0), "k": np.float32(6)}),
    "GELU": ("y = Gelu (x)", "4, 6, 6", {}),
    "leaky": ("y = LeakyRelu <alpha = 0.1> (x)", "4, 6, 6", {}),
    "hard sigmoid, hard swish": ("h = HardSigmoid (x)  k = HardSwish (x)  y = Add (h, k)", "4, 6, 6", {}),
    "softmax": ("s = Softmax <axis = 1> (x)  y = Mul (x, s)", "4, 6, 6", {}),
    "slopes": ("y = PRelu (x, s)", "4, 6, 6", {"s": normal(4, 1, 1)}),
    "largest": ("n = Neg (x)  y = Max (x, n)", "4, 6, 6", {}),
    "least of three": ("n = Neg (x)  r = Relu (x)  y = Min (x, n, r)", "4, 6, 6", {}),
    "matrices": ("t = Transpose <perm = [0, 1, 3, 2]> (x)  y = MatMul (x, t)", "4, 6, 6", {}),
    "depth to space": ("y = DepthToSpace <blocksize = 2> (x)", "1, 12, 12", {}),
    "space to depth": ("y = SpaceToDepth <blocksize = 3> (x)", "36, 2, 2", {}),
    "arithmetic": ("a = Mul (x, s)  y = Add (a, s)", "4, 6, 6", {"s": normal(4, 1, 1)}),
    "norm": ("r = Relu (x)  y = BatchNormalization (r, g, g, b, v)", "4, 6, 6",
             {"g": normal(4), "b": normal(4, seed=1), "v": np.square(normal(4, seed=2))}),
    "pad": ("y = Pad (x, p, v)", "4, 8, 6", {"p": np.array([0, 0, 1, 0, 0, 0, 1, 0]), "v": np.float32(0.5)}),
}  # fmt: skip
TABLES = {"Sigmoid", "Gelu", "LeakyRelu", "HardSigmoid", "Softmax", "Neg"}  # at most 12 bits wide


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
@pytest.mark.parametrize("case", SHAPES)
def test_what_is_written_answers_as_the_oracle_and_comes_back(case, scheme):
    text, out, tensors = SHAPES[case]
    if scheme.activation_bits > 12 and TABLES & set(text.split()):
        pytest.skip("its table would be too wide")
    proto = one(text, "4, 6, 6", out, tensors)
    program, model = written(proto, {"x": normal(20, 4, 6, 6)}, scheme)
    assert_same_program(from_qdq(model), without_signs(program), but=WIDE)
    feeds = {"x": 1.2 * normal(20, 4, 6, 6, seed=1)}
    assert max(layer_differences(program, model, feeds).values()) <= 1
    assert_agrees(program, model, feeds, steps=1)


@given(st.integers(0, 2**32 - 1), st.sampled_from(SCHEMES))
@settings(max_examples=20, deadline=None)
def test_constants_that_the_program_rounds_come_back(seed, scheme):
    """Those next to a power of two too, of which a little more or less would take another scale."""
    rng = np.random.default_rng(seed)

    def constants() -> np.ndarray:
        near = np.exp2(rng.integers(-4, 5)) * (1 + rng.choice([-1, 1]) * np.exp2(rng.integers(-24, -8)))
        return (near * rng.choice([1, -1, 0.7, 0.01], (4, 1, 1))).astype(np.float32)

    text = "a = Mul (x, p)  b = Relu (a)  c = Div (b, q)  d = Relu (c)  e = PRelu (d, p)  y = Mul (e, p)"
    proto = one(text, "4, 2, 2", "4, 2, 2", {"p": constants(), "q": constants()})
    feeds = {"x": normal(20, 4, 2, 2, seed=seed % 1000)}
    program, model = written(proto, feeds, scheme)
    assert_same_program(from_qdq(model), without_signs(program), but=WIDE)
    assert max(layer_differences(program, model, feeds).values()) <= 1


def test_a_transposed_convolution_in_groups_has_a_scale_for_every_output():
    weights = normal(4, 2, 3) * np.float32([1, 1, 9, 9]).reshape(4, 1, 1)
    proto = one("y = ConvTranspose <group = 2> (x, w)", "4, 5", "4, 7", {"w": weights})
    program, model = written(proto, {"x": normal(20, 4, 5)}, Affine())
    held = {name: value.const_value.numpy() for name, value in model.graph.initializers.items()}
    assert held["w/scale"].shape == (4,) and held["w/integers"].shape == (4, 2, 3)
    np.testing.assert_array_equal(held["w/integers"], program.operators[0].weights)
    same = one("y = ConvTranspose <group = 2> (x, w)", "4, 5", "4, 7", {"w": np.tile(normal(2, 2, 3), (2, 1, 1))})
    held = written(same, {"x": normal(20, 4, 5)}, Affine())[1].graph.initializers
    assert held["w/scale"].const_value.numpy().shape == (2,)
