"""Rows of weights hold every weight once, an output to a row, and become the weights again."""

import numpy as np
import pytest
from common.networks import normal

from attar.numerics.weight_rows import convolution_rows, matrix_rows

LAYOUTS = [
    (convolution_rows((6, 2, 3, 3), 1), (1, 6, 18)),
    (convolution_rows((6, 2, 3), 3), (3, 2, 6)),
    (convolution_rows((6, 2, 3, 3), 3, transposed=True), (3, 2, 18)),
    (matrix_rows((4, 5), 1), (1, 5, 4)),
    (matrix_rows((4, 5), 0), (1, 4, 5)),
    (matrix_rows((2, 3, 4, 5), 3), (6, 5, 4)),
    (matrix_rows((2, 3, 4, 5), 2), (6, 4, 5)),
]


@pytest.mark.parametrize("layout, shape", LAYOUTS)
def test_rows_become_the_weights_again(layout, shape):
    weights = normal(*layout.shape)
    rows = layout.rows(weights)
    assert rows.shape == shape
    np.testing.assert_array_equal(layout.weights(rows), weights)


def test_a_row_is_one_output():
    weights = normal(6, 2, 3)
    np.testing.assert_array_equal(convolution_rows((6, 2, 3), 3).rows(weights)[1, 1], weights[3].ravel())
    transposed = convolution_rows((6, 2, 3), 3, transposed=True)
    np.testing.assert_array_equal(transposed.rows(weights)[1, 0], weights[2:4, 0].ravel())
