"""Constants that join what flows: formats hold them, and a step whose constant none can hold is refused."""

import numpy as np
import pytest
from common.networks import build, normal

from attar.graph import load
from attar.numerics.affine import affine
from attar.numerics.fixed_point import fixed_point
from attar.runtime.integer import Affine, FixedPoint, LeastSquares, MinMax, Percentile, calibrate, lower, run
from attar.runtime.integer.calibrate import observe
from attar.runtime.integer.held import holds, widened
from attar.runtime.integer.steps import Refusal


def bordered(value, *, between: str = "", opset: int = 17):
    """A Sigmoid whose plane is moved and then gets a border of `value`."""
    text = f"""net (float[n, 2, 3, 3] x) => (float[n, 2, 5, 5] y) {{
        s = Sigmoid (x)
        t = {between or "Identity (s)"}
        y = Pad (t, pads, value)
    }}"""
    pads = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    return load(build(text, {"pads": pads, "value": np.float32(value)}, opset=opset))


@pytest.mark.parametrize("scheme", [Affine(), FixedPoint()], ids=["affine", "fixed-point"])
@pytest.mark.parametrize("method", [MinMax(), Percentile(99.0), LeastSquares()])
@pytest.mark.parametrize("value", [-1.5, 3.25])
def test_a_border_beyond_what_was_seen_is_what_it_says(value, method, scheme):
    model, x = bordered(value, between="MaxPool <kernel_shape = [1, 1]> (s)"), {"x": normal(50, 2, 3, 3)}
    formats = calibrate(model, x, scheme, method=method)
    found = run(lower(model, formats, scheme), x).outputs["y"]
    step = formats["s"].scale
    assert np.abs(found[:, :, 0] - value).max() <= step / 2
    inner = np.abs(found[:, :, 1:-1, 1:-1] - 1 / (1 + np.exp(-x["x"])))
    assert inner.mean() <= step  # what a method leaves out of the range is clipped as ever


def test_a_border_of_an_old_pad_is_an_attribute():
    text = """net (float[n, 2, 3, 3] x) => (float[n, 2, 4, 3] y)
        { s = Sigmoid (x) y = Pad <pads = [0, 0, 1, 0, 0, 0, 0, 0], value = -2.5> (s) }"""
    model, x = load(build(text, opset=10)), {"x": normal(20, 2, 3, 3)}
    found = run(lower(model, calibrate(model, x, Affine()), Affine()), x).outputs["y"]
    np.testing.assert_allclose(found[:, :, 0], -2.5, atol=0.01)


def test_a_format_that_does_not_hold_the_border_is_refused_by_name():
    model = bordered(-1.5)
    formats = {"x": affine(-3, 3), "s": affine(0, 1)}
    with pytest.raises(Refusal, match=r"operator Pad 'y': its value -1.5 lies beyond 0..1"):
        lower(model, formats, Affine())


def test_an_infinite_border_is_refused():
    formats = {"x": affine(-3, 3), "s": affine(0, 1)}
    with pytest.raises(Refusal, match="operator Pad 'y': its value is -inf"):
        lower(bordered(-np.inf), formats, Affine())


def test_a_border_far_from_all_that_flows_stays_in_floats():
    x = {"x": normal(20, 2, 3, 3)}
    assert observe(bordered(-5.0), x).refused() == {}
    (reason,) = observe(bordered(-900.0), x).refused().values()
    assert reason.startswith("operator Pad 'y': its value -900 lies beyond 0.")


@pytest.mark.parametrize(
    ("form", "scheme"), [(affine(0, 1), Affine()), (fixed_point(8, 8, signed=False), FixedPoint())]
)
def test_widened_keeps_what_is_held_already(form, scheme):
    assert widened(form, [0.5], scheme) is form
    wide = widened(form, [-2.0, 5.0], scheme)
    assert holds(wide, -2.0) and holds(wide, 5.0) and wide.bits == 8
    assert not holds(form, -2.0)
