"""Weights times columns is what the matrix product gives, on either side, for one matrix or a stack."""

import math

import numpy as np
import pytest
from common.networks import normal

from attar.numerics.matrix_columns import matrix_column_blocks
from attar.numerics.positions import Positions


def columns(*args, **options):
    return np.concatenate(list(matrix_column_blocks(*args, **options)), axis=1)


@pytest.mark.parametrize("shape", [(6, 4), (2, 6, 4), (2, 3, 6, 4), (4,)])
def test_one_matrix_on_the_right(shape):
    inputs, weights = normal(*shape), normal(4, 5)
    found = columns(inputs)
    assert found.shape == (1, math.prod(shape) // 4, 4)
    np.testing.assert_allclose(found[0] @ weights, (inputs @ weights).reshape(-1, 5), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 6), (2, 4, 6), (2, 3, 4, 6)])
def test_one_matrix_on_the_left(shape):
    inputs, weights = normal(*shape), normal(5, 4)
    product = np.swapaxes(weights @ inputs, -1, -2).reshape(-1, 5)
    np.testing.assert_allclose(columns(inputs, turned=True)[0] @ weights.T, product, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 6, 4), (3, 6, 4), (2, 1, 6, 4), (6, 4), (5, 2, 3, 6, 4)])
@pytest.mark.parametrize("stack", [(3,), (1, 3), (2, 3), (2, 1)])
def test_a_stack_of_matrices_sees_its_own_inputs(shape, stack):
    inputs, weights = normal(*shape), normal(*stack, 4, 5)
    found = columns(inputs, stack)
    product = inputs @ weights  # (*leading, 6, 5), where each matrix of the stack made the same share
    seen = np.einsum("gpi,gio->gpo", found, weights.reshape(-1, 4, 5))
    assert found.shape[0] == math.prod(stack) and seen.size == product.size
    np.testing.assert_allclose(np.sort(seen.ravel()), np.sort(product.ravel()), rtol=1e-4, atol=1e-5)


def test_rows_are_chosen_from_every_sample():
    inputs = normal(4, 9, 3)
    found = columns(inputs, (), Positions(5, seed=2)).reshape(4, 5, 3)
    for sample, places in enumerate(Positions(5, seed=2).choose(9, range(4))):
        np.testing.assert_array_equal(found[sample], inputs[sample, places])
    tail = columns(inputs[1:], (), Positions(5, seed=2), first=1)
    np.testing.assert_array_equal(tail.reshape(3, 5, 3), found[1:])


@pytest.mark.parametrize("block_bytes", [1, 200, 1 << 20])
def test_blocks_are_the_columns_piece_by_piece(block_bytes):
    inputs = normal(4, 3, 5, 6, dtype=np.float16)
    blocks = list(matrix_column_blocks(inputs, (3,), Positions(2), block_bytes=block_bytes))
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), columns(inputs, (3,), Positions(2)))
    assert all(block.dtype == np.float32 for block in blocks)


def test_rows_laid_out_flat_are_those_of_their_samples():
    inputs, positions = normal(4, 6, 3), Positions(2, seed=1)
    wanted = columns(inputs, (), positions)
    for shape in [(24, 3), (2, 12, 3), (4, 2, 3, 3)]:
        np.testing.assert_array_equal(columns(inputs.reshape(shape), (), positions, samples=4), wanted)
    assert columns(inputs, (), positions, samples=5).shape == (1, 8, 3)
