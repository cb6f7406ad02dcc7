"""Card DC-2 as a technique: non-zero weights share a few values, zeros stay zeros and stay outside of the codebook."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.numerics.kmeans import Density, Linear, Random
from attar.passes.share.kmeans import KMeans, apply, plan
from attar.passes.weights import NotApplicable, Weights

CONFIGS = st.builds(
    KMeans, clusters=st.integers(2, 20), start=st.sampled_from([Linear(), Density(), Random(), Random(seed=5)])
)


def sparse(seed, count=200):
    rng = np.random.default_rng(seed)
    return Weights((rng.normal(size=count) * (rng.random(count) < 0.3)).astype(np.float32), "Conv", 0)


@given(st.integers(0, 1000), CONFIGS)
@settings(deadline=None)
def test_zeros_stay_zeros_and_no_other_weight_becomes_one(seed, config):
    weights = sparse(seed)
    shared = apply(weights, plan(weights, config)).values
    np.testing.assert_array_equal(shared == 0, weights.values == 0)


@given(st.integers(0, 1000), CONFIGS)
@settings(deadline=None)
def test_no_more_values_than_clusters(seed, config):
    weights = sparse(seed)
    shared = apply(weights, plan(weights, config)).values
    assert len(np.unique(shared[shared != 0])) <= config.clusters


@given(st.integers(0, 1000), CONFIGS)
@settings(deadline=None)
def test_every_weight_takes_the_nearest_value_of_the_codebook(seed, config):
    weights = sparse(seed)
    codebook = plan(weights, config)
    kept = weights.values[weights.values != 0].astype(np.float64)
    shared = apply(weights, codebook).values[weights.values != 0]
    nearest = np.abs(kept[:, None] - codebook.centroids).min(axis=1)
    np.testing.assert_allclose(np.abs(kept - shared), nearest, rtol=1e-9, atol=1e-12)


def test_zeros_have_no_say_in_the_codebook():
    few, many = (Weights(np.array([1, 1.1, 5, 5.1] + zeros * [0], np.float32), "Gemm", 0) for zeros in (1, 500))
    np.testing.assert_array_equal(plan(few, KMeans(clusters=2)).centroids, plan(many, KMeans(clusters=2)).centroids)


def test_sharing_twice_is_sharing_once():
    weights = sparse(3)
    once = apply(weights, plan(weights, KMeans(clusters=8)))
    np.testing.assert_array_equal(apply(once, plan(once, KMeans(clusters=8))).values, once.values)


def test_the_papers_example_is_reproduced():
    """Deep Compression, figure 3: sixteen weights, four shared values."""
    weights = [2.09, -0.98, 1.48, 0.09, 0.05, -0.14, -1.08, 2.12, -0.91, 1.92, 0, -1.03, 1.87, 0, 1.53, 1.49]
    layer = Weights(np.array(weights, np.float32).reshape(4, 4), "Gemm", 0)
    shared = apply(layer, plan(layer, KMeans(clusters=4))).values
    expected = [[2, -1, 1.5, 0], [0, 0, -1, 2], [-1, 2, 0, -1], [2, 0, 1.5, 1.5]]
    np.testing.assert_allclose(shared, expected, atol=0.01)


def test_a_layer_of_zeros_has_nothing_to_share():
    with pytest.raises(NotApplicable, match="all 12 weights are zero: nothing to share"):
        plan(Weights(np.zeros((3, 4), np.float32), "Gemm", 0), KMeans())
