"""Quadratic forms: their parts give them back, and a triangle says what is left once the others answer for an error."""

import numpy as np
import pytest
from common.networks import normal
from hypothesis import given
from hypothesis import strategies as st

from attar.errors import DataError
from attar.numerics.quadratic import identity, quadratic, solve

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 12)
SCALES = st.floats(-12, 12).map(lambda exponent: 10.0**exponent)


def seen_form(seed, groups, n, samples, scale=1.0):
    """The second moment of so many correlated samples; of fewer than n it is singular."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(groups, samples, n)) @ rng.normal(size=(groups, n, n))
    return scale * mixed.swapaxes(1, 2) @ mixed / samples


def assert_near(found, form, tolerance=1e-5):
    """Elements differ by no more than a share of the mean of their diagonal elements."""
    scale = np.sqrt(np.einsum("gii->gi", form))
    assert (np.abs(found - form) <= tolerance * scale[:, :, None] * scale[:, None, :]).all()


@given(SEEDS, st.integers(1, 3), SIZES, st.integers(1, 30), SCALES, st.sampled_from([0.0, 0.01, 0.1]))
def test_parts_give_the_form_back(seed, groups, n, samples, scale, damping):
    found = quadratic(seen_form(seed, groups, n, samples, scale), damping=damping)
    lower, curvature = found.lower.astype(np.float64), found.curvature.astype(np.float64)
    assert_near(lower * curvature[:, None, :] @ lower.swapaxes(1, 2), found.form)
    roots = found.roots.astype(np.float64)
    assert_near(roots @ roots.swapaxes(1, 2), found.form)
    assert (np.triu(lower, 1) == 0).all() and (np.einsum("gii->gi", lower) == 1).all()
    assert (curvature > 0).all()


@given(SEEDS, st.integers(1, 3), SIZES, st.sampled_from([0.0, 0.01, 0.1]))
def test_damping_adds_a_share_of_the_mean_power(seed, groups, n, damping):
    form = seen_form(seed, groups, n, 2 * n)
    added = quadratic(form, damping=damping).form - form
    power = np.trace(form, axis1=1, axis2=2) / n
    expected = np.einsum("g,ij->gij", damping * power + 1e-7 * power.mean(), np.eye(n))
    np.testing.assert_allclose(added, expected, atol=1e-12 * np.abs(form).max())


@given(SEEDS, st.integers(1, 3), st.integers(1, 4), SIZES)
def test_costs_are_those_of_the_form_and_of_its_parts(seed, groups, rows, n):
    found = quadratic(seen_form(seed, groups, n, 2 * n), damping=0.01)
    errors = np.random.default_rng(seed).normal(size=(groups, rows, n))
    direct = [[error @ form @ error for error in each] for each, form in zip(errors, found.form, strict=True)]
    np.testing.assert_allclose(found.cost(errors), direct, rtol=1e-9)
    settled = np.sum(found.curvature[:, None, :] * np.square(errors @ found.lower), axis=2)
    np.testing.assert_allclose(settled, direct, rtol=1e-4)


@given(SEEDS, SIZES)
def test_curvature_is_what_is_left_once_the_earlier_ones_answer(seed, n):
    found = quadratic(seen_form(seed, 1, n, 2 * n), damping=0.01)
    form = found.form[0]
    for j in range(n):
        before = form[:j, :j]
        left = form[j, j] - form[j, :j] @ np.linalg.solve(before, form[:j, j])
        assert found.curvature[0, j] == pytest.approx(left, rel=1e-4)


def test_inputs_that_never_saw_anything_cost_a_little():
    form = seen_form(0, 3, 6, 20)
    form[1] = 0
    form[2, :, 4] = form[2, 4, :] = 0
    found = quadratic(form, damping=0.0)
    mean = np.trace(form, axis1=1, axis2=2).mean() / 6
    np.testing.assert_allclose(found.form[1], 1e-7 * mean * np.eye(6))
    np.testing.assert_allclose(found.curvature[1], 1e-7 * mean, rtol=1e-6)
    assert found.curvature[2, 4] == pytest.approx(1e-7 * mean, rel=1e-4)
    assert (found.lower[1] == np.eye(6)).all()


@pytest.mark.parametrize("damping", [0.0, 0.1])
def test_a_form_of_zeros_is_one_of_equals(damping):
    found = quadratic(np.zeros((2, 5, 5)), damping=damping)
    assert (found.lower == np.eye(5)).all()
    np.testing.assert_allclose(found.curvature, np.finfo(np.float32).tiny, rtol=1e-6)
    assert found.effective == pytest.approx(np.finfo(np.float32).tiny)


def test_moments_in_float32_of_few_samples_are_taken_apart():
    columns = normal(1, 40, 300) @ normal(300, 300) + 50
    moment = (columns.swapaxes(1, 2) @ columns / 40).astype(np.float64)
    assert np.isfinite(quadratic(moment, damping=0.01).lower).all()


@given(SEEDS, st.integers(1, 3), SIZES)
def test_the_effective_curvature_is_the_root_of_the_determinant(seed, groups, n):
    found = quadratic(seen_form(seed, groups, n, 2 * n), damping=0.01)
    assert found.effective == pytest.approx(np.exp(np.linalg.slogdet(found.form)[1].mean() / n), rel=1e-4)


def test_the_effective_curvature_is_below_the_mean_power():
    found = quadratic(seen_form(0, 1, 30, 60), damping=0.01)
    assert found.effective < np.trace(found.form[0]) / 30
    assert identity(2, 3).effective == 1


def test_the_identity_counts_every_error_for_itself():
    found = identity(2, 3)
    errors = normal(2, 4, 3)
    np.testing.assert_allclose(found.cost(errors), np.square(errors).sum(axis=2), rtol=1e-6)
    np.testing.assert_array_equal(found.roots, found.form)


@given(SEEDS, st.integers(1, 4), SIZES)
def test_solving_undoes_a_product(seed, rows, n):
    form = quadratic(seen_form(seed, 1, n, 2 * n), damping=0.1).form[0]
    expected = np.random.default_rng(seed).normal(size=(rows, n))
    np.testing.assert_allclose(solve(form, expected @ form), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("largest", [3e37, np.inf, np.nan])
def test_a_form_beyond_float32_is_refused(largest):
    with pytest.raises(DataError, match="squares of a layer's inputs reach"):
        quadratic(np.full((1, 2, 2), largest), damping=0.01)
