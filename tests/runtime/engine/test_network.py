"""What cannot run in integers stays in floats, by name and reason, and the rest of the network does not suffer."""

import numpy as np
import pytest
from common.integer_files import engine_of, in_floats
from common.networks import build, normal

import attar
from attar.runtime.engine import build as build_module
from attar.runtime.integer.lower import RULES

X = {"x": normal(40, 2, 5, 5)}


def after_conv(text, constants=None, *, shape="3, 5, 5", **more):
    """A 1x1 convolution to three channels, then `text`, which makes y."""
    constants = {"w": normal(3, 2, 1, 1), **(constants or {})}
    head = f"net (float[n, 2, 5, 5] x) => (float[n, {shape}] y)"
    return build(f"{head} {{ c = Conv (x, w) {text} }}", constants, opset=17, **more)


def assert_right(proto, inputs, *, within=0.05):
    """Hold what a file with programs answers against onnxruntime; return the reasons of what stays in floats."""
    engine, network = engine_of(proto, inputs)
    theirs, ours = in_floats(proto, inputs), engine(inputs)
    assert list(ours) == list(theirs)
    for name, values in theirs.items():
        assert ours[name].shape == values.shape
        finite = np.isfinite(values)
        assert np.array_equal(ours[name][~finite], values[~finite])
        assert np.linalg.norm((ours[name] - values)[finite]) <= within * np.linalg.norm(values[finite])
    return dict(network.outside)


def test_a_clip_with_crossed_limits_is_its_upper_one():
    proto = after_conv("y = Clip (c, low, high)", {"low": np.float32(0.75), "high": np.float32(-0.5)})
    assert assert_right(proto, X) == {}


def test_slopes_that_make_a_tensor_larger_stay_in_floats():
    text = "g = GlobalMaxPool (c) p = PRelu (g, slopes) f = Flatten (p) y = Relu (f)"
    proto = after_conv(text, {"slopes": np.array([0.3, 0.1, 0.9], np.float32)}, shape="9", infers=False)
    reasons = assert_right(proto, X)
    assert reasons["p"] == "operator PRelu 'p': a constant of shape (3,) does not fit into samples of shape (3, 1, 1)"


@pytest.mark.parametrize("value", [-np.inf, -3.0e38, -2500.0])
def test_masks_stay_in_floats(value):
    mask = np.where(normal(5, 5) > 0.8, value, 0).astype(np.float32)
    proto = after_conv("s = Add (c, mask) p = Softmax (s) y = Conv (p, v)", {"mask": mask, "v": normal(3, 3, 1, 1)})
    reasons = assert_right(proto, X)
    assert {"s", "p"} <= reasons.keys()
    assert {-np.inf: "not finite", -3.0e38: "too large", -2500.0: "too far apart"}[value] in reasons["s"]


def test_a_branch_that_is_always_zero_and_one_of_tiny_numbers():
    constants = {"none": np.zeros((3, 3, 1, 1), np.float32), "v": normal(3, 3, 1, 1) * np.float32(1e-30)}
    text = "z = Conv (c, none) r = Relu (z) t = Conv (c, v) s = Add (c, r) u = Add (s, t) y = Relu (u)"
    assert assert_right(after_conv(text, constants), X) == {}


def test_a_branch_without_channels_stays_in_floats():
    proto = after_conv("e = Conv (c, none) y = Concat <axis = 1> (c, e)", {"none": np.zeros((0, 3, 1, 1), np.float32)})
    reasons = assert_right(proto, X)
    assert "has no cells" in reasons["e"]


def test_an_operator_whose_lowering_fails_stays_in_floats(monkeypatch):
    def fails(site):
        raise ZeroDivisionError("of all things")

    monkeypatch.setitem(RULES, "MaxPool", fails)
    proto = after_conv("m = MaxPool <kernel_shape = [1, 1]> (c) y = Conv (m, v)", {"v": normal(3, 3, 1, 1)})
    reason = "operator MaxPool 'm': its lowering failed with ZeroDivisionError: of all things"
    assert assert_right(proto, X)["m"] == reason


def test_an_operator_that_the_engine_does_not_take_is_found(monkeypatch):
    real = build_module.section_of

    def section_of(program):
        if any(operator.output == "r" for operator in program.operators):
            raise OverflowError("too large for a byte")
        return real(program)

    monkeypatch.setattr(build_module, "section_of", section_of)
    proto = after_conv("s = Sigmoid (c) r = MaxPool <kernel_shape = [2, 2]> (s) y = Conv (r, v)", {
        "v": normal(3, 3, 1, 1)}, shape="3, 4, 4")  # fmt: skip
    result = attar.compress(proto, data=X, recipe="int8", integer=True, threads=1)
    assert result.report.integers.outside["r"].endswith("the engine does not take it: too large for a byte")
    assert result.measurement.relative_error < 30


def test_where_nothing_can_run_in_integers_the_file_stays_in_floats():
    text = "net (float[n, 2, 4] x) => (float[n, 2, 3] y) { c = CumSum (x, one) y = MatMul (c, w) }"
    proto = build(text, {"one": np.array(1), "w": normal(1, 4, 3)})
    result = attar.compress(proto, data={"x": normal(20, 2, 4)}, recipe="int8", integer=True)
    assert result.report.integers.operators == 0 and not result.file.programs
    assert "its weights have 3 axes; two are known" in result.report.integers.outside["y"]


def test_token_ids_look_up_rows_in_floats():
    proto = build("net (int64[n, 6] ids) => (float[n, 6, 2] y) { e = Gather (table, ids) y = MatMul (e, w) }", {
        "table": normal(11, 4), "w": normal(4, 2)})  # fmt: skip
    ids = {"ids": np.random.default_rng(0).integers(0, 11, (30, 6))}
    assert assert_right(proto, ids).keys() == {"e"}
