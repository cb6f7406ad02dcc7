"""Calibration: ranges streamed in batches, formats that cover what a method says, non-negative tensors unsigned."""

import numpy as np
import pytest
from common.networks import normal

from attar.errors import DataError, RecipeError
from attar.graph import load
from attar.numerics.affine import affine
from attar.numerics.fixed_point import fixed_point, squared_error
from attar.runtime import batch as batch_module
from attar.runtime.integer import (
    Affine,
    DropSign,
    FixedPoint,
    KeepSign,
    LeastSquares,
    MinMax,
    Percentile,
    Ristretto,
    calibrate,
)
from attar.runtime.integer.ranges import Range, find_histograms, find_ranges

from .beside_float import one


def relu(values, scheme, method):
    """The formats of x and of relu(x)."""
    formats = calibrate(load(one("y = Relu (x)", "1", "1")), {"x": values.reshape(-1, 1)}, scheme, method=method)
    return formats["x"], formats["y"]


VALUES = np.float32([*np.linspace(-0.9, 0.7, 9999), 3.0])


def test_min_max_covers_everything():
    assert relu(VALUES, FixedPoint(), MinMax()) == (fixed_point(8, 5), fixed_point(8, 6, signed=False))
    assert relu(VALUES, Affine(), MinMax()) == (affine(VALUES.min(), 3.0), affine(0, 3.0))


def test_a_sign_bit_that_is_kept_costs_a_bit():
    assert relu(VALUES, FixedPoint(non_negative=KeepSign()), MinMax())[1] == fixed_point(8, 5)
    assert relu(VALUES, FixedPoint(non_negative=DropSign()), MinMax())[1] == fixed_point(8, 6, signed=False)


def test_a_percentile_leaves_the_outermost_out():
    assert relu(VALUES, FixedPoint(), Percentile(99.9))[0] == fixed_point(8, 7)
    form = relu(VALUES, Affine(), Percentile(99.9))[0]
    assert abs(form.scale * 255 - 1.6) < 0.01
    assert relu(VALUES, Affine(), Percentile(100))[0].scale == pytest.approx(3.9 / 255, rel=1e-3)


def test_ristretto_uses_an_integer_bit_less():
    assert relu(VALUES, FixedPoint(), Ristretto())[0] == fixed_point(8, 6)
    with pytest.raises(RecipeError, match="fixed point"):
        relu(VALUES, Affine(), Ristretto())


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_least_squares_is_no_worse_than_covering_everything(bits):
    values = np.random.default_rng(bits).laplace(size=4000).astype(np.float32)
    for scheme in (FixedPoint(bits), Affine(bits)):
        fitted, covering = (relu(values, scheme, method)[0] for method in (LeastSquares(), MinMax()))
        assert squared_error(values, fitted) <= squared_error(values, covering) * 1.01
    assert squared_error(values, relu(values, Affine(3), LeastSquares())[0]) < 0.8 * squared_error(
        values, relu(values, Affine(3), MinMax())[0]
    )


def test_widths_by_tensor():
    formats = relu(VALUES, FixedPoint({"y": 5}), MinMax())
    assert [form.bits for form in formats] == [8, 5]
    with pytest.raises(RecipeError, match="'y': 17 bits are outside 2 to 16"):
        relu(VALUES, Affine({"y": 17}), MinMax())


@pytest.mark.parametrize("method", [MinMax(), Percentile(), LeastSquares()])
def test_batches_make_no_difference(method, monkeypatch):
    whole = relu(VALUES, Affine(), method)
    monkeypatch.setattr(batch_module, "BATCH", 77)
    assert relu(VALUES, Affine(), method) == whole


def test_only_tensors_that_remain_get_a_format():
    text = "h = MatMul (x, w)  r = Relu (h)  p = Reshape (r, to)  s = Sigmoid (p)  y = Identity (s)"
    model = load(one(text, "6", "2, 2", {"w": normal(6, 4), "to": np.array([-1, 2, 2])}))
    assert list(calibrate(model, {"x": normal(8, 6)}, FixedPoint())) == ["x", "r", "y"]


def test_values_that_are_not_finite_are_named():
    with pytest.raises(DataError, match="'x' takes values that are not finite"):
        relu(np.float32([1, np.inf]), FixedPoint(), MinMax())


def test_a_histogram_keeps_every_value_and_the_mean():
    values = np.random.default_rng(0).normal(size=(3, 1000)).astype(np.float32)
    batches = [{"t": part} for part in values]
    ranges, shapes = find_ranges(iter(batches))
    assert shapes == {"t": ()}
    assert ranges == {"t": Range(float(values.min()), float(values.max()))}
    histogram = find_histograms(iter(batches), ranges)["t"]
    assert histogram.counts.sum() == 3000
    assert (histogram.points @ histogram.counts) / 3000 == pytest.approx(values.mean(dtype=np.float64), abs=1e-9)


def test_a_tensor_of_one_value_has_a_histogram_too():
    histogram = find_histograms(iter([{"t": np.full(9, 2.5)}]), {"t": Range(2.5, 2.5)})["t"]
    assert histogram.points.tolist() == [2.5] and histogram.within(99.99) == Range(2.5, 2.5)
