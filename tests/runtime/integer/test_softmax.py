"""Softmax in the middle of a network: onnxruntime within a step, plain loops bit for bit, sums at the far end."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from common.networks import build, normal
from hypothesis import given
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import load
from attar.numerics.formats import Format
from attar.runtime.integer import FixedPoint, lower, run_integers
from attar.runtime.integer.kernels import shares
from attar.runtime.integer.program import Reshape, Softmax

from .beside_float import assert_within, one, programmed
from .by_loops import random_integers, rescaled
from .test_operators import every_scheme


def inner(axis: str, shape: str = "3, 4, 5", **options):
    """A Softmax that a Slice of everything follows, so that it is not at the end."""
    return one(f"s = Softmax {axis} (x)  y = Reshape (s, to)", shape, "60", {"to": np.array([-1, 60])}, **options)


@every_scheme
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_along_any_axis(axis, scheme):
    program = assert_within(inner(f"<axis = {axis}>"), scheme)
    assert isinstance(program.operators[0], Softmax) and program.operators[0].axis == axis % 4 - 1


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_an_old_one_runs_along_all_axes_from_there_on(axis):
    program = assert_within(inner(f"<axis = {axis}>", opset=11), FixedPoint())
    flat = [Reshape, Softmax, Reshape, Reshape]
    assert [type(operator) for operator in program.operators] == (flat if axis < 3 else flat[1:3])


def test_large_numbers_leave_one_share():
    program, _ = programmed(inner(""), {"x": 100 * normal(9, 3, 4, 5)}, FixedPoint())
    q = np.full((1, 3, 4, 5), program.tensors["x"].format.low)
    q[0, :, :, 2] = program.tensors["x"].format.high
    found = run_integers(program, {"x": q}).outputs["y"].reshape(3, 4, 5)
    form = program.tensors["y"].format
    assert (found[..., 2] == form.high).all() and not np.delete(found, 2, axis=-1).any()


def test_the_samples_axis_and_wide_tables_are_refused():
    formats = dict.fromkeys("xsy", Format(13, True, 2.0**-8))
    proto = build("net (float[2, 3] x) => (float[2, 3] y) { s = Softmax <axis = 0> (x) y = Add (s, x) }")
    with pytest.raises(ModelError, match="operator Softmax 's': it runs along the samples"):
        lower(load(proto), formats)
    with pytest.raises(ModelError, match="operator Softmax 's': a table of 13-bit integers"):
        lower(load(inner("")), formats)


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(2, 16))
def test_it_equals_plain_loops_bit_for_bit(seed, bits, out_bits):
    rng = np.random.default_rng(seed)
    low = -(2 ** (bits - 1))
    formats = {
        "x": Format(bits, True, float(2.0 ** rng.integers(-8, 1)), int(rng.integers(low, -low))),
        "s": Format(out_bits, True, float(np.float32(rng.uniform(1e-4, 0.1))), int(rng.integers(-2, 2))),
    }
    program = lower(load(inner("<axis = 2>")), formats)
    operator, q = program.operators[0], random_integers(program, seed)
    found = run_integers(program, {"x": q}).outputs["y"].reshape(q.shape)
    for sample, row, column in np.ndindex(len(q), 3, 5):
        cells = [int(value) for value in q[sample, row, :, column]]
        parts = [int(operator.table[max(cells) - cell]) for cell in cells]
        reciprocal = (2**61 + sum(parts) // 2) // sum(parts)
        scaled = (rescaled(part * reciprocal, 1, 31) for part in parts)
        y = formats["s"]
        wanted = [y.zero + rescaled(p, operator.rescale.multipliers[0], operator.rescale.shifts[0]) for p in scaled]
        assert found[sample, row, :, column].tolist() == [min(max(value, y.low), y.high) for value in wanted]


def test_entries_are_the_exponential_rounded_once():
    formats = {"x": Format(12, False, 2.0**-7), "s": Format(8, False, 2.0**-8)}
    table = lower(load(inner("")), formats).operators[0].table
    assert table[0] == 2**30 and len(table) == 4096 and table.dtype == np.int32
    np.testing.assert_allclose(table / 2**30, np.exp(-np.arange(4096) / 128), atol=2.0**-31)


@given(st.lists(st.integers(0, 2**30), max_size=60), st.integers(0, 60))
def test_shares_are_near_what_they_are_exactly(parts, place):
    parts.insert(place, 2**30)
    found = shares(np.array([parts]), 1)[0]
    for share, part in zip(found.tolist(), parts, strict=True):
        assert abs(share - Fraction(part * 2**30, sum(parts))) <= 1


def test_shares_of_a_long_axis_do_not_overflow():
    parts = np.full((1, 10**6), 2**30)
    assert (shares(parts, 1) == 1074).all()  # 2^30 / 10^6
    parts[0, 1:] = 0
    assert shares(parts, 1)[0, 0] == 2**30


def test_a_planted_entry_shows():
    program, q = programmed(inner(""), {"x": normal(5, 3, 4, 5)}, FixedPoint())
    table = program.operators[0].table.copy()
    table[1:] //= 2
    changed = replace(program, operators=(replace(program.operators[0], table=table), *program.operators[1:]))
    assert (run_integers(program, q).outputs["y"] != run_integers(changed, q).outputs["y"]).any()
