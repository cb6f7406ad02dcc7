"""Dynamic fixed point as a technique: integers of so many bits times a power of two, the error within half a step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar.numerics.moments import InputStatistics
from attar.passes.quantize.fixed_point import FixedPoint, Point, apply, plan
from attar.passes.weights import Weights

SEEDS, BITS = st.integers(0, 1000), st.integers(2, 16)


def layer(seed, shape=(12, 20), scale=1.0):
    values = scale * np.random.default_rng(seed).standard_t(4, size=shape)
    return Weights(values.astype(np.float32), "Gemm", 0)


def treated(weights, **config):
    return apply(weights, plan(weights, FixedPoint(**config)))


@given(SEEDS, BITS, st.sampled_from([1e-6, 1.0, 1e6]))
def test_the_hint_gives_the_values_bit_for_bit_and_fits_the_bits(seed, bits, scale):
    done = treated(layer(seed, scale=scale), bits=bits)
    step = done.hint.scales[0]
    assert np.log2(float(step)) % 1 == 0
    assert (done.hint.integers.astype(np.float32) * step).tobytes() == done.values.tobytes()
    assert -(2 ** (bits - 1)) <= done.hint.integers.min() and done.hint.integers.max() < 2 ** (bits - 1)


@given(SEEDS, BITS)
def test_inside_of_the_range_the_error_is_at_most_half_a_step(seed, bits):
    weights = layer(seed)
    done = treated(weights, bits=bits)
    step = float(done.hint.scales[0])
    inside = np.abs(weights.values) < step * (2 ** (bits - 1) - 1)
    assert np.abs(done.values - weights.values)[inside].max(initial=0.0) <= step / 2


@given(SEEDS, BITS)
def test_what_lies_on_the_grid_stays(seed, bits):
    once = treated(layer(seed), bits=bits)
    fraction = -int(np.log2(float(once.hint.scales[0])))
    np.testing.assert_array_equal(treated(once, bits=bits, fraction=fraction).values, once.values)


@pytest.mark.parametrize(("largest", "fraction", "kept"), [(0.9, 7, 0.8984375), (1.0, 7, 127 / 128)])
def test_the_fraction_covers_the_largest_weight(largest, fraction, kept):
    """Card GE-2: il = ceil(log2 max + 1); a power of two itself saturates by a step."""
    weights = Weights(np.linspace(-largest, largest, 9, dtype=np.float32).reshape(3, 3), "Gemm", 0)
    assert plan(weights, FixedPoint(bits=8)) == Point(8, fraction)
    assert treated(weights, bits=8).values.max() == np.float32(kept)


def test_few_bits_clip_the_tail():
    weights = layer(3, (100, 100))
    step = float(treated(weights, bits=3).hint.scales[0])
    assert step * 3 < np.abs(weights.values).max()


def test_inputs_of_more_power_count_for_more():
    """An input that is nearly always zero may clip its one large weight."""
    values = np.full((1, 40), 0.2, np.float32)
    values[0, 0] = 0.9
    powers = np.ones(40)
    powers[0] = 1e-6
    weights = Weights(values, "Gemm", 0, statistics=InputStatistics(np.zeros((1, 40)), np.diag(powers)))
    blind = Weights(values, "Gemm", 0)
    assert plan(weights, FixedPoint(bits=4)).fraction > plan(blind, FixedPoint(bits=4)).fraction


def test_weights_of_zero_stay_zero():
    assert not treated(Weights(np.zeros((3, 4), np.float32), "Gemm", 0), bits=4).values.any()
