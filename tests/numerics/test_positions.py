"""Positions are drawn without replacement, for each sample by itself."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attar.numerics.positions import ALL, Positions


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 5))
def test_no_more_than_asked_for_none_twice_in_order(count, most, first):
    found = Positions(most).choose(count, range(first, first + 3))
    assert found.shape == (3, min(count, most))
    assert (np.diff(found, axis=1) > 0).all() and found.min() >= 0 and found.max() < count


def test_all_are_all():
    np.testing.assert_array_equal(ALL.choose(4, range(2)), [[0, 1, 2, 3]] * 2)


def test_a_sample_is_drawn_by_seed_and_number():
    positions = Positions(5, seed=1)
    np.testing.assert_array_equal(positions.choose(50, range(2, 4)), positions.choose(50, range(4))[2:])
    assert not np.array_equal(positions.choose(50, range(2)), Positions(5, seed=2).choose(50, range(2)))
