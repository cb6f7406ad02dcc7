"""Outputs of many batches: rows of samples join, constants stay, rows that depend on the data speak of one run."""

import numpy as np
import pytest
from common.networks import build

from attar.graph import load
from attar.runtime import Session
from attar.runtime.rows import Rows

X = (np.arange(600, dtype=np.float32) % 3)[:, None]  # more than a batch


def session(text, outputs, *, batch="n"):
    return Session(load(build(f"net (float[{batch}, 1] x) => ({outputs}) {{ {text} }}", {"w": np.ones((5, 2))})))


def test_constant_outputs_are_handed_out_once():
    found = session("y = Relu (x) c = Identity (w)", "float[n, 1] y, double[5, 2] c").run_all({"x": X})
    assert [values.shape for values in found] == [(600, 1), (5, 2)]


@pytest.mark.parametrize("batch", ["n", "4"])
def test_a_constant_is_not_cut_with_a_batch_that_is_filled(batch):
    made = session("y = Relu (x) c = Identity (w)", f"float[{batch}, 1] y, double[5, 2] c", batch=batch)
    assert [values.shape for values in made.run_all({"x": X[:7]})] == [(7, 1), (5, 2)]


def test_places_count_through_all_samples():
    (found,) = session("y = NonZero (x)", "int64[2, k] y").run_all({"x": X})
    np.testing.assert_array_equal(found, np.nonzero(X))


def test_a_shape_tells_all_samples():
    (found,) = session("y = Shape (x)", "int64[2] y").run_all({"x": X})
    assert found.tolist() == [600, 1]


def test_rows_of_a_fixed_batch_follow_each_other():
    (found,) = session("a = Squeeze (x) y = NonZero (a)", "int64[1, k] y", batch="600").run_all({"x": X})
    assert found.shape == (1, 400)


def test_rows_are_told_from_constants():
    graph = load(
        build("g (float[n, 1] x) => (float[n, 1] y, float[1] w) { y = Relu (x) }", {"w": np.ones(1, "f")})
    ).graph
    rows = Rows(graph)
    batches = [[np.zeros((2, 1)), np.ones(1)]] * 2
    assert rows.are_samples(batches[0], 2) and not rows.are_samples(batches[0], 3)
    assert [values.shape for values in rows.joined(batches)] == [(4, 1), (1,)]
    assert [values.shape for values in rows.first(batches[0], 1)] == [(1, 1), (1,)]
