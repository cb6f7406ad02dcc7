"""Reductions over any axes but the sample's: onnxruntime within a step, plain sums bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
from common.networks import build, normal
from hypothesis import given
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import load
from attar.numerics.formats import Format
from attar.runtime.integer import Affine, FixedPoint, MinMax, calibrate, lower, run_integers
from attar.runtime.integer.program import AveragePool, MaxPool

from .beside_float import assert_within, one, programmed
from .by_loops import finished, random_integers
from .test_operators import every_scheme

SHAPE = (3, 4, 2, 5)
AXES = [(1,), (-1,), (2,), (3, 4), (1, 2), (1, 3), (4, 2), (1, 2, 3, 4), (2, 3, 4), (1, 4)]


def reduction(kind: str, axes: tuple[int, ...], keep: int, shape: tuple[int, ...] = SHAPE):
    rank = len(shape) + 1
    gone = {axis % rank - 1 for axis in axes}
    left = [1 if axis in gone else extent for axis, extent in enumerate(shape) if keep or axis not in gone]
    text = f"y = {kind} <keepdims = {keep}> (x, axes)"
    if left:
        return one(text, str(shape)[1:-1].rstrip(","), str(left)[1:-1], {"axes": np.array(axes)})
    return one(text.replace("y =", "p =") + " y = Unsqueeze (p, first)", str(shape)[1:-1], "1",
                {"axes": np.array(axes), "first": np.array([1])})  # fmt: skip


@every_scheme
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("kind", ["ReduceMean", "ReduceSum"])
def test_means_and_sums(kind, axes, keep, scheme):
    program = assert_within(reduction(kind, axes, keep), scheme)
    (pool,) = (operator for operator in program.operators if isinstance(operator, AveragePool))
    assert pool.divisors == ((1,) if kind == "ReduceSum" else (int(np.prod(pool.kernel)),))


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", AXES, ids=str)
def test_maxima_are_exact(axes, keep):
    program = assert_within(reduction("ReduceMax", axes, keep), Affine(), steps=0)
    assert any(isinstance(operator, MaxPool) for operator in program.operators)
    assert program.tensors["y"].format == program.tensors["x"].format


def test_global_pools_of_one_to_three_axes():
    for shape in ((3, 5), (3, 5, 4), (3, 2, 3, 4)):
        out = ", ".join(["3", *"1" * (len(shape) - 1)])
        text = str(shape)[1:-1]
        assert_within(one("y = GlobalMaxPool (x)", text, out), Affine(), steps=0)
        assert_within(one("y = GlobalAveragePool (x)", text, out), Affine())


def test_a_relu_behind_a_sum_is_its_clamp():
    proto = one("s = ReduceSum <axes = [2], keepdims = 0> (x)  y = Relu (s)", "3, 4", "3", opset=11)
    program = assert_within(proto, FixedPoint())
    assert program.operators[0].low == program.tensors["y"].format.zero


def test_samples_are_not_joined():
    proto = build(
        "net (float[2, 2, 4] x) => (float[2, 4] y) { y = ReduceMax <keepdims = 0> (x, a) }", {"a": np.array([-3])}
    )
    with pytest.raises(ModelError, match=r"operator ReduceMax 'y': it joins samples: its axes are \[0\]"):
        lower(load(proto), dict.fromkeys("xy", Format(8, True, 1.0)))


@given(st.integers(0, 2**32 - 1), st.sampled_from(AXES), st.sampled_from(["ReduceMean", "ReduceSum"]))
def test_they_equal_plain_sums_bit_for_bit(seed, axes, kind):
    proto, scheme = reduction(kind, axes, 0), Affine(8)
    model = load(proto)
    program = lower(model, calibrate(model, {"x": normal(4, *SHAPE, seed=seed)}, scheme, method=MinMax()), scheme)
    q = random_integers(program, seed)
    found = run_integers(program, {"x": q}).outputs["y"]
    (pool,) = (operator for operator in program.operators if isinstance(operator, AveragePool))
    sums = (q.astype(object) - program.tensors["x"].format.zero).sum(axis=axes)
    wanted = [finished(pool, program.tensors["y"], total) for total in np.ravel(sums)]
    assert found.reshape(-1).tolist() == wanted


def test_a_sum_that_is_wider_than_planned_is_an_error():
    program, q = programmed(reduction("ReduceSum", (1,), 0), {"x": normal(50, *SHAPE)}, FixedPoint())
    seen = run_integers(program, q).accumulators
    ((number, pool),) = [(i, op) for i, op in enumerate(program.operators) if isinstance(op, AveragePool)]
    narrow = replace(pool, accumulator_bits=seen[pool.output].used_bits - 1)
    operators = [*program.operators]
    operators[number] = narrow
    with pytest.raises(ModelError, match="its accumulator reached"):
        run_integers(replace(program, operators=tuple(operators)), q)
