"""Rounding with error feedback equals its plain form, and is what second-order and rate-distortion rounding promise."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attar.codec.threads import in_threads
from attar.numerics import feedback, feedback_reference
from attar.numerics.feedback import Prices, round_with_feedback
from attar.numerics.quadratic import Quadratic, identity, quadratic

SEEDS = st.integers(0, 2**32 - 1)
RATES = st.sampled_from([0.0, 0.01, 0.1, 1.0])


def correlated(rng, groups, n, *, damping=0.01):
    mixed = rng.normal(size=(groups, 2 * n, n)) @ rng.normal(size=(groups, n, n))
    return quadratic(mixed.swapaxes(1, 2) @ mixed / (2 * n), damping=damping)


def prices_of(rng, shape, *, reach=9, tables=3, rate=0.0):
    """Bits that grow with the magnitude, by another slope in every table."""
    slopes = rng.uniform(0.5, 3, size=(tables, 1))
    bits = (1 + slopes * np.abs(np.arange(-reach, reach + 1))).astype(np.float32)
    return Prices(bits, rng.integers(0, tables, size=shape).astype(np.uint8), rate)


def diagonal(groups, curvature):
    """The form of numbers that cannot make up for each other."""
    lower = np.broadcast_to(np.eye(len(curvature), dtype=np.float32), (groups, len(curvature), len(curvature)))
    each = np.broadcast_to(curvature.astype(np.float32), (groups, len(curvature)))
    return Quadratic(lower * each[:, None, :].astype(np.float64), lower, each)


def to_nearest(weights, step, reach):
    return np.clip(np.rint(weights / step), -reach, reach).astype(np.int32)


def error_of(weights, integers, step, inputs, rows=None):
    """What the difference costs, all groups together: the sum of (R E M) * E."""
    errors = weights.astype(np.float64) - integers * step
    seen = errors @ inputs.form
    return float(np.sum((seen if rows is None else rows.form[0] @ seen) * errors))


def bits_of(integers, prices):
    return float(prices.bits[prices.tables, integers + prices.bits.shape[1] // 2].sum(dtype=np.float64))


# --- beside the plain form ------------------------------------------------------------------------------------------


def dyadic_form(rng, groups, n):
    """A form of few binary digits: nothing is rounded in float32, so that even ties are the same in any order."""
    lower = np.tril(rng.integers(-2, 3, size=(groups, n, n)) / 4, -1) + np.eye(n)
    curvature = 2.0 ** rng.integers(-2, 3, size=(groups, n))
    form = lower * curvature[:, None, :] @ lower.swapaxes(1, 2)
    return Quadratic(form, lower.astype(np.float32), curvature.astype(np.float32))


def dyadic_problem(seed, groups, count, n, coupled, rate):
    rng = np.random.default_rng(seed)
    weights = (rng.integers(-40, 41, size=(groups, count, n)) / 16).astype(np.float32)
    bits = (rng.integers(0, 17, size=(2, 2 * int(rng.integers(0, 6)) + 1)) / 4).astype(np.float32)
    prices = Prices(bits, rng.integers(0, 2, size=weights.shape).astype(np.uint8), rate)
    rows = dyadic_form(rng, 1, count) if coupled else None
    return weights, {"step": 0.5, "inputs": dyadic_form(rng, groups, n), "prices": prices, "rows": rows}


@given(
    SEEDS,
    st.integers(1, 2),
    st.integers(1, 9),
    st.integers(1, 20),
    st.booleans(),
    st.sampled_from([0.0, 2.0**-6, 2.0**-3, 1.0]),
    st.sampled_from([1, 2, 5, 128]),
    st.sampled_from([1, 3, 128]),
)
@settings(max_examples=200)
def test_it_equals_the_plain_form_where_nothing_is_rounded(seed, groups, count, n, coupled, rate, width, share):
    weights, problem = dyadic_problem(seed, groups, count, n, coupled, rate)
    with mock.patch.multiple(feedback, WIDTH=width, ROWS=share):
        found = round_with_feedback(weights, **problem)
    np.testing.assert_array_equal(found, feedback_reference.round_with_feedback(weights, **problem))


@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize("count, n", [(3, 300), (130, 130), (300, 3), (17, 128), (16, 129)])
def test_it_equals_the_plain_form_beyond_one_block(count, n, coupled):
    weights, problem = dyadic_problem(n, 1, count, n, coupled, 2.0**-6)
    found = round_with_feedback(weights, **problem)
    np.testing.assert_array_equal(found, feedback_reference.round_with_feedback(weights, **problem))


def excess(weights, integers, step, inputs, prices, rows=None):
    """Return by how much each choice costs more than the cheapest one, given those settled before it.

    In squared steps, as a share of how far the place is from zero: what float32 blurs grows with both. The residual of
    all targets at once is R^T E L (`quadratic.py`); float64 throughout.
    """
    reach = prices.bits.shape[1] // 2
    errors = weights.astype(np.float64) - integers * step
    residuals = errors @ inputs.lower.astype(np.float64)
    curvature = inputs.curvature[:, None, :].astype(np.float64)
    if rows is not None:
        residuals = rows.lower[0].T.astype(np.float64) @ residuals
        curvature = curvature * rows.curvature[0][:, None]
    place = residuals / step + integers
    price = prices.rate / (step**2 * curvature)

    def cost(q):
        return np.square(q - place) + price * prices.bits[prices.tables, q + reach]

    floor = np.floor(np.clip(place, -reach, reach)).astype(int)
    tried = [np.zeros_like(floor), *(np.clip(floor + k, -reach, reach) for k in (-1, 0, 1, 2))]
    return (cost(integers) - np.min([cost(q) for q in tried], axis=0)) / (1 + np.square(place))


@given(SEEDS, st.integers(1, 3), st.integers(1, 20), st.integers(1, 150), st.booleans(), RATES)
def test_every_choice_is_the_cheapest_one(seed, groups, count, n, coupled, rate):
    rng = np.random.default_rng(seed)
    inputs, rows = correlated(rng, groups, n), correlated(rng, 1, count) if coupled else None
    step = float(np.float32(rng.uniform(0.2, 1)))
    weights = rng.normal(size=(groups, count, n)).astype(np.float32)
    cost = inputs.effective * (rows.effective if coupled else 1)
    prices = prices_of(rng, weights.shape, rate=rate * step**2 * cost)
    found = round_with_feedback(weights, step=step, inputs=inputs, prices=prices, rows=rows)
    missed = excess(weights, found, step, inputs, prices, rows)
    assert missed.min() > -1e-12 and missed.max() <= 1e-6


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
    prices = prices_of(rng, weights.shape, rate=1e-3)
    problem = {"step": 0.3, "inputs": correlated(rng, groups, n), "prices": prices, "rows": rows}
    alone = round_with_feedback(weights, **problem)
    np.testing.assert_array_equal(round_with_feedback(weights, **problem, spread=spread), alone)


def test_any_layout_and_type_of_weights_will_do():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, 6, 5)).astype(np.float32)
    prices = prices_of(rng, weights.shape, rate=0.1)
    problem = {"step": 0.3, "inputs": correlated(rng, 2, 5), "prices": prices}
    found = round_with_feedback(weights, **problem)
    turned = np.ascontiguousarray(weights.transpose(2, 1, 0)).transpose(2, 1, 0)
    np.testing.assert_array_equal(round_with_feedback(turned, **problem), found)
    np.testing.assert_array_equal(round_with_feedback(weights.astype(np.float64), **problem), found)
    assert found.dtype == np.int32


# --- arguments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf, 1e-60])
def test_a_step_that_is_none_is_refused(step):
    prices = Prices(np.zeros((1, 3), np.float32), np.zeros((1, 1, 1), np.uint8), 0.0)
    with pytest.raises(ValueError, match="bad argument"):
        round_with_feedback(np.ones((1, 1, 1), np.float32), step=step, inputs=identity(1, 1), prices=prices)


@pytest.mark.parametrize("table, width, rate", [(1, 3, 0.0), (0, 4, 0.0), (0, 3, -1.0), (0, 3, np.nan)])
def test_prices_that_are_none_are_refused(table, width, rate):
    prices = Prices(np.zeros((1, width), np.float32), np.full((1, 1, 1), table, np.uint8), rate)
    with pytest.raises(ValueError, match="bad argument"):
        round_with_feedback(np.ones((1, 1, 1), np.float32), step=1.0, inputs=identity(1, 1), prices=prices)


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (2, 3, 0)])
def test_nothing_becomes_nothing(shape):
    inputs, prices = identity(shape[0], shape[2]), Prices(np.zeros((1, 3), np.float32), np.zeros(shape, np.uint8), 0.0)
    assert round_with_feedback(np.zeros(shape, np.float32), step=1.0, inputs=inputs, prices=prices).shape == shape


def test_weights_that_are_no_numbers_become_zero_and_harm_no_other_row():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(1, 4, 6)).astype(np.float32)
    problem = {"step": 0.3, "inputs": correlated(rng, 1, 6), "prices": prices_of(rng, weights.shape, rate=0.1)}
    clean = round_with_feedback(weights, **problem)
    weights[0, 1, 5], weights[0, 2, 5] = np.nan, np.inf
    found = round_with_feedback(weights, **problem)
    assert not found[0, 1:3].any()
    np.testing.assert_array_equal(found[0, [0, 3]], clean[0, [0, 3]])


# --- second-order rounding (card OBC) -------------------------------------------------------------------------------


@given(SEEDS, st.integers(1, 2), st.integers(1, 9), st.integers(1, 80), st.booleans())
def test_without_price_and_correlation_it_rounds_to_the_nearest(seed, groups, count, n, coupled):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(groups, count, n)).astype(np.float32)
    rows = diagonal(1, rng.uniform(0.1, 9, size=count)) if coupled else None
    inputs, prices = diagonal(groups, rng.uniform(0.1, 9, size=n)), prices_of(rng, weights.shape, reach=3)
    found = round_with_feedback(weights, step=0.25, inputs=inputs, prices=prices, rows=rows)
    np.testing.assert_array_equal(found, to_nearest(weights, 0.25, 3))


@given(SEEDS, st.integers(1, 5), st.integers(1, 40))
def test_rows_that_cost_differently_but_alone_are_rounded_alike(seed, count, n):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(1, count, n)).astype(np.float32)
    problem = {"step": 0.25, "inputs": correlated(rng, 1, n), "prices": prices_of(rng, weights.shape)}
    rows = diagonal(1, rng.uniform(0.1, 9, size=count))
    coupled = round_with_feedback(weights, **problem, rows=rows)
    np.testing.assert_array_equal(coupled, round_with_feedback(weights, **problem))


FREE = Prices(np.zeros((1, 201), np.float32), np.zeros((1, 2, 2), np.uint8), 0.0)


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
    free = Prices(FREE.bits, FREE.tables[:, :1], 0.0)
    weights = np.array([[[first, second]]], np.float32)
    assert round_with_feedback(weights, step=1.0, inputs=form, prices=free)[0, 0].tolist() == expected
    free = Prices(FREE.bits, FREE.tables[:, :, :1], 0.0)
    turned = round_with_feedback(weights.swapaxes(1, 2), step=1.0, inputs=identity(1, 1), prices=free, rows=form)
    assert turned[0, :, 0].tolist() == expected


def test_both_sides_at_once_know_of_the_product():
    """An error of the last place reaches the one across through both triangles: e b_rows b_inputs."""
    form = quadratic(np.array([[[1.0, 0.5], [0.5, 1.0]]]), damping=0.0)
    weights = np.array([[[0.3, 0.0], [0.0, 0.4]]], np.float32)
    found = round_with_feedback(weights, step=1.0, inputs=form, prices=FREE, rows=form)
    # (0, 1) and (1, 0) see 0.4 / 2 each and stay 0; (0, 0) sees 0.3 + 0.4 / 4, not what they missed: they are exact.
    np.testing.assert_array_equal(found, np.zeros((1, 2, 2)))
    weights[0, 0, 0] = 0.45
    assert round_with_feedback(weights, step=1.0, inputs=form, prices=FREE, rows=form)[0].tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize("step", [0.1, 0.5, 1.0])
def test_it_costs_less_than_the_nearest(step, coupled):
    ratios = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=(1, 8, 24)).astype(np.float32)
        inputs, rows = correlated(rng, 1, 24), correlated(rng, 1, 8) if coupled else None
        prices = prices_of(rng, weights.shape, reach=100)
        found = round_with_feedback(weights, step=step, inputs=inputs, prices=prices, rows=rows)
        nearest = to_nearest(weights, step, 100)
        ratios.append(error_of(weights, found, step, inputs, rows) / error_of(weights, nearest, step, inputs, rows))
    assert np.max(ratios) < 1, "no theorem, but so it is in all of them"
    assert np.mean(ratios) < (0.3 if coupled else 0.55)


# --- rate-distortion rounding (card RDOQ) ---------------------------------------------------------------------------


@given(SEEDS, RATES)
def test_alone_no_weight_costs_more_than_at_the_nearest(seed, rate):
    """J = error + rate x bits, weight by weight: the nearest integer is one of those tried."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(1, 9, 30)).astype(np.float32)
    inputs, prices = diagonal(1, rng.uniform(0.1, 9, size=30)), prices_of(rng, weights.shape, rate=rate)
    found, nearest = round_with_feedback(weights, step=0.5, inputs=inputs, prices=prices), to_nearest(weights, 0.5, 9)

    def cost(q):
        bits = np.take_along_axis(prices.bits[prices.tables], q[..., None] + 9, axis=-1)[..., 0]
        return inputs.curvature[:, None] * np.square(weights - np.float64(0.5) * q) + rate * bits.astype(np.float64)

    assert (cost(found) <= cost(nearest) * (1 + 1e-5) + 1e-12).all()


@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize("rate", [0.01, 0.1, 1.0])
def test_together_they_cost_less_than_at_the_nearest(rate, coupled):
    ratios = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=(1, 8, 24)).astype(np.float32)
        inputs, rows = correlated(rng, 1, 24), correlated(rng, 1, 8) if coupled else None
        cost = inputs.effective * (rows.effective if coupled else 1)
        prices = prices_of(rng, weights.shape, rate=rate * 0.25 * cost)
        found = round_with_feedback(weights, step=0.5, inputs=inputs, prices=prices, rows=rows)
        settled, nearest = (
            error_of(weights, q, 0.5, inputs, rows) + prices.rate * bits_of(q, prices)
            for q in (found, to_nearest(weights, 0.5, 9))
        )
        ratios.append(settled / nearest)
    assert np.mean(ratios) < 0.9
    assert np.mean(np.greater(ratios, 1)) <= 0.05, "what a choice costs those still to come is not foreseen"


def zeros_by_rate(inputs, weights, prices):
    found = [
        round_with_feedback(weights, step=0.5, inputs=inputs, prices=Prices(prices.bits, prices.tables, rate))
        for rate in np.concatenate([[0.0], np.geomspace(1e-3, 30, 12) * inputs.effective])
    ]
    return [int((integers == 0).sum()) for integers in found]


@given(SEEDS)
@settings(max_examples=30)
def test_alone_a_higher_price_makes_no_fewer_zeros(seed):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(1, 9, 30)).astype(np.float32)
    zeros = zeros_by_rate(diagonal(1, rng.uniform(0.1, 9, size=30)), weights, prices_of(rng, weights.shape))
    assert (np.diff(zeros) >= 0).all() and zeros[-1] > zeros[0]


def test_together_a_higher_price_makes_more_zeros():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(1, 40, 80)).astype(np.float32)
    zeros = zeros_by_rate(correlated(rng, 1, 80), weights, prices_of(rng, weights.shape))
    assert zeros[0] < zeros[4] < zeros[8] < zeros[12] == weights.size


def test_cheap_integers_are_preferred_where_they_are_cheap():
    """Two tables side by side: zero is dear in one, cheap in the other."""
    bits = np.array([[1, 1, 9, 1, 1], [9, 9, 1, 9, 9]], np.float32)
    weights = np.full((1, 2, 50), 0.4, np.float32)
    tables = np.repeat(np.array([[[0], [1]]], np.uint8), 50, axis=2)
    found = round_with_feedback(weights, step=1.0, inputs=identity(1, 50), prices=Prices(bits, tables, 0.1))
    assert (found[0, 0] == 1).all() and (found[0, 1] == 0).all()
