"""Rates for optimisers: what a value is said to cost is what the coder takes for it."""

import numpy as np
import pytest

from attar.codec import levels, rates


def _weights(scale, *, shape=(40, 60)):
    rng = np.random.default_rng(5)
    return np.rint(rng.laplace(size=shape) * np.exp2(rng.normal(size=(shape[0], 1))) * scale).astype(np.int32)


@pytest.mark.parametrize("scale", [0.1, 1.0, 20.0, 3000.0])
def test_the_costs_add_up_to_the_payload(scale):
    integers = _weights(scale)
    found = rates.rates_of(integers)
    plan = levels.plan(integers.reshape(-1), integers.shape, is_open=True)
    total = found.header_bytes + found.cost(integers).sum() / 8
    assert found.header_bytes == len(plan.header)
    assert total <= len(levels.write(integers.reshape(-1), plan)) <= total * 1.005 + 32


def test_a_cost_is_a_row_of_its_table():
    integers = _weights(1.0)
    found = rates.rates_of(integers, reach=20)
    assert found.reach == 20
    assert found.bits.shape == (found.tables.max() + 1, 41)
    np.testing.assert_array_equal(found.cost(integers), found.bits[found.tables, integers + 20])
    np.testing.assert_array_equal(found.cost(np.full_like(integers, -20)), found.bits[found.tables, 0])


def test_every_table_is_a_code():
    found = rates.rates_of(_weights(2.0), reach=3000)
    sums = np.exp2(-found.bits.astype(float)).sum(axis=1)
    assert (sums <= 1.0001).all()
    assert (sums > 0.999).all()


def test_larger_magnitudes_cost_more_in_the_long_run():
    found = rates.rates_of(_weights(2.0), reach=4000)
    for row in found.bits:
        assert row[4000 + 3999] > row[4000 + 400] > row[4000 + 40]


def test_an_array_of_any_values_at_their_places():
    integers = _weights(1.0, shape=(6, 4))
    found = rates.rates_of(integers, reach=5)
    stacked = np.stack([integers * 0, integers * 0 + 5])
    costs = found.cost(stacked)
    assert costs.shape == (2, 6, 4)
    np.testing.assert_array_equal(costs[0], found.cost(stacked[0]))


def test_values_beyond_the_reach_are_named():
    found = rates.rates_of(_weights(1.0), reach=4)
    for value in (5, -5, 2**31 - 1, -(2**31)):
        with pytest.raises(ValueError, match=r"costs are known up to \+-4"):
            found.cost(np.full((40, 60), value, np.int32))


def test_tensors_without_rates():
    with pytest.raises(ValueError, match="nothing to fit"):
        rates.rates_of(np.zeros((0, 3), np.int32))
    with pytest.raises(ValueError, match=r"integer -2147483648: the limit is -2147483647"):
        rates.rates_of(np.array([-(2**31)], np.int32))
