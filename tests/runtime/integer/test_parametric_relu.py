"""PRelu with constant slopes: onnxruntime within a step, plain loops bit for bit."""

import numpy as np
import pytest
from common.networks import normal
from hypothesis import given
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import load
from attar.numerics.formats import Format
from attar.runtime.integer import Affine, FixedPoint, lower, run_integers
from attar.runtime.integer.program import ParametricRelu

from .beside_float import assert_within, one, programmed
from .by_loops import finished, random_format, random_integers
from .test_operators import every_scheme


@every_scheme
@pytest.mark.parametrize("shape", [(1,), (3, 1, 1), (1, 3, 1, 1), (3, 2, 4), (4,)])
def test_slopes_of_any_sign_and_shape(shape, scheme):
    proto = one("y = PRelu (x, s)", "3, 2, 4", "3, 2, 4", {"s": normal(*shape)})
    assert isinstance(assert_within(proto, scheme).operators[0], ParametricRelu)


def test_slopes_of_zero_make_a_relu():
    proto = one("y = PRelu (x, s)", "3, 4", "3, 4", {"s": np.zeros((3, 1), np.float32)})
    program = assert_within(proto, Affine())
    q = random_integers(program, 0)
    zero = program.tensors["x"].format.zero
    assert (run_integers(program, {"x": q}).outputs["y"][q <= zero] == program.tensors["y"].format.zero).all()


def test_fixed_point_needs_shifts_alone():
    proto = one("y = PRelu (x, s)", "3, 4", "3, 4", {"s": normal(3, 1)})
    program, _ = programmed(proto, {"x": normal(5, 3, 4)}, FixedPoint())
    multipliers, shifts = program.operators[0].rescale.multipliers, program.operators[0].rescale.shifts
    assert all(multiplier == 1 or shift == 0 for multiplier, shift in zip(multipliers, shifts, strict=True))


def test_slopes_that_are_computed_or_larger_than_the_sample_are_named():
    forms = dict.fromkeys("xay", Format(8, True, 1.0))
    with pytest.raises(ModelError, match="operator PRelu 'y': its input 1 is not constant"):
        lower(load(one("a = Neg (x)  y = PRelu (x, a)", "3", "3")), forms)
    with pytest.raises(ModelError, match=r"operator PRelu 'y': a constant of shape .2, 3. does not fit"):
        lower(load(one("y = PRelu (x, s)", "3", "3", {"s": normal(2, 3)})), forms, shapes={"x": (3,)})


@given(st.integers(0, 2**32 - 1), st.integers(2, 16))
def test_it_equals_plain_loops_bit_for_bit(seed, bits):
    rng = np.random.default_rng(seed)
    formats = {"x": random_format(rng, bits), "y": random_format(rng, bits)}
    program = lower(load(one("y = PRelu (x, s)", "3, 4", "3, 4", {"s": normal(3, 1, seed=seed)})), formats)
    (operator,), q = program.operators, random_integers(program, seed)
    found = run_integers(program, {"x": q}).outputs["y"]
    for place in np.ndindex(q.shape):
        x = int(q[place]) - formats["x"].zero
        total = x * int(operator.slopes[place[1], 0]) if x < 0 else x
        assert found[place] == finished(operator, program.tensors["y"], total, int(x < 0))


def test_a_planted_slope_shows():
    program, q = programmed(
        one("y = PRelu (x, s)", "3, 4", "3, 4", {"s": normal(3, 1)}), {"x": normal(5, 3, 4)}, Affine()
    )
    before = run_integers(program, q).outputs["y"]
    program.operators[0].slopes[1] //= 2
    changed = run_integers(program, q).outputs["y"] != before
    below = q["x"] < program.tensors["x"].format.zero
    assert changed[:, 1].any() and not (changed & ~below).any() and not changed[:, [0, 2]].any()
