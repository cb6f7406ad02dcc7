"""Card DC-2: assignment is exact, Lloyd never loses against its start, and every start keeps its promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.numerics import kmeans
from attar.numerics.kmeans import Density, Linear, Random, assign, fit_codebook

STARTS = [Linear(), Density(), Random(), Random(seed=7)]
FLOATS = st.floats(-1e3, 1e3, width=32)
VALUES = st.lists(FLOATS, min_size=1, max_size=60).map(lambda v: np.array(v, np.float32))


def squared_error(values, centroids):
    distances = np.abs(values.astype(np.float64)[:, None] - centroids.astype(np.float64))
    return np.sum(distances.min(axis=1) ** 2)


def brute_force(values, k):
    """The least squared error of any k clusters: in one dimension they are runs of the sorted values."""
    ordered = np.sort(values.astype(np.float64))
    n = len(ordered)
    run = [[np.sum((ordered[a:b] - ordered[a:b].mean()) ** 2) if b > a else 0 for b in range(n + 1)] for a in range(n)]
    best = [[0.0] + [np.inf] * n]
    for _ in range(k):
        last = best[-1]
        best.append([last[0], *(min(last[a] + run[a][b] for a in range(b)) for b in range(1, n + 1))])
    return best[k][n]


@given(VALUES, st.lists(FLOATS, min_size=1, max_size=9, unique=True))
def test_every_value_goes_to_its_nearest_centroid(values, centroids):
    centroids = np.unique(np.array(centroids, np.float32))
    distances = np.abs(values.astype(np.float64)[:, None] - centroids.astype(np.float64))
    found = distances[np.arange(len(values)), assign(values, centroids)]
    np.testing.assert_allclose(found, distances.min(axis=1), rtol=1e-12)


def test_a_tie_goes_to_the_smaller_centroid():
    assert list(assign(np.array([0.0, 1.0, 2.0], np.float32), np.array([-1, 1, 3], np.float32))) == [0, 1, 1]


@pytest.mark.parametrize("start", STARTS, ids=repr)
@given(values=VALUES, k=st.integers(2, 8))
@settings(deadline=None)
def test_the_codebook_is_never_worse_than_its_start(start, values, k):
    distinct = np.unique(values.astype(np.float64))
    if len(distinct) <= k:
        return
    at_start = kmeans._start(np.sort(values.astype(np.float64)), distinct, k, start)
    found = squared_error(values, fit_codebook(values, k, start=start))
    assert found <= squared_error(values, at_start) * (1 + 1e-5) + 1e-9


@given(values=st.lists(FLOATS, min_size=3, max_size=14), k=st.integers(2, 4))
@settings(deadline=None, max_examples=50)
def test_no_codebook_beats_exhaustive_search(values, k):
    values = np.array(values, np.float32)
    found = squared_error(values, fit_codebook(values, k, start=Linear()))
    assert found >= brute_force(values, k) * (1 - 1e-5) - 1e-9


@pytest.mark.parametrize("start", STARTS, ids=repr)
def test_clear_clusters_are_found_from_every_start(start):
    centers = np.array([-5, -1, 2, 9], np.float32)
    values = (centers[:, None] + np.linspace(-0.1, 0.1, 50, dtype=np.float32)).ravel()
    found = fit_codebook(values, 4, start=start)
    if isinstance(start, Random):  # a random start may settle in a worse place
        assert len(found) == 4
    else:
        np.testing.assert_allclose(found, centers, atol=1e-5)


@pytest.mark.parametrize("start", STARTS, ids=repr)
@given(values=VALUES, extra=st.integers(0, 5))
@settings(deadline=None)
def test_as_many_centroids_as_values_change_nothing(start, values, extra):
    k = len(np.unique(values)) + extra
    codebook = fit_codebook(values, k, start=start)
    np.testing.assert_array_equal(codebook[assign(values, codebook)], values)


@pytest.mark.parametrize("start", STARTS, ids=repr)
@given(values=VALUES, k=st.integers(2, 8))
@settings(deadline=None)
def test_a_codebook_is_ascending_float32_of_at_most_k(start, values, k):
    codebook = fit_codebook(values, k, start=start)
    assert codebook.dtype == np.float32 and 1 <= len(codebook) <= k
    assert (np.diff(codebook) > 0).all()


def test_starts_are_what_their_names_say():
    ordered = np.arange(101.0) ** 2
    linear, density, random = (kmeans._start(ordered, ordered, 5, s) for s in (Linear(), Density(), Random()))
    np.testing.assert_allclose(linear, [0, 2500, 5000, 7500, 10000])
    np.testing.assert_allclose(density, [100, 900, 2500, 4900, 8100])
    assert set(random) <= set(ordered) and len(set(random)) == 5


def test_the_linear_start_keeps_the_few_large_values():
    values = np.concatenate([np.linspace(-1, 1, 1000), [10.0]]).astype(np.float32)
    assert fit_codebook(values, 8, start=Linear())[-1] == pytest.approx(10)


def test_a_seed_decides_a_random_start():
    values = np.random.default_rng(0).normal(size=500).astype(np.float32)
    first, again, other = (fit_codebook(values, 6, start=Random(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_empty_cluster_moves_to_the_value_with_the_largest_error():
    values = np.array([0, 0.1, 0.2, 0.3, 100, 101], np.float32)  # the middle of a linear start is empty
    codebook = fit_codebook(values, 4, start=Linear())
    assert len(codebook) == 4
    assert squared_error(values, codebook) < 0.6
