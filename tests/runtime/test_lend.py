"""A session with lent weights computes the same, from a model that is small because they are not in it."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run

from attar.graph import load, set_initializer
from attar.runtime import Session
from attar.runtime import lend as lend_module
from attar.runtime.lend import lend


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_lent_weights_compute_the_same(name, monkeypatch):
    monkeypatch.setattr(lend_module, "LENT_BYTES", 64)
    model = load(networks.NETWORKS[name]())
    feeds = random_feeds(model)
    found = Session(model, threads=1).run_exactly(feeds)
    for values, wanted in zip(found, run(model, feeds), strict=True):
        np.testing.assert_allclose(values, wanted, rtol=1e-5, atol=1e-5)


def test_large_weights_are_not_inside():
    model = load(build("b (float[n, 512] x) => (float[n, 600] y) { y = MatMul (x, w) }", {"w": normal(512, 600)}))
    set_initializer(model, "w", normal(512, 600))  # in memory of its own; what a file holds has to be read first
    data, lent = lend(model)
    assert len(data) < 1000 and list(lent) == ["w"]
    assert np.shares_memory(lent["w"], model.graph.initializers["w"].const_value.numpy())
    x = normal(3, 512)
    (y,) = Session(model).run({"x": x})
    np.testing.assert_allclose(y, x @ normal(512, 600), rtol=1e-3, atol=1e-3)


def test_weights_in_a_file_of_their_own_are_read(tmp_path):
    weights = {"w": normal(512, 600), "v": normal(600, 20)}
    proto = build("b (float[n, 512] x) => (float[n, 20] y) { h = MatMul (x, w)  y = MatMul (h, v) }", weights)
    onnx.save(proto, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    model = load(tmp_path / "m.onnx")
    assert not isinstance(model.graph.initializers["w"].const_value, ir.ExternalTensor)  # which could be closed
    x = normal(2, 512)
    (y,) = Session(model).run({"x": x})
    np.testing.assert_allclose(y, x @ weights["w"] @ weights["v"], rtol=1e-3, atol=1e-1)
