"""Second moments of pairs of columns: those of all samples at once, cut into blocks as the weights are."""

import numpy as np
import pytest
from common.networks import normal
from hypothesis import given
from hypothesis import strategies as st

from attar.numerics.second_moments import Sums, block_count, second_moments
from attar.numerics.weight_rows import WeightRows

BATCHES = st.lists(st.integers(0, 5), min_size=1, max_size=4)


def batches_of(columns, counts):
    return np.split(columns, np.cumsum(counts)[:-1], axis=1)


def mean_products(left, right):
    return np.einsum("gpi,gpj->gij", left, right, dtype=np.float64) / left.shape[1]


@given(BATCHES.filter(any), st.integers(1, 3), st.integers(1, 4))
def test_batches_give_the_moments_of_all_samples(counts, groups, n):
    before, now = normal(groups, sum(counts), n) + 1, normal(groups, sum(counts), n, seed=1) + 2
    found = second_moments(zip(batches_of(before, counts), batches_of(now, counts), strict=True))
    np.testing.assert_allclose(found.mean, now.mean(axis=1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.mean_before, before.mean(axis=1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.moment, mean_products(now, now), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.cross, mean_products(before, now), rtol=1e-5, atol=1e-5)
    assert all(part.dtype == np.float64 for part in (found.mean, found.mean_before, found.moment, found.cross))


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3))
def test_blocks_are_the_diagonal_blocks_of_the_whole(groups, blocks, size):
    before, now = normal(groups, 7, blocks * size), normal(groups, 7, blocks * size, seed=1)
    whole, cut = second_moments([(before, now)]), second_moments([(before, now)], blocks=blocks)
    for group in range(groups):
        for block in range(blocks):
            at, inputs = group * blocks + block, slice(block * size, (block + 1) * size)
            np.testing.assert_allclose(cut.moment[at], whole.moment[group, inputs, inputs], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(cut.cross[at], whole.cross[group, inputs, inputs], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(cut.mean[at], whole.mean[group, inputs], rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(cut.mean_before[at], whole.mean_before[group, inputs], rtol=1e-6, atol=1e-6)


def test_inputs_that_do_not_divide_into_blocks_are_refused():
    with pytest.raises(ValueError):
        Sums(3).add(normal(1, 5, 4), normal(1, 5, 4))


def test_an_unchanged_network_has_one_moment():
    columns = normal(2, 6, 3)
    found = second_moments([(batch, batch) for batch in batches_of(columns, [4, 2])])
    assert found.cross is found.moment
    np.testing.assert_allclose(found.moment, mean_products(columns, columns), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.mean, found.mean_before)


@pytest.mark.parametrize("order", [1, -1])
def test_a_batch_that_did_not_change_counts_in_both(order):
    same, before, now = normal(2, 6, 3), normal(2, 4, 3, seed=1), normal(2, 4, 3, seed=2)
    found = second_moments([(same, same), (before, now)][::order])
    all_before, all_now = np.concatenate([same, before], axis=1), np.concatenate([same, now], axis=1)
    np.testing.assert_allclose(found.moment, mean_products(all_now, all_now), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.cross, mean_products(all_before, all_now), rtol=1e-5, atol=1e-5)


def test_equal_columns_in_two_arrays_give_what_one_array_gives():
    columns = normal(2, 6, 3)
    once, twice = second_moments([(columns, columns)]), second_moments([(columns, columns.copy())])
    np.testing.assert_array_equal(once.cross, twice.cross)
    assert twice.cross is not twice.moment


def test_the_output_is_the_sum_over_all_blocks():
    layout = WeightRows((4, 6), (2, 2, 6), (0, 1, 2))
    cut = WeightRows((4, 6), (2, 2, 6), (0, 1, 2), blocks=3)
    weights, columns = normal(4, 6), normal(2, 5, 6)
    parts = np.stack([columns[:, :, i : i + 2] for i in (0, 2, 4)], axis=1).reshape(6, 5, 2)
    of_parts = (parts @ cut.rows(weights).swapaxes(1, 2)).reshape(2, 3, 5, 2).sum(axis=1)
    np.testing.assert_allclose(of_parts, columns @ layout.rows(weights).swapaxes(1, 2), rtol=1e-5)


def test_blocks_of_rows_meet_their_own_moments():
    cut = WeightRows((4, 6), (2, 2, 6), (0, 1, 2), blocks=3)
    errors, columns = cut.rows(normal(4, 6)), normal(2, 50, 6)
    moment = second_moments([(columns, columns)], blocks=3).moment
    parts = np.stack([columns[:, :, i : i + 2] for i in (0, 2, 4)], axis=1).reshape(6, 50, 2)
    seen = np.square(np.einsum("gpi,gri->grp", parts, errors)).mean(axis=2)
    np.testing.assert_allclose(np.einsum("gri,gij,grj->gr", errors, moment, errors), seen, rtol=1e-5)


@given(st.integers(1, 3000), st.integers(1, 600))
def test_blocks_are_equal_and_as_few_as_can_be(n, most):
    count = block_count(n, most)
    assert n % count == 0 and n // count <= most
    assert not [fewer for fewer in range(1, count) if n % fewer == 0 and n // fewer <= most]


@pytest.mark.parametrize("order", [60, 100, -60, -100])
def test_squares_beyond_float32_are_counted_in_a_power_of_two(order):
    before, now = normal(1, 40, 3), normal(1, 40, 3, seed=1)
    plain = second_moments([(before, now)])
    factor = np.float32(2.0**order)
    found = second_moments([(before * factor, now * factor)])
    assert plain.unit == 1 and np.log2(found.unit) % 1 == 0
    np.testing.assert_allclose(found.moment * (found.unit / factor) ** 2, plain.moment, rtol=1e-6)
    np.testing.assert_allclose(found.cross * (found.unit / factor) ** 2, plain.cross, rtol=1e-6)
    np.testing.assert_allclose(found.mean, plain.mean * factor, rtol=1e-6)


@pytest.mark.parametrize("largest", [0.0, np.inf, 3e38, 1e-44])
def test_the_ends_of_float32_have_a_unit_too(largest):
    unit = second_moments([(np.full((1, 2, 2), largest, np.float32),) * 2]).unit
    assert unit == (1 if largest in (0, np.inf) else 2.0 ** np.floor(np.log2(largest)))
