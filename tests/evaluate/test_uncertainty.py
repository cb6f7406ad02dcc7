"""The fast bootstrap against a naive one, exact intervals by hand, and the number of samples that settle a budget."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar.evaluate.uncertainty import decide, mean_interval, paired_interval, samples_to_decide, share_interval


def naive_interval(differences, resamples=4000):
    rng = np.random.default_rng(1)
    means = [rng.choice(differences, size=len(differences)).mean() for _ in range(resamples)]
    return np.percentile(means, [2.5, 97.5])


def hits_and_misses(count, *, lost, won):
    differences = np.zeros(count)
    differences[:lost], differences[lost : lost + won] = 100, -100
    return differences


def test_interval_is_that_of_a_naive_bootstrap():
    differences = np.random.default_rng(0).exponential(size=300)
    spread = differences.std() / np.sqrt(len(differences))
    np.testing.assert_allclose(paired_interval(differences), naive_interval(differences), atol=0.15 * spread)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(15, 15, 78.20, 100), (0, 15, 0, 21.80), (7, 10, 34.75, 93.33), (81, 263, 25.27, 36.76), (1, 1, 2.5, 100)],
)
def test_a_share_has_the_exact_interval(hits, count, low, high):
    """Tabulated by Clopper and Pearson, and by Newcombe (1998) for 81 of 263."""
    assert share_interval(hits, count) == pytest.approx((low, high), abs=0.01)
    points = np.where(np.arange(count) < hits, 100.0, 0.0)
    assert mean_interval(points) == share_interval(hits, count)


def test_a_share_is_covered_at_least_95_times_in_100():
    rng = np.random.default_rng(3)
    intervals = [share_interval(int(hits), 40) for hits in rng.binomial(40, 0.93, size=400)]
    assert sum(low <= 93 <= high for low, high in intervals) >= 380


def test_a_drop_by_the_samples_that_one_network_alone_gets_right():
    """Bonett and Price by hand: 8 lost, 3 won of 98: 9/100 and 4/100, middle 0.05, variance (0.13 - 0.0025) / 100."""
    spread = 1.959964 * np.sqrt((0.13 - 0.05**2) / 100)
    wanted = (100 * (0.05 - spread), 100 * (0.05 + spread))
    assert paired_interval(hits_and_misses(98, lost=8, won=3)) == pytest.approx(wanted)


@pytest.mark.parametrize("count", [10, 300, 10_000])
def test_no_drop_seen_is_not_no_drop(count):
    """Of what never happened in n samples up to about 3.7 / n may happen: shares, drops of any kind."""
    for low, high in (
        paired_interval(np.zeros(count)),
        paired_interval(np.zeros(count), scale=70),
        mean_interval(np.full(count, 70.0)),
    ):
        assert 100 / count < high - low < 2 * 500 / count
    low, high = paired_interval(np.zeros(count), is_predicted=True)
    assert low == 0 and high == pytest.approx(100 * (1 - 0.025 ** (1 / count)))


def test_a_network_that_answers_infinity_has_no_interval():
    assert paired_interval(np.array([0.0, np.inf])) == (-np.inf, np.inf)


def test_interval_covers_the_true_mean_about_95_times_in_100():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        low, high = paired_interval(rng.choice([-100.0, 0.0, 100.0], p=[0.1, 0.7, 0.2], size=400))
        covered += low <= 10 <= high
    assert 180 <= covered <= 199


@given(st.lists(st.sampled_from([-100.0, 0.0, 100.0]), min_size=1, max_size=50))
def test_interval_lies_within_what_is_possible_and_repeats_itself(values):
    differences = np.array(values)
    low, high = paired_interval(differences)
    assert -100 <= low < high <= 100
    assert (low, high) == paired_interval(differences)


@pytest.mark.parametrize(("limit", "decided"), [(0.5, False), (-0.5, False), (3.0, True)])
def test_equal_values_decide_what_is_beyond_doubt(limit, decided):
    values = np.zeros(300)
    found, needed = decide(values, paired_interval(values), limit)
    assert found == decided
    assert needed is None if decided else 600 < needed < 800


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
