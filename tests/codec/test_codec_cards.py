"""What the cards of entropy coders ask of a coder of weights (CABAC, ANS, NNCX), asked of whole tensors."""

import numpy as np
import pytest

from attar import codec


def _size(integers):
    """Bytes of float32 integers, seen as the quantized tensor that they are."""
    values = integers.astype(np.float32) + np.float32(0)  # no negative zeros, which no quantizer leaves behind
    encoded = codec.encode(values)
    found = codec.decode(encoded.coder, encoded.payload, dtype=values.dtype, shape=values.shape)
    assert np.array_equal(found, values)
    return encoded.size_bytes


def test_values_of_any_size_come_back():
    exponents = np.arange(-20, 21)
    values = np.sign(exponents) * (1 << np.abs(exponents))
    _size(np.concatenate([values, values - 1, np.arange(-15, 16)]))


def test_a_bernoulli_matrix_costs_its_entropy():
    ones = np.random.default_rng(0).random((1000, 1000)) < 0.1
    entropy_bits = -(0.1 * np.log2(0.1) + 0.9 * np.log2(0.9)) * ones.size
    assert 8 * _size(ones) <= 1.01 * entropy_bits


def test_zeros_cost_next_to_nothing():
    assert 8 * _size(np.zeros((1000, 1000))) < 0.0001 * 1e6
    nearly = np.zeros((1000, 1000))
    nearly[7, 3] = 1
    assert 8 * _size(nearly) < 0.02 * nearly.size


@pytest.mark.parametrize("axis", [0, 1])
def test_zero_rows_and_columns_cost_their_levels_alone(axis):
    rng = np.random.default_rng(1)
    dense = np.rint(rng.laplace(size=(400, 500)) * 2)
    sparse = np.insert(dense, np.sort(rng.integers(0, dense.shape[axis], 400)), 0, axis=axis)
    assert sparse.size > 1.7 * dense.size
    assert _size(sparse) - _size(dense) < 1.2 * sparse.shape[axis] / 8  # bits; which are zero is nearly one of them


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("scale", [0.3, 2.0])
def test_scales_of_rows_and_columns_pay(axis, scale):
    """At least 3 % below the order-0 entropy, levels and tables counted."""
    rng = np.random.default_rng(2)
    scales = np.exp(rng.normal(size=600) / 2)
    weights = rng.laplace(size=(600, 600)) * scale * np.expand_dims(scales, 1 - axis)
    integers = np.rint(weights)
    counts = np.unique(integers, return_counts=True)[1] / integers.size
    assert 8 * _size(integers) < -0.97 * (counts * np.log2(counts)).sum() * integers.size


@pytest.mark.parametrize("shape", [(50, 20, 5, 5), (96, 1, 3, 3), (300, 100), (4000,), (2, 3, 4, 5, 6)])
def test_a_tensor_without_structure_loses_nothing_to_levels(shape):
    integers = np.rint(np.random.default_rng(3).laplace(size=shape) * 1.5)
    counts = np.unique(integers, return_counts=True)[1] / integers.size
    entropy_bytes = -(counts * np.log2(counts)).sum() * integers.size / 8
    assert _size(integers) <= 1.005 * entropy_bytes + 48


def test_ten_numbers_cost_ten_numbers():
    bias = np.random.default_rng(4).normal(size=10).astype(np.float32)
    assert codec.encode(bias).size_bytes == bias.nbytes
    assert codec.encode(np.arange(-5, 5)).size_bytes <= 10
