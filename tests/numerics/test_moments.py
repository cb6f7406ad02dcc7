"""Running moments equal those of all samples at once, and the output error equals the one that is really seen."""

import numpy as np
import pytest
from common.networks import normal
from hypothesis import given
from hypothesis import strategies as st

from attar.numerics.moments import InputStatistics, Moments, output_error


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_batches_give_the_moments_of_all_samples(batches):
    samples = normal(sum(batches), 3, 4) + 1
    moments = Moments(second=True)
    for batch in np.split(samples, np.cumsum(batches)[:-1]):
        moments.add(batch)
    flat = samples.reshape(-1, 4).astype(np.float64)
    np.testing.assert_allclose(moments.mean, flat.mean(axis=0))
    np.testing.assert_allclose(moments.second, flat.T @ flat / len(flat))


def test_the_second_moment_is_gathered_only_when_asked_for():
    moments = Moments(second=False)
    moments.add(normal(5, 4))
    assert moments.second is None


@pytest.mark.parametrize("corrected", [False, True])
def test_the_output_error_is_the_mean_square_that_samples_show(corrected):
    samples, difference = normal(400, 6).astype(np.float64) + 2, normal(3, 6).astype(np.float64)
    statistics = InputStatistics(samples.mean(axis=0)[None], samples.T @ samples / 400)
    seen = (samples - corrected * samples.mean(axis=0)) @ difference.T
    found = output_error(difference, statistics, corrected=corrected)
    assert found == pytest.approx(np.mean(np.sum(seen**2, axis=1)), rel=1e-5)


def test_no_difference_is_no_error_however_it_rounds():
    statistics = InputStatistics(np.full((1, 2), 1e4), np.full((2, 2), 1e8))
    assert output_error(np.array([[1e-3, 1e-3]]), statistics, corrected=True) >= 0
    assert output_error(np.zeros((3, 2)), statistics, corrected=False) == 0
