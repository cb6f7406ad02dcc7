"""Max and Min: of tensors with formats of their own, and of a tensor and a number, which is a clamp."""

import numpy as np
import pytest
from common.networks import build, normal
from hypothesis import given
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import load
from attar.numerics.formats import Format
from attar.runtime.integer import Affine, lower, run_integers
from attar.runtime.integer.program import Dense, Extreme, Requantize

from .beside_float import assert_within, on_grid, one
from .by_loops import random_format, random_integers, rescaled
from .test_operators import every_scheme


@every_scheme
@pytest.mark.parametrize("kind", ["Max", "Min"])
@pytest.mark.parametrize("inputs", ["x, z", "z, x, x", "x"])
def test_of_tensors(inputs, kind, scheme):
    proto = build(
        f"""net (float[n, 3, 4] x, float[n, 3, 1] z) => (float[n, 3, 4] y, float[n, 3, 1] v) {{
            y = {kind} ({inputs})  v = Identity (z)
        }}"""
    )
    operator = assert_within(proto, scheme).operators[0]
    assert isinstance(operator, Extreme) and operator.largest == (kind == "Max")


@every_scheme
@pytest.mark.parametrize("kind", ["Max (h, c)", "Min (c, h)"])
def test_with_a_number_they_are_clamps(kind, scheme):
    tensors = {"w": on_grid(4, 6), "c": np.float32([0.125])}
    behind = assert_within(one(f"h = Gemm <transB = 1> (x, w)  y = {kind}", "6", "4", tensors), scheme, "w")
    assert [type(operator) for operator in behind.operators] == [Dense]
    alone = assert_within(one(f"y = {kind.replace('h', 'x')}", "6", "6", {"c": np.float32(0.125)}), scheme)
    assert [type(operator) for operator in alone.operators] == [Requantize]


def test_other_constants_are_refused():
    forms = dict.fromkeys("xy", Format(8, True, 1.0))
    with pytest.raises(ModelError, match=r"operator Max 'y': .* nor constants of more than one number"):
        lower(load(one("y = Max (x, c)", "3", "3", {"c": normal(3)})), forms)


@given(st.integers(0, 2**32 - 1), st.integers(2, 16), st.sampled_from(["Max", "Min"]))
def test_they_equal_plain_loops_bit_for_bit(seed, bits, kind):
    rng = np.random.default_rng(seed)
    formats = {name: random_format(rng, bits) for name in "xzy"}
    proto = build(f"net (float[n, 3, 4] x, float[n, 3, 1] z) => (float[n, 3, 4] y) {{ y = {kind} (x, z) }}")
    program = lower(load(proto), formats)
    (operator,) = program.operators
    q = {name: random_integers(program, seed, name) for name in "xz"}
    found = run_integers(program, q).outputs["y"]
    choose, y = max if kind == "Max" else min, formats["y"]
    for sample, i, j in np.ndindex(found.shape):
        values = [int(q["x"][sample, i, j]) - formats["x"].zero, int(q["z"][sample, i, 0]) - formats["z"].zero]
        pairs = zip(values, operator.rescale.multipliers, operator.rescale.shifts, strict=True)
        wanted = y.zero + choose(rescaled(*each) for each in pairs)
        assert found[sample, i, j] == min(max(wanted, y.low), y.high)


def test_a_relu_spelled_as_a_max_is_part_of_a_function():
    text = "a = Add (x, three)  r = Max (zero, a)  c = Min (r, six)  m = Mul (c, x)  y = Div (m, six)"
    tensors = {name: np.float32(value) for name, value in (("three", 3), ("zero", 0), ("six", 6))}
    program = assert_within(one(text, "3, 4", "3, 4", tensors), Affine())
    assert [type(operator).__name__ for operator in program.operators] == ["Table"]
