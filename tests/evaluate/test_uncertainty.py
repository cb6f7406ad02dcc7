"""The fast bootstrap against a naive one, and the number of samples that settle a budget."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar.evaluate.uncertainty import paired_interval, samples_to_decide


def naive_interval(differences, resamples=4000):
    rng = np.random.default_rng(1)
    means = [rng.choice(differences, size=len(differences)).mean() for _ in range(resamples)]
    return np.percentile(means, [2.5, 97.5])


def hits_and_misses(count, *, lost, won):
    differences = np.zeros(count)
    differences[:lost], differences[lost : lost + won] = 100, -100
    return differences


@pytest.mark.parametrize(
    "differences",
    [hits_and_misses(500, lost=20, won=10), np.random.default_rng(0).exponential(size=300)],
    ids=["few values", "many values"],
)
def test_interval_is_that_of_a_naive_bootstrap(differences):
    spread = differences.std() / np.sqrt(len(differences))
    np.testing.assert_allclose(paired_interval(differences), naive_interval(differences), atol=0.15 * spread)


def test_interval_covers_the_true_mean_about_95_times_in_100():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        low, high = paired_interval(rng.choice([-100.0, 0.0, 100.0], p=[0.1, 0.7, 0.2], size=400))
        covered += low <= 10 <= high
    assert 180 <= covered <= 199


@given(st.lists(st.sampled_from([-100.0, 0.0, 100.0]), min_size=1, max_size=50))
def test_interval_lies_within_the_values_and_repeats_itself(values):
    differences = np.array(values)
    low, high = paired_interval(differences)
    assert min(values) <= low <= high <= max(values)
    assert (low, high) == paired_interval(differences)


@given(st.floats(-100, 100), st.integers(1, 50))
def test_equal_differences_leave_no_doubt(value, count):
    assert paired_interval(np.full(count, value)) == pytest.approx((value, value))


def test_that_many_samples_do_decide():
    """With n times the samples, each drawn as today's were, the limit lies at the interval's edge."""
    differences = hits_and_misses(400, lost=10, won=6)  # mean 1
    needed = samples_to_decide(differences, 0.5)
    spread = differences.std() / np.sqrt(needed)
    assert 1 - 1.96 * spread == pytest.approx(0.5, abs=0.001)


def test_a_limit_that_is_the_mean_is_never_decided():
    assert samples_to_decide(hits_and_misses(100, lost=1, won=0), 1.0) is None


@given(st.floats(0.01, 5), st.floats(0.01, 5))
def test_nearer_limits_need_more_samples(near, further):
    differences = hits_and_misses(400, lost=10, won=6)
    near, further = sorted((near, further))
    assert samples_to_decide(differences, 1 + near) >= samples_to_decide(differences, 1 + further)
