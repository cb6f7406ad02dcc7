"""Card HAN15, without retraining: thresholds by standard deviation keep what a Gaussian says, the rest is zero."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar.passes.prune.magnitude import Magnitude, apply, plan
from attar.passes.weights import Weights

SEEDS = st.integers(0, 2**32 - 1)


def gaussian(count, seed=0):
    return layer(np.random.default_rng(seed).normal(size=count).astype(np.float32))


def layer(values):
    return Weights(values, "Gemm", 0)


def prune(weights, config):
    decision = plan(weights, config)
    return weights if decision is None else apply(weights, decision)


@pytest.mark.parametrize("quality", [0.5, 1.0, 2.0])
def test_of_gaussian_weights_quality_keeps_the_share_beyond_that_many_deviations(quality):
    count = 200_000
    kept = np.count_nonzero(prune(gaussian(count), Magnitude(quality=quality)).values) / count
    share = math.erfc(quality / math.sqrt(2))  # 31.73 % at 1
    assert kept == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / count))


@given(SEEDS, st.floats(0, 4))
def test_a_threshold_applied_twice_is_applied_once(seed, quality):
    weights = gaussian(100, seed)
    threshold = plan(weights, Magnitude(quality=quality))
    once = apply(weights, threshold)
    np.testing.assert_array_equal(apply(once, threshold).values, once.values)


def test_of_gaussian_weights_a_second_round_of_quality_takes_nothing_more():
    once = prune(gaussian(10_000), Magnitude(quality=1.0))
    np.testing.assert_array_equal(prune(once, Magnitude(quality=1.0)).values, once.values)


@given(SEEDS, st.integers(1, 300), st.floats(0, 1))
def test_level_zeroes_that_share_the_smallest_first(seed, count, level):
    weights = gaussian(count, seed)
    pruned = prune(weights, Magnitude(level=level)).values
    assert np.count_nonzero(pruned == 0) == math.floor(level * count)
    gone, kept = np.abs(weights.values[pruned == 0]), np.abs(weights.values[pruned != 0])
    assert not gone.size or not kept.size or gone.max() < kept.min()


@given(SEEDS, st.floats(0, 1))
def test_survivors_keep_their_bits(seed, level):
    weights = gaussian(100, seed)
    pruned = prune(weights, Magnitude(level=level)).values
    np.testing.assert_array_equal(pruned[pruned != 0], weights.values[pruned != 0])


@given(st.floats(0, 1))
def test_a_level_is_kept_exactly_among_equal_magnitudes(level):
    pruned = prune(layer(np.array([1, -1] * 50, np.float32)), Magnitude(level=level)).values
    assert np.count_nonzero(pruned == 0) == math.floor(100 * level)


def test_quality_wins_over_level():
    weights = gaussian(1000)
    np.testing.assert_array_equal(
        prune(weights, Magnitude(level=0.9, quality=0.1)).values, prune(weights, Magnitude(quality=0.1)).values
    )


def test_the_deviation_counts_zeros():
    values = np.array([0, 0, 0, 3, -3, 1], np.float32)
    assert plan(layer(values), Magnitude(quality=1.0)).magnitude == pytest.approx(values.std())
