"""MatMul of two tensors: onnxruntime within a step, plain loops bit for bit, a whole attention."""

from dataclasses import replace

import numpy as np
import pytest
from common.networks import build, normal
from hypothesis import given
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import load
from attar.numerics.formats import Format
from attar.runtime.integer import Affine, FixedPoint, lower, run_integers
from attar.runtime.integer.program import MatrixProduct

from .beside_float import assert_within, on_grid, one, programmed
from .by_loops import finished, random_format, random_integers
from .test_operators import every_scheme


def product(left: str, right: str, out: str):
    return build(f"net (float[n, {left}] x, float[n, {right}] z) => (float[n, {out}] y) {{ y = MatMul (x, z) }}")


@every_scheme
@pytest.mark.parametrize("shapes", [("3, 4", "4, 5", "3, 5"), ("2, 3, 4", "2, 4, 1", "2, 3, 1"),
                                    ("2, 3, 4", "1, 4, 5", "2, 3, 5")])  # fmt: skip
def test_of_two_tensors(shapes, scheme):
    program = assert_within(product(*shapes), scheme)
    assert [type(operator) for operator in program.operators] == [MatrixProduct]


@every_scheme
def test_with_itself_turned_and_a_relu_behind(scheme):
    proto = one("t = Transpose <perm = [0, 2, 1]> (x)  m = MatMul (x, t)  y = Relu (m)", "3, 4", "3, 3")
    program = assert_within(proto, scheme)
    assert [type(operator).__name__ for operator in program.operators] == ["Transpose", "MatrixProduct"]


def test_a_row_behind_it_is_added_by_itself():
    proto = one(
        "t = Transpose <perm = [0, 2, 1]> (x)  m = MatMul (x, t)  y = Add (m, b)", "3, 4", "3, 3", {"b": normal(3)}
    )
    kinds = [type(operator).__name__ for operator in assert_within(proto, Affine(), steps=2).operators]
    assert kinds == ["Transpose", "MatrixProduct", "ScaleShift"]


def test_the_width_is_that_of_equation_4():
    program, _ = programmed(
        product("3, 40", "40, 5", "3, 5"), {"x": normal(9, 3, 40), "z": normal(9, 40, 5)}, FixedPoint()
    )
    assert program.operators[0].accumulator_bits == 8 + 8 + 6


def test_matrices_of_samples_are_refused():
    proto = build("net (float[4, 4] x, float[4, 4] z) => (float[4, 4] y) { y = MatMul (x, z) }")
    with pytest.raises(ModelError, match="operator MatMul 'y': its matrices join the samples"):
        lower(load(proto), dict.fromkeys("xzy", Format(8, True, 1.0)))


@given(st.integers(0, 2**32 - 1), st.integers(2, 16))
def test_it_equals_plain_loops_bit_for_bit(seed, bits):
    rng = np.random.default_rng(seed)
    formats = {name: random_format(rng, bits) for name in "xzy"}
    program = lower(load(product("2, 3, 4", "1, 4, 2", "2, 3, 2")), formats)
    (operator,) = program.operators
    q = {name: random_integers(program, seed, name) for name in "xz"}
    found = run_integers(program, q).outputs["y"]
    for sample, h, i, j in np.ndindex(found.shape):
        total = sum(
            (int(q["x"][sample, h, i, k]) - formats["x"].zero) * (int(q["z"][sample, 0, k, j]) - formats["z"].zero)
            for k in range(4)
        )
        assert found[sample, h, i, j] == finished(operator, program.tensors["y"], total)


def test_sums_that_floats_would_round_are_exact():
    wide = Format(16, True, 1.0)
    program = lower(load(product("1, 4096", "4096, 1", "1, 1")), dict.fromkeys("xzy", wide))
    q = {"x": np.full((1, 1, 4096), -(2**15)), "z": np.full((1, 4096, 1), 2**15 - 1)}
    q["z"][0, 0, 0] -= 1
    assert run_integers(program, q).accumulators["y"].low == -(2**15) * (4096 * (2**15 - 1) - 1)


def test_a_planted_overflow_is_an_error():
    feeds = {"x": normal(9, 3, 4), "z": normal(9, 4, 5)}
    program, q = programmed(product("3, 4", "4, 5", "3, 5"), feeds, FixedPoint())
    used = run_integers(program, q).accumulators["y"].used_bits
    narrow = replace(program, operators=(replace(program.operators[0], accumulator_bits=used - 1),))
    with pytest.raises(ModelError, match="its accumulator reached"):
        run_integers(narrow, q)


def test_an_attention():
    text = """a = MatMul (x, wq)  b = MatMul (x, wk)  c = MatMul (x, wv)
        q = Reshape (a, split)  k = Reshape (b, split)  v = Reshape (c, split)
        qh = Transpose <perm = [0, 2, 1, 3]> (q)  kh = Transpose <perm = [0, 2, 3, 1]> (k)
        vh = Transpose <perm = [0, 2, 1, 3]> (v)
        m = MatMul (qh, kh)  s = Mul (m, scale)  p = Softmax (s)  o = MatMul (p, vh)
        t = Transpose <perm = [0, 2, 1, 3]> (o)  f = Reshape (t, join)  y = MatMul (f, wo)"""
    tensors = {name: on_grid(8, 8, seed=number) for number, name in enumerate(("wq", "wk", "wv", "wo"))}
    shapes = {"split": np.array([-1, 5, 2, 4]), "join": np.array([-1, 5, 8]), "scale": np.float32(0.5)}
    proto = one(text, "5, 8", "5, 8", {**tensors, **shapes})
    assert_within(proto, Affine(12, 12), "wq", "wk", "wv", "wo", steps=8)
