"""Factors of a Gemm go into its weights and its bias, wherever nobody else would notice."""

import numpy as np
import pytest
from common.networks import build, normal
from common.running import run

import attar
from attar.graph import load
from attar.graph.gemms import plain_gemms

ARRAYS = {"w": normal(5, 4), "v": normal(4, 4), "b": normal(4)}


def network(text, **arrays):
    head = "g (float[n, 5] x) => (float[n, 4] y)"
    used = {name: values for name, values in (ARRAYS | arrays).items() if f", {name}" in text or f"({name}," in text}
    return load(build(f"{head} {{ {text} }}", used))


def factors(model):
    gemms = [node for node in model.graph if node.op_type == "Gemm"]
    return [tuple(node.attributes.get_float(name, 1.0) for name in ("alpha", "beta")) for node in gemms]


TAKEN = {
    "both": network("y = Gemm <alpha = 1.5, beta = 0.25> (x, w, b)"),
    "a negative one": network("y = Gemm <alpha = -0.7> (x, w, b)"),
    "turned weights": network("y = Gemm <alpha = 3.0, transB = 1> (x, t)", t=normal(4, 5)),
    "no bias": network("y = Gemm <alpha = 3.0> (x, w)"),
    "no weight of the bias": network("y = Gemm <beta = 0.0> (x, w, b)"),
    "one number as bias": network("y = Gemm <beta = 2.0> (x, w, one)", one=np.float32(0.3)),
    "all readers alike": network(
        "h = Gemm <alpha = 0.5> (x, w) r = Gemm <alpha = 2.0> (h, v, b) y = Gemm <alpha = 2.0> (r, v, b)"
    ),
}
LEFT = {
    "readers that differ": network("h = Gemm (x, w) r = Gemm <alpha = 2.0> (h, v) y = Gemm (r, v)"),
    "another kind of reader": network("h = Gemm <alpha = 2.0> (x, w) i = MatMul (x, w) y = Add (h, i)"),
    "a bias that is computed": network("h = MatMul (x, w) y = Gemm <beta = 2.0> (x, w, h)"),
    "weights beyond their type": network("y = Gemm <alpha = 1e30> (x, w)", w=normal(5, 4) * np.float32(1e30)),
}


@pytest.mark.parametrize("name", TAKEN)
def test_constants_take_factors(name):
    model = TAKEN[name]
    plain = plain_gemms(model)
    assert set(factors(plain)) == {(1.0, 1.0)} != set(factors(model))
    x = {"x": normal(6, 5)}
    np.testing.assert_allclose(run(plain, x)[0], run(model, x)[0], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", LEFT)
def test_constants_that_cannot_take_them_stay(name):
    assert factors(plain_gemms(LEFT[name])) == factors(LEFT[name])


def test_weights_that_are_left_out_stay():
    model = network("y = Gemm <alpha = 1.5, beta = 0.5> (x, w, b)")
    assert factors(plain_gemms(model, into={"v"})) == [(1.5, 1.0)]


def test_a_file_in_integers_holds_such_weights_once():
    x = normal(64, 90)
    sizes = []
    for alpha in (1.0, -0.375):
        text = f"g (float[n, 90] x) => (float[n, 40] y) {{ y = Gemm <alpha = {alpha}, beta = 3.0> (x, w, b) }}"
        net = build(text, {"w": normal(90, 40), "b": normal(40)})
        result = attar.compress(net, data=x, recipe="int8", integer=True, max_error=50)
        found, wanted = attar.Engine(result.data)(x)["y"], run(load(net), {"x": x})[0]
        assert np.linalg.norm(found - wanted) < 0.05 * np.linalg.norm(wanted)
        sizes.append(result.size_bytes)
    assert sizes[1] < 1.02 * sizes[0]
