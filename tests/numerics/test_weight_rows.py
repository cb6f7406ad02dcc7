"""Rows of weights hold every weight once, an output to a row, and become the weights again."""

from dataclasses import replace

import numpy as np
import pytest
from common.networks import normal

from attar.numerics.weight_rows import WeightRows, convolution_rows, matrix_rows, plain_rows

LAYOUTS = [
    (convolution_rows((6, 2, 3, 3), 1), (1, 6, 18)),
    (convolution_rows((6, 2, 3), 3), (3, 2, 6)),
    (convolution_rows((6, 2, 3, 3), 3, transposed=True), (3, 2, 18)),
    (matrix_rows((4, 5), 1), (1, 5, 4)),
    (matrix_rows((4, 5), 0), (1, 4, 5)),
    (matrix_rows((2, 3, 4, 5), 3), (6, 5, 4)),
    (matrix_rows((2, 3, 4, 5), 2), (6, 4, 5)),
    (plain_rows((6, 2, 3), 0), (1, 6, 6)),
    (plain_rows((6, 2, 3), 1), (1, 2, 18)),
    (plain_rows((6, 2, 3), 2), (1, 3, 12)),
    (plain_rows((7,), 0), (1, 7, 1)),
]


@pytest.mark.parametrize("layout, shape", LAYOUTS)
def test_rows_become_the_weights_again(layout, shape):
    weights = normal(*layout.shape)
    rows = layout.rows(weights)
    assert rows.shape == shape
    np.testing.assert_array_equal(layout.weights(rows), weights)


@pytest.mark.parametrize("layout, shape", LAYOUTS)
def test_blocks_are_parts_of_rows_and_become_the_weights_again(layout, shape):
    groups, outputs, inputs = shape
    assert layout.inputs == inputs
    weights = normal(*layout.shape)
    whole = layout.rows(weights)
    for blocks in (count for count in range(1, inputs + 1) if inputs % count == 0):
        cut = replace(layout, blocks=blocks)
        rows = cut.rows(weights)
        assert cut.inputs == inputs and rows.shape == (groups * blocks, outputs, inputs // blocks)
        for group in range(groups):
            parts = rows[group * blocks : (group + 1) * blocks]
            np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole[group])
        np.testing.assert_array_equal(cut.weights(rows), weights)


@pytest.mark.parametrize("layout, shape", [*LAYOUTS, (matrix_rows((1, 4, 4), 2), (1, 4, 4))])
@pytest.mark.parametrize("size", [1, 10, 25, 1000])
def test_parts_of_the_outputs_are_layouts_of_their_own(layout, shape, size):
    weights = normal(*layout.shape)
    assert layout.as_shape == shape
    parts = list(layout.parts(size))
    rows = [part.rows(weights[place]) for place, part in parts]
    np.testing.assert_array_equal(np.concatenate(rows, axis=1), layout.rows(weights))
    again = np.empty_like(weights)
    for (place, part), some in zip(parts, rows, strict=True):
        again[place] = part.weights(some)
    np.testing.assert_array_equal(again, weights)
    if shape[0] == 1:
        assert max(some.size for some in rows) <= max(size, shape[2])


def test_inputs_that_do_not_divide_into_blocks_are_refused():
    with pytest.raises(ValueError):
        WeightRows((2, 5), (1, 2, 5), (0, 1, 2), blocks=2).rows(normal(2, 5))


def test_plain_rows_hold_an_index_of_the_channel_axis():
    weights = normal(6, 2, 3)
    for axis in range(3):
        rows = plain_rows(weights.shape, axis).rows(weights)[0]
        np.testing.assert_array_equal(rows[1], np.take(weights, 1, axis).ravel())


def test_a_row_is_one_output():
    weights = normal(6, 2, 3)
    np.testing.assert_array_equal(convolution_rows((6, 2, 3), 3).rows(weights)[1, 1], weights[3].ravel())
    transposed = convolution_rows((6, 2, 3), 3, transposed=True)
    np.testing.assert_array_equal(transposed.rows(weights)[1, 0], weights[2:4, 0].ravel())
