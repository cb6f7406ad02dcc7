"""Outputs of networks that run in integers keep names, order, number, kind and numbers."""

import numpy as np
import pytest
from common.integer_files import engine_of, in_floats, integer_file
from common.networks import build, normal

import attar
from attar import container
from attar.errors import FormatError
from attar.runtime.ends import End, finished, from_plain, to_plain

LAYERS = "h = Gemm (x, W, b) r = Relu (h) l = Gemm (r, V)"
WEIGHTS = {"W": normal(5, 7), "b": normal(7), "V": normal(7, 4), "half": np.float32(0.5)}


def heads(text: str, outputs: str, *, opset: int = 17):
    """Two layers, the nodes of `text` behind them, and these outputs."""
    used = {name: values for name, values in WEIGHTS.items() if name in (text if name == "half" else LAYERS)}
    return build(f"net (float[n, 5] x) => ({outputs}) {{ {LAYERS} {text} }}", used, opset=opset)


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        ("p = Softmax <axis = 1> (l)", "float[n, 4] p"),
        ("p = Softmax (l) q = LogSoftmax (l)", "float[n, 4] q, float[n, 4] l, float[n, 4] p"),
        ("u = Identity (l) v = Identity (l)", "float[n, 4] v, float[n, 4] u"),
        ("k = ArgMax <axis = 1, keepdims = 0> (l)", "int64[n] k, float[n, 4] l"),
        ("big = Greater (l, half)", "float[n, 4] l, bool[n, 4] big"),
        ("c = Identity (x)", "float[n, 5] c, float[n, 4] l"),
        ("s = Shape (x)", "int64[2] s, float[n, 4] l"),
        ("t = Mul (half, half)", "float t, float[n, 4] l"),
    ],
)
def test_outputs_are_those_of_the_network(text, outputs):
    proto, inputs = heads(text, outputs), {"x": normal(300, 5)}
    theirs, ours = in_floats(proto, inputs), engine_of(proto, inputs)[0](inputs)
    assert list(ours) == list(theirs)
    for name, values in theirs.items():
        assert (ours[name].shape, ours[name].dtype) == (values.shape, values.dtype)
        if values.dtype == np.float32:
            assert np.linalg.norm(ours[name] - values) <= 0.1 * np.linalg.norm(values)
        else:
            assert np.mean(ours[name] == values) > 0.9


def test_an_input_and_weights_that_are_outputs_stay_bit_for_bit():
    proto, x = heads("c = Identity (x)", "float[n, 5] c, float[n, 4] l"), normal(40, 5)
    proto.graph.output.append(proto.graph.input[0])
    proto.graph.output.add().CopyFrom(build("g (float[7, 4] V) => (float[7, 4] V) {}").graph.input[0])
    engine, network = engine_of(proto, {"x": x})
    theirs, ours = in_floats(proto, {"x": x}), engine(x)
    assert list(ours) == list(theirs) == ["c", "l", "x", "V"]
    for name in "cxV":
        np.testing.assert_array_equal(ours[name], theirs[name])
    assert "output 'V' is 'V' as it is" in network.outside["V"]


def test_an_old_softmax_at_the_end_runs_over_all_axes_behind_the_first():
    text = "net (float[n, 2, 3, 3] x) => (float[n, 2, 3, 3] p) { c = Conv (x, w) p = Softmax (c) }"
    proto, x = build(text, {"w": normal(2, 2, 1, 1)}, opset=11), {"x": normal(60, 2, 3, 3)}
    theirs, ours = in_floats(proto, x), engine_of(proto, x)[0](x)
    np.testing.assert_allclose(ours["p"].sum(axis=(1, 2, 3)), 1, rtol=1e-5)
    np.testing.assert_allclose(ours["p"], theirs["p"], atol=0.03)


def test_ends_travel_in_the_file():
    ends = [End("p", "l", "LogSoftmax", (1, 2)), End("l", "l")]
    assert list(from_plain(to_plain(ends))) == ends
    assert to_plain([End("l", "l")]) == []
    found = finished(ends, {"l": np.zeros((1, 2, 2), np.float32)})
    np.testing.assert_allclose(found["p"], np.log(0.25), rtol=1e-6)


def test_a_file_without_softmax_has_no_ends_and_one_with_has_them():
    protos = heads("", "float[n, 4] l"), heads("p = Softmax (l)", "float[n, 4] p")
    plain, shares = (container.open(integer_file(proto, {"x": normal(20, 5)})[0]).outputs for proto in protos)
    assert plain is None
    assert shares == [{"name": "p", "from": "l", "function": "Softmax", "axes": [1, 1]}]


@pytest.mark.parametrize(
    "outputs",
    [
        [{"name": "p", "from": "gone"}],
        [{"name": "p", "from": "l", "function": "Softmax", "axes": [1, 2]}],
    ],
)
def test_ends_of_another_program_are_refused(outputs):
    file = container.open(integer_file(heads("", "float[n, 4] l"), {"x": normal(20, 5)})[0])
    with pytest.raises(FormatError, match="output 'p': made of"):
        attar.Engine(file.with_programs(file.programs, outputs=outputs))


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        ["p"],
        [{"name": "p"}],
        [{"name": "p", "from": 3}],
        [{"name": "p", "from": "l", "axes": [1, 1]}],
        [{"name": "p", "from": "l", "function": "Relu", "axes": [1, 1]}],
        [{"name": "p", "from": "l", "function": "Softmax", "axes": [0, 1]}],
        [{"name": "p", "from": "l", "function": "Softmax", "axes": [2, 1]}],
        [{"name": "p", "from": "l", "function": "Softmax", "axes": [1, True]}],
        [{"name": "p", "from": "l"}, {"name": "p", "from": "l"}],
    ],
)
def test_malformed_ends_are_refused_by_both_readers(outputs):
    from attar.container import _meta, reference

    with pytest.raises(FormatError, match="meta: outputs is not a list"):
        _meta.check({"outputs": outputs})
    with pytest.raises(FormatError, match="outputs"):
        reference.check_meta({"outputs": outputs})
