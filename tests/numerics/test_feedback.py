"""Rounding with error feedback equals its plain form, and is what second-order rounding promises."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attar.codec.threads import in_threads
from attar.numerics import feedback, feedback_reference
from attar.numerics.feedback import round_with_feedback
from attar.numerics.quadratic import Quadratic, identity, quadratic

SEEDS = st.integers(0, 2**32 - 1)


def correlated(rng, groups, n, *, damping=0.01):
    mixed = rng.normal(size=(groups, 2 * n, n)) @ rng.normal(size=(groups, n, n))
    return quadratic(mixed.swapaxes(1, 2) @ mixed / (2 * n), damping=damping)


def diagonal(groups, curvature):
    """The form of numbers that cannot make up for each other."""
    lower = np.broadcast_to(np.eye(len(curvature), dtype=np.float32), (groups, len(curvature), len(curvature)))
    each = np.broadcast_to(curvature.astype(np.float32), (groups, len(curvature)))
    return Quadratic(lower * each[:, None, :].astype(np.float64), lower, each)


def to_nearest(weights, step):
    return np.rint(weights / step).astype(np.int32)


def error_of(weights, integers, step, inputs, rows=None):
    """What the difference costs, all groups together: the sum of (R E M) * E."""
    errors = weights.astype(np.float64) - integers * step
    seen = errors @ inputs.form
    return float(np.sum((seen if rows is None else rows.form[0] @ seen) * errors))


# --- beside the plain form ------------------------------------------------------------------------------------------


def dyadic_form(rng, groups, n):
    """A form of few binary digits: nothing is rounded in float32, so that even ties are the same in any order."""
    lower = np.tril(rng.integers(-2, 3, size=(groups, n, n)) / 4, -1) + np.eye(n)
    curvature = 2.0 ** rng.integers(-2, 3, size=(groups, n))
    form = lower * curvature[:, None, :] @ lower.swapaxes(1, 2)
    return Quadratic(form, lower.astype(np.float32), curvature.astype(np.float32))


def whole_form(rng, groups, n):
    """A form of whole numbers, one for each column: what is fed back through many columns stays exact, too."""
    lower = np.broadcast_to(np.eye(n), (groups, n, n)).copy()
    for column in range(n - 1):
        lower[:, rng.integers(column + 1, n), column] = rng.integers(-1, 2, size=groups)
    return Quadratic(lower @ lower.swapaxes(1, 2), lower.astype(np.float32), np.ones((groups, n), np.float32))


def dyadic_problem(seed, groups, count, n, coupled, form=dyadic_form):
    rng = np.random.default_rng(seed)
    weights = (rng.integers(-40, 41, size=(groups, count, n)) / 16).astype(np.float32)
    rows = form(rng, 1, count) if coupled else None
    return weights, {"step": 0.5, "inputs": form(rng, groups, n), "rows": rows}


@given(
    SEEDS,
    st.integers(1, 2),
    st.integers(1, 9),
    st.integers(1, 20),
    st.booleans(),
    st.sampled_from([1, 2, 5, 128]),
    st.sampled_from([1, 3, 128]),
)
@settings(max_examples=200)
def test_it_equals_the_plain_form_where_nothing_is_rounded(seed, groups, count, n, coupled, width, share):
    weights, problem = dyadic_problem(seed, groups, count, n, coupled)
    with mock.patch.multiple(feedback, WIDTH=width, ROWS=share):
        found = round_with_feedback(weights, **problem)
    np.testing.assert_array_equal(found, feedback_reference.round_with_feedback(weights, **problem))


@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize("count, n", [(3, 300), (130, 130), (300, 3), (17, 128), (16, 129)])
def test_it_equals_the_plain_form_beyond_one_block(count, n, coupled):
    weights, problem = dyadic_problem(n, 1, count, n, coupled, whole_form)
    found = round_with_feedback(weights, **problem)
    np.testing.assert_array_equal(found, feedback_reference.round_with_feedback(weights, **problem))


def excess(weights, integers, step, inputs, rows=None):
    """Return by how much each choice lies farther from its target than half a step, as a share of how far that is.

    The residual of all targets at once is R^T E L (`quadratic.py`); float64 throughout, where float32 blurs.
    """
    errors = weights.astype(np.float64) - integers * step
    residuals = errors @ inputs.lower.astype(np.float64)
    if rows is not None:
        residuals = rows.lower[0].T.astype(np.float64) @ residuals
    return (np.abs(residuals / step) - 0.5) / (1 + np.abs(residuals / step + integers))


@given(SEEDS, st.integers(1, 3), st.integers(1, 20), st.integers(1, 150), st.booleans())
def test_every_choice_is_the_nearest_to_its_target(seed, groups, count, n, coupled):
    rng = np.random.default_rng(seed)
    inputs, rows = correlated(rng, groups, n), correlated(rng, 1, count) if coupled else None
    step = float(np.float32(rng.uniform(0.2, 1)))
    weights = rng.normal(size=(groups, count, n)).astype(np.float32)
    found = round_with_feedback(weights, step=step, inputs=inputs, rows=rows)
    assert excess(weights, found, step, inputs, rows).max() <= 1e-5


def spread_over(threads):
    return lambda task, parts: in_threads(task, parts, threads)


def backwards(task, parts):
    return [task(part) for part in reversed(parts)]


@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize("spread", [spread_over(1), spread_over(2), spread_over(3), backwards])
def test_threads_change_nothing(spread, coupled):
    rng = np.random.default_rng(0)
    groups, count, n = 2, 300, 150
    weights = rng.normal(size=(groups, count, n)).astype(np.float32)
    rows = correlated(rng, 1, count) if coupled else None
    problem = {"step": 0.3, "inputs": correlated(rng, groups, n), "rows": rows}
    alone = round_with_feedback(weights, **problem)
    np.testing.assert_array_equal(round_with_feedback(weights, **problem, spread=spread), alone)


def test_any_layout_and_type_of_weights_will_do():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, 6, 5)).astype(np.float32)
    problem = {"step": 0.3, "inputs": correlated(rng, 2, 5)}
    found = round_with_feedback(weights, **problem)
    turned = np.ascontiguousarray(weights.transpose(2, 1, 0)).transpose(2, 1, 0)
    np.testing.assert_array_equal(round_with_feedback(turned, **problem), found)
    np.testing.assert_array_equal(round_with_feedback(weights.astype(np.float64), **problem), found)
    assert found.dtype == np.int32


# --- arguments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf, 1e-60])
def test_a_step_that_is_none_is_refused(step):
    with pytest.raises(ValueError, match="bad argument"):
        round_with_feedback(np.ones((1, 1, 1), np.float32), step=step, inputs=identity(1, 1))


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (2, 3, 0)])
def test_nothing_becomes_nothing(shape):
    inputs = identity(shape[0], shape[2])
    assert round_with_feedback(np.zeros(shape, np.float32), step=1.0, inputs=inputs).shape == shape


def test_weights_that_are_no_numbers_become_zero_and_harm_no_other_row():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(1, 4, 6)).astype(np.float32)
    problem = {"step": 0.3, "inputs": correlated(rng, 1, 6)}
    clean = round_with_feedback(weights, **problem)
    weights[0, 1, 5], weights[0, 2, 5] = np.nan, np.inf
    found = round_with_feedback(weights, **problem)
    assert not found[0, 1:3].any()
    np.testing.assert_array_equal(found[0, [0, 3]], clean[0, [0, 3]])


# --- second-order rounding (card OBC) -------------------------------------------------------------------------------


@given(SEEDS, st.integers(1, 2), st.integers(1, 9), st.integers(1, 80), st.booleans())
def test_without_correlation_it_rounds_to_the_nearest(seed, groups, count, n, coupled):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(groups, count, n)).astype(np.float32)
    rows = diagonal(1, rng.uniform(0.1, 9, size=count)) if coupled else None
    inputs = diagonal(groups, rng.uniform(0.1, 9, size=n))
    found = round_with_feedback(weights, step=0.25, inputs=inputs, rows=rows)
    np.testing.assert_array_equal(found, to_nearest(weights, 0.25))


@given(SEEDS, st.integers(1, 5), st.integers(1, 40))
def test_rows_that_cost_differently_but_alone_are_rounded_alike(seed, count, n):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(1, count, n)).astype(np.float32)
    problem = {"step": 0.25, "inputs": correlated(rng, 1, n)}
    rows = diagonal(1, rng.uniform(0.1, 9, size=count))
    coupled = round_with_feedback(weights, **problem, rows=rows)
    np.testing.assert_array_equal(coupled, round_with_feedback(weights, **problem))


@given(
    st.floats(-9, 9, width=32), st.floats(-9, 9, width=32), st.floats(0.5, 4), st.floats(0.5, 4), st.floats(-0.95, 0.95)
)
def test_of_two_weights_one_moves_by_what_the_other_missed(first, second, a, c, correlation):
    """With [[a, b], [b, c]] the second is settled first; a (dw)^2 + 2 b dw e is least at dw = -e b / a."""
    b = correlation * np.sqrt(a * c)
    form = quadratic(np.array([[[a, b], [b, c]]]), damping=0.0)
    assume(abs(second % 1 - 0.5) > 1e-3)
    target = first + (second - np.rint(second)) * b / a
    assume(abs(target % 1 - 0.5) > 1e-3)
    expected = [int(np.rint(target)), int(np.rint(second))]
    weights = np.array([[[first, second]]], np.float32)
    assert round_with_feedback(weights, step=1.0, inputs=form)[0, 0].tolist() == expected
    turned = round_with_feedback(weights.swapaxes(1, 2), step=1.0, inputs=identity(1, 1), rows=form)
    assert turned[0, :, 0].tolist() == expected


def test_both_sides_at_once_know_of_the_product():
    """An error of the last place reaches the one across through both triangles: e b_rows b_inputs."""
    form = quadratic(np.array([[[1.0, 0.5], [0.5, 1.0]]]), damping=0.0)
    weights = np.array([[[0.3, 0.0], [0.0, 0.4]]], np.float32)
    found = round_with_feedback(weights, step=1.0, inputs=form, rows=form)
    # (0, 1) and (1, 0) see 0.4 / 2 each and stay 0; (0, 0) sees 0.3 + 0.4 / 4, not what they missed: they are exact.
    np.testing.assert_array_equal(found, np.zeros((1, 2, 2)))
    weights[0, 0, 0] = 0.45
    assert round_with_feedback(weights, step=1.0, inputs=form, rows=form)[0].tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize("step", [0.1, 0.5, 1.0])
def test_it_costs_less_than_the_nearest(step, coupled):
    ratios = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=(1, 8, 24)).astype(np.float32)
        inputs, rows = correlated(rng, 1, 24), correlated(rng, 1, 8) if coupled else None
        found = round_with_feedback(weights, step=step, inputs=inputs, rows=rows)
        nearest = to_nearest(weights, step)
        ratios.append(error_of(weights, found, step, inputs, rows) / error_of(weights, nearest, step, inputs, rows))
    assert np.max(ratios) < 1, "no theorem, but so it is in all of them"
    assert np.mean(ratios) < (0.3 if coupled else 0.55)
