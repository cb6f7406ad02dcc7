"""Uniform quantization as a technique: every weight on the grid that the hint describes, per tensor or per channel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar.numerics.channels import PerChannel, PerTensor
from attar.passes.quantize.uniform import Uniform, apply, plan
from attar.passes.weights import Weights

CONFIGS = st.builds(Uniform, bits=st.integers(2, 8), granularity=st.sampled_from([PerTensor(), PerChannel()]))
SHAPES = st.lists(st.integers(1, 5), min_size=2, max_size=4).map(tuple)


def layer(seed, shape, axis):
    rng = np.random.default_rng(seed)
    spread = np.expand_dims(rng.lognormal(sigma=2, size=shape[axis]), [i for i in range(len(shape)) if i != axis])
    return Weights((rng.normal(size=shape) * spread).astype(np.float32), "Conv", axis)


def quantized(weights, config):
    return apply(weights, plan(weights, config))


@given(st.integers(0, 1000), SHAPES, CONFIGS, st.data())
def test_the_hint_gives_the_values_bit_for_bit(seed, shape, config, data):
    axis = data.draw(st.integers(0, len(shape) - 1))
    done = quantized(layer(seed, shape, axis), config)
    scales = done.hint.scales
    if done.hint.axis is not None:
        assert done.hint.axis == axis
        scales = np.expand_dims(scales, [i for i in range(len(shape)) if i != axis])
    assert (done.hint.integers.astype(np.float32) * scales).tobytes() == done.values.tobytes()
    assert np.abs(done.hint.integers).max() <= 2 ** (config.bits - 1) - 1


@given(st.integers(0, 1000), SHAPES, CONFIGS)
def test_zeros_stay_zeros(seed, shape, config):
    weights = layer(seed, shape, 0)
    weights.values.flat[::2] = 0
    assert not quantized(weights, config).values.flat[::2].any()


@given(st.integers(0, 1000), st.sampled_from([3, 4, 6, 8]))
def test_quantizing_twice_is_quantizing_once(seed, bits):
    once = quantized(layer(seed, (4, 30), 0), Uniform(bits=bits))
    if (
        np.abs(once.hint.integers).max() == 2 ** (bits - 1) - 1
    ):  # an unused outermost level leaves room for another step
        np.testing.assert_array_equal(quantized(once, Uniform(bits=bits)).values, once.values)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("granularity", [PerTensor(), PerChannel()])
def test_a_bit_more_loses_less(bits, granularity):
    weights = layer(1, (8, 50), 0)
    errors = [
        np.sum((quantized(weights, Uniform(b, granularity)).values - weights.values) ** 2) for b in (bits, bits + 1)
    ]
    assert errors[1] < errors[0]


@given(st.integers(0, 1000), st.integers(2, 8), st.sampled_from([0, 1]))
def test_steps_for_channels_lose_no_more_than_one_for_all(seed, bits, axis):
    weights = layer(seed, (6, 40), axis)
    errors = [
        np.sum((quantized(weights, Uniform(bits, g)).values.astype(np.float64) - weights.values) ** 2)
        for g in (PerChannel(), PerTensor())
    ]
    assert errors[0] <= errors[1] * (1 + 1e-5)
