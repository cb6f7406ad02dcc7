"""Integers up to a threshold become zero, the others stay what they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar.passes.prune.integers import Integers, apply, plan
from attar.passes.quantize.fixed_point import FixedPoint
from attar.passes.quantize.fixed_point import apply as to_fixed_point
from attar.passes.quantize.fixed_point import plan as of_fixed_point
from attar.passes.weights import NotApplicable, Weights


def layer(seed, bits=6):
    weights = Weights(np.random.default_rng(seed).normal(size=(8, 30)).astype(np.float32), "Gemm", 0)
    return to_fixed_point(weights, of_fixed_point(weights, FixedPoint(bits=bits)))


@given(st.integers(0, 1000), st.integers(1, 40))
def test_integers_up_to_the_threshold_become_zero(seed, threshold):
    weights = layer(seed)
    done = apply(weights, plan(weights, Integers(threshold)))
    integers = weights.hint.integers
    np.testing.assert_array_equal(done.hint.integers, integers * (np.abs(integers) > threshold))
    np.testing.assert_array_equal(done.values, weights.values * (np.abs(integers) > threshold))
    assert done.hint.scales[0] == weights.hint.scales[0]


def test_a_higher_threshold_never_has_fewer_zeros():
    weights = layer(1)
    zeros = [np.count_nonzero(apply(weights, threshold).hint.integers == 0) for threshold in range(1, 33)]
    assert zeros == sorted(zeros) and zeros[-1] == weights.values.size


def test_a_threshold_of_zero_does_nothing():
    assert plan(layer(0), Integers(0)) is None


def test_weights_that_are_no_integers_are_refused():
    with pytest.raises(NotApplicable, match="quantize them first"):
        plan(Weights(np.ones((2, 3), np.float32), "Gemm", 0), Integers(1))
