"""QDQ models are loaded in onnxruntime before they are kept: old opsets, listed initializers, several heads."""

import numpy as np
import onnxruntime as ort
import pytest
from common.integer_files import integer_file
from common.networks import build, normal

from attar import Engine, container
from attar.errors import ModelError
from attar.export import to_qdq_onnx

X = {"x": normal(30, 2, 4, 4)}
WEIGHTS = {"w": normal(3, 2, 1, 1)}


def exported(text, outputs, *, opset=17, constants=None, listed=False):
    """Return what the QDQ model and the engine answer."""
    proto = build(f"net (float[n, 2, 4, 4] x) => ({outputs}) {{ c = Conv (x, w) {text} }}", {
        **WEIGHTS, **(constants or {})}, opset=opset)  # fmt: skip
    if listed:
        proto.graph.input.add().CopyFrom(build("g (float[3, 2, 1, 1] w) => (float[3, 2, 1, 1] w) {}").graph.input[0])
    data, _ = integer_file(proto, X)
    session = ort.InferenceSession(to_qdq_onnx(container.open(data)))
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(None, X), strict=True)), Engine(data)(X), session


def test_an_old_softmax_over_several_axes_is_exported():
    found, ours, _ = exported("s = Softmax (c) y = Mul (s, c)", "float[n, 3, 4, 4] y", opset=11)
    assert np.abs(found["y"] - ours["y"]).max() <= 0.02 * np.abs(ours["y"]).max()


def test_initializers_that_are_listed_as_inputs_are_none_any_more():
    found, ours, session = exported("y = Relu (c)", "float[n, 3, 4, 4] y", opset=13, listed=True)
    assert [each.name for each in session.get_inputs()] == ["x"]
    np.testing.assert_allclose(found["y"], ours["y"], atol=1e-6)


def test_heads_of_the_same_logits_are_all_there():
    text, shape = "p = Softmax <axis = 1> (c) q = LogSoftmax <axis = 1> (c)", "float[n, 3, 4, 4]"
    found, ours, _ = exported(text, f"{shape} q, {shape} c, {shape} p")
    assert list(found) == list(ours) == ["q", "c", "p"]
    for name, values in ours.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5)


def test_what_onnxruntime_refuses_is_refused_in_one_line():
    text = "y = AveragePool <kernel_shape = [2, 2], dilations = [2, 2]> (c)"
    with pytest.raises(ModelError, match="no QDQ model that onnxruntime takes: onnxruntime cannot run the network"):
        exported(text, "float[n, 3, 2, 2] y", opset=19)
