"""Card GE-1: truncations are as good as theory says, in the metric of the weights and in that of the inputs."""

import numpy as np
import pytest
from common.networks import normal
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.numerics.low_rank import break_even_rank, decompose, decompose_in


def product(decomposition, rank):
    outer, inner = decomposition.factors(rank)
    return outer @ inner


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_a_matrix_of_rank_k_is_exact_at_k(rank):
    weights = normal(20, rank) @ normal(rank, 30)
    error = np.linalg.norm(weights - product(decompose(weights), rank))
    assert error < 1e-5 * np.linalg.norm(weights)


@pytest.mark.parametrize("shape", [(9, 14), (14, 9), (7, 7)])
def test_the_squared_error_is_the_sum_of_the_dropped_squared_singular_values(shape):
    weights = normal(*shape)
    expected = np.linalg.svd(weights.astype(np.float64), compute_uv=False) ** 2
    for rank in range(1, min(shape) + 1):
        error = np.sum((weights - product(decompose(weights), rank)) ** 2)
        assert error == pytest.approx(expected[rank:].sum(), rel=1e-4, abs=1e-10)


@given(st.integers(0, 2**32 - 1), st.integers(2, 10), st.integers(2, 10))
@settings(deadline=None, max_examples=40)
def test_knowing_the_inputs_never_hurts_on_those_inputs(seed, outputs, inputs):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(outputs, inputs))
    samples = rng.normal(size=(200, inputs)) @ rng.normal(size=(inputs, inputs)) + rng.normal(size=inputs)
    moment = samples.T @ samples / len(samples)
    plain, aware = decompose(weights), decompose(weights, moment=moment)
    whole = np.sum((samples @ weights.T) ** 2)
    for rank in range(1, min(outputs, inputs) + 1):
        errors = [np.sum((samples @ (weights - product(d, rank)).T) ** 2) for d in (plain, aware)]
        assert errors[1] <= errors[0] * (1 + 1e-6) + 1e-9 * whole


def test_knowing_the_inputs_helps_where_they_are_lopsided():
    weights = normal(16, 16)
    samples = normal(500, 16) * np.logspace(0, -3, 16)
    aware = decompose(weights, moment=samples.T @ samples / 500)
    errors = [np.sum((samples @ (weights - product(d, 4)).T) ** 2) for d in (decompose(weights), aware)]
    assert errors[1] < errors[0] / 2


def test_the_error_in_the_inputs_metric_is_the_sum_of_its_own_dropped_values():
    weights, samples = normal(6, 10), normal(300, 10)
    moment = samples.T @ samples / 300
    aware = decompose(weights, moment=moment)
    for rank in range(1, 6):
        difference = weights - product(aware, rank)
        expected = np.sum(aware.values[rank:] ** 2)
        assert np.trace(difference @ moment @ difference.T) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("with_rows", [False, True])
def test_the_error_in_the_metric_of_both_axes_is_the_sum_of_its_own_dropped_values(with_rows):
    weights, samples, scores = normal(6, 10), normal(300, 10), normal(300, 6, seed=1)
    moment, cost = samples.T @ samples / 300, scores.T @ scores / 300 if with_rows else np.eye(6)
    rows = np.linalg.cholesky(cost) if with_rows else None
    found = decompose_in(weights, inputs=np.linalg.cholesky(moment), rows=rows)
    for rank in range(1, 7):
        difference = weights - product(found, rank)
        expected = np.sum(found.values[rank:] ** 2)
        assert np.trace(cost @ difference @ moment @ difference.T) == pytest.approx(expected, rel=1e-3, abs=1e-9)


def test_inputs_never_seen_do_not_break_the_decomposition():
    weights, samples = normal(6, 10), normal(50, 10)
    samples[:, 4:] = 0
    aware = decompose(weights, moment=samples.T @ samples / 50)
    np.testing.assert_allclose(samples @ product(aware, 6).T, samples @ weights.T, atol=1e-3)
    assert np.isfinite(product(decompose(weights, moment=np.zeros((10, 10))), 3)).all()


def test_factors_share_the_scale_evenly():
    outer, inner = decompose(100 * normal(12, 12)).factors(5)
    np.testing.assert_allclose(np.linalg.norm(outer, axis=0), np.linalg.norm(inner, axis=1), rtol=1e-5)


@given(st.integers(1, 200), st.integers(1, 200))
def test_the_break_even_rank_is_the_largest_that_saves(outputs, inputs):
    rank = break_even_rank(outputs, inputs)
    assert rank == 0 or rank * (outputs + inputs) < outputs * inputs
    assert (rank + 1) * (outputs + inputs) >= outputs * inputs
