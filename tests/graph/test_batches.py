"""A batch that the graph fixes is told by the inputs, so that every command runs the network with it."""

import numpy as np
import pytest
from common.integer_files import engine_of, in_floats
from common.networks import build, normal

from attar.graph import load
from attar.runtime import Session


def reshaped(target, *, then="y = MatMul (r, w)", weights=None, out="float[n, 3] y"):
    text = f"net (float[n, 2, 3, 3] x) => ({out}) {{ a = Relu (x) r = Reshape (a, shape) {then} }}"
    return build(text, {"shape": np.array(target), "w": normal(18, 3) if weights is None else weights}, infers=False)


def batch_of(proto):
    return load(proto).graph.inputs[0].shape[0]


@pytest.mark.parametrize(("target", "batch"), [([1, 18], 1), ([5, 18], 5), ([1, -1], 1)])
def test_a_batch_that_a_reshape_fixes_is_found(target, batch):
    assert batch_of(reshaped(target)) == batch


@pytest.mark.parametrize("target", [[-1, 18], [0, 18], [0, -1]])
def test_a_free_batch_stays_free(target):
    assert not isinstance(batch_of(reshaped(target)), int)


def test_samples_that_are_put_side_by_side_and_apart_again_are_free():
    text = """net (float[n, 2, 3, 3] x) => (float[n, 18] y)
        { r = Reshape (x, shape) c = Relu (r) y = Reshape (c, back) }"""
    proto = build(text, {"shape": np.array([1, -1, 3, 3]), "back": np.array([-1, 18])})
    assert not isinstance(batch_of(proto), int)


@pytest.mark.parametrize("batch", [1, 4])
def test_answers_are_those_of_the_fixed_batch(batch):
    proto, x = reshaped([batch, 18]), normal(batch * 5 + batch // 2, 2, 3, 3)
    full = np.concatenate([x, np.repeat(x[-1:], -len(x) % batch, axis=0)])
    wanted = np.concatenate([in_floats(proto, {"x": part})["y"] for part in np.split(full, len(full) // batch)])
    (found,) = Session(load(proto)).run_all({"x": x})
    np.testing.assert_allclose(found, wanted[: len(x)], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(engine_of(proto, {"x": x})[0](x)["y"], wanted[: len(x)], atol=0.2)


@pytest.mark.parametrize("batch", ["n", "3"])
def test_parts_in_floats_run_with_the_fixed_batch_too(batch):
    text = f"""net (float[{batch}, 2, 3, 3] x) => (float[{batch}, 2] y) {{
        c = Conv (x, w) r = Reshape (c, shape)
        v, i = TopK <axis = 2> (r, k) y = ReduceSum <keepdims = 0> (v, axes) }}"""
    constants = {"w": normal(2, 2, 1, 1), "shape": np.array([3, 2, 9]), "k": np.array([4]), "axes": np.array([2])}
    proto, x = build(text, constants, infers=False), normal(7, 2, 3, 3)
    full = np.concatenate([x, x[-1:], x[-1:]])
    wanted = np.concatenate([in_floats(proto, {"x": part})["y"] for part in np.split(full, 3)])[:7]
    engine, network = engine_of(proto, {"x": x})
    assert {"v"} <= network.outside.keys()
    np.testing.assert_allclose(engine(x)["y"], wanted, atol=0.1)
