"""Functions that exporters spell out become one table, and nothing else does."""

import numpy as np
import pytest
from common.networks import build, normal
from common.running import run as run_floats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import load
from attar.runtime.integer import Affine, FixedPoint, MinMax, calibrate, lower, run, spelled
from attar.runtime.integer.steps import steps_of

from .beside_float import assert_within, on_grid, one, programmed
from .test_operators import every_scheme

ROOT, SLOPE = np.float32(np.sqrt(2)), np.float32(np.sqrt(2 / np.pi))
CONSTANTS = {"one": 1, "half": 0.5, "two": 2, "three": 3, "six": 6, "zero": 0, "cube": 3, "small": 0.044715}
CONSTANTS = {**{name: np.float32(value) for name, value in CONSTANTS.items()}, "root": ROOT, "slope": SLOPE}

SPELLED = {
    "SiLU": "s = Sigmoid (x)  y = Mul (x, s)",
    "SiLU by Exp": "n = Neg (x)  e = Exp (n)  d = Add (e, one)  y = Div (x, d)",
    "hard swish by HardSigmoid": "s = HardSigmoid <alpha = 0.166667> (x)  y = Mul (s, x)",
    "hard swish": "a = Add (x, three)  c = Clip (a, zero, six)  m = Mul (x, c)  y = Div (m, six)",
    "hard swish, divided first": "a = Add (x, three)  c = Clip (a, zero, six)  d = Div (c, six)  y = Mul (d, x)",
    "GELU": "d = Div (x, root)  e = Erf (d)  a = Add (e, one)  m = Mul (x, a)  y = Mul (m, half)",
    "GELU, halved first": "d = Div (x, root)  e = Erf (d)  a = Add (one, e)  h = Mul (x, half)  y = Mul (h, a)",
    "GELU by Tanh": """p = Pow (x, cube)  q = Mul (p, small)  r = Add (x, q)  t = Mul (r, slope)  u = Tanh (t)
        v = Add (u, one)  w = Mul (half, x)  y = Mul (w, v)""",
    "Mish": "p = Softplus (x)  t = Tanh (p)  y = Mul (x, t)",
    "scaled": "s = Mul (x, two)  t = Tanh (s)  y = Sub (one, t)",
}


def network(text: str, shape: str = "3, 4", **tensors: np.ndarray):
    words = set(text.replace("(", " ").replace(")", " ").replace(",", " ").split())
    held = {**CONSTANTS, **tensors}
    return one(text, shape, shape, {name: values for name, values in held.items() if name in words})


def kinds(program) -> list[str]:
    return [type(operator).__name__ for operator in program.operators]


@every_scheme
@pytest.mark.parametrize("name", SPELLED)
def test_a_function_that_is_spelled_out_is_one_table(name, scheme):
    program = assert_within(network(SPELLED[name]), scheme)
    assert kinds(program) == ["Table"] and list(program.tensors) == ["x", "y"]


def test_one_behind_a_layer_and_one_behind_another():
    text = "h = MatMul (x, w)  r = Relu (h)  s = Sigmoid (r)  m = Mul (r, s)  e = Exp (m)  y = Add (e, x)"
    program, _ = programmed(network(text, "4", w=on_grid(4, 4)), {"x": np.ones((3, 4), np.float32)}, Affine())
    assert kinds(program) == ["Dense", "Table", "Sum"]
    assert list(program.tensors) == ["x", "r", "e", "y"]


APART = {
    "a piece that others read": ("s = Sigmoid (x)  m = Mul (x, s)  y = Add (m, s)", ["Table"]),
    "a piece that others read, of another shape": (
        "s = Sigmoid (x)  m = Mul (x, s)  g = MatMul (s, w)  y = Add (m, g)", ["Table", "Product", "Dense", "Sum"]),
    "a gate": ("g = MatMul (x, w)  s = Sigmoid (g)  y = Mul (x, s)", ["Dense", "Table", "Product"]),
    "a constant for every channel": ("m = Mul (x, row)  s = Sigmoid (m)  y = Mul (m, s)", ["ScaleShift", "Table"]),
    "a clamp of a layer": ("g = MatMul (x, w)  r = Relu (g)  y = Exp (r)", ["Dense", "Table"]),
    "a number behind a matrix": ("g = MatMul (x, w)  b = Add (g, one)  y = Exp (b)", ["Dense", "Table"]),
    "a number and a clamp behind a matrix": (
        "g = MatMul (x, w)  b = Add (g, one)  r = Relu (b)  y = Exp (r)", ["Dense", "Table"]),
    "no function": ("a = Add (x, three)  m = Mul (a, two)  y = Clip (m, zero, six)", ["ScaleShift", "ScaleShift"]),
    "a shortcut around a clamp": ("r = Relu (x)  y = Add (r, x)", ["Requantize", "Sum"]),
    "powers": ("m = Mul (x, x)  y = Mul (m, x)", ["Product", "Product"]),
}  # fmt: skip


@pytest.mark.parametrize("case", APART)
def test_what_is_no_function_of_one_number_stays_apart(case):
    text, wanted = APART[case]
    program = assert_within(network(text, w=on_grid(4, 4), row=np.float32([1, 2, 3, 4])), FixedPoint(12, 12), steps=16)
    assert kinds(program) == wanted


def test_a_piece_that_is_an_output_stays():
    proto = network("s = Sigmoid (x)  y = Mul (x, s)")
    proto.graph.output.append(type(proto.graph.output[0])())
    proto.graph.output[1].CopyFrom(proto.graph.output[0])
    proto.graph.output[1].name = "s"
    assert kinds(assert_within(proto, FixedPoint())) == ["Table", "Product"]


@pytest.mark.parametrize("name", ["hard swish", "hard swish, divided first"])
def test_one_without_a_function_of_its_own_falls_apart_where_its_table_would_be_too_wide(name):
    program = assert_within(network(SPELLED[name]), FixedPoint(16, 16), steps=8)
    assert sorted(kinds(program)) == ["Product", "ScaleShift", "ScaleShift"]
    by_name = FixedPoint({"x": 13, "y": 16, "a": 16, "c": 16, "d": 16, "m": 16})
    assert "Table" not in kinds(assert_within(network(SPELLED[name]), by_name, steps=8))
    assert kinds(assert_within(network(SPELLED[name]), FixedPoint({"x": 12, "y": 16}))) == ["Table"]


@pytest.mark.parametrize("name", ["SiLU", "GELU"])
def test_one_with_a_function_of_its_own_is_refused_there(name):
    with pytest.raises(ModelError, match="operator Mul 'y': a table of 16-bit integers; up to 12 bits are known"):
        programmed(network(SPELLED[name]), {"x": normal(5, 3, 4)}, FixedPoint(16, 16))


def test_a_clamp_without_limits_is_no_piece_of_a_function():
    program = assert_within(network("e = Exp (x)  c = Clip (e)  y = Tanh (c)"), FixedPoint(), steps=8)
    assert kinds(program) == ["Table", "Requantize", "Table"]


STATEMENTS = ("Add ({a}, one)", "Sub (half, {a})", "Mul ({a}, half)", "Div ({a}, two)", "Sigmoid ({a})", "Tanh ({a})")
STATEMENTS += (
    "Relu ({a})",
    "Clip ({a}, zero, six)",
    "Max ({a}, zero)",
    "Add ({a}, {b})",
    "Mul ({a}, {b})",
    "Neg ({a})",
)
STATEMENTS += ("MatMul ({a}, w)", "Max ({a}, {b})", "Softmax ({a})", "Add ({a}, row)", "Identity ({a})")


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_whatever_is_found_in_random_tangles_they_are_near_their_floats(seed):
    rng = np.random.default_rng(seed)
    made, text = ["x"], []
    for number in range(9):
        a, b = (made[int(place)] for place in rng.integers(max(len(made) - 3, 0), len(made), 2))
        text.append(f"t{number} = {rng.choice(STATEMENTS).format(a=a, b=b)}")
        made.append(f"t{number}")
    text.append("e = Tanh (t8)  y = Identity (e)")
    held = {"w": normal(4, 4, seed=seed % 100) / 2, "row": normal(4)}
    model, feeds = load(network("  ".join(text), "4", **held)), {"x": normal(32, 4, seed=seed % 1000)}
    formats = calibrate(model, feeds, Affine(12, 12), method=MinMax(), threads=1)
    scales = [form.scale for form in formats.values()]
    assume(min(scales) > 1e-9 and max(scales) < 0.005)  # no tensor is zero, none so large that a step is much
    found = run(lower(model, formats, Affine(12, 12)), feeds).outputs["y"]
    (floats,) = run_floats(model, feeds)
    assert np.abs(found - floats).max() <= 0.03


def test_every_link_of_a_long_chain_is_looked_at_once(monkeypatch):
    real, asked = spelled._kinds, []
    monkeypatch.setattr(spelled, "_kinds", lambda node: asked.append(node) or real(node))
    links = " ".join(f"t{i + 1} = Relu (t{i})" for i in range(300))
    model = load(build(f"net (float[n, 2] t0) => (float[n, 2] t300) {{ {links} }}"))
    assert len(steps_of(model)) == len(asked) == 300
