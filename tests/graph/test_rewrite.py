"""Edits are exact: the product of two factors where one matrix was, new values where old ones were."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run

from attar.errors import ModelError
from attar.graph import insert_low_rank, load, serialize, set_initializer

GEMMS = [
    "transB = 1",
    "transB = 0",
    "transB = 1, transA = 1",
    "transB = 0, transA = 1",
    "transB = 1, alpha = 0.5, beta = 2.0",
]


def gemm(attributes):
    shape = "float[8, 5]" if "transA" in attributes else "float[5, 8]"
    weights = normal(6, 8) if "transB = 1" in attributes else normal(8, 6)
    text = f"g ({shape} x) => (float[5, 6] y) {{ y = Gemm <{attributes}> (x, w, b) }}"
    return build(text, {"w": weights, "b": normal(6)})


def factors(weights, rank, *, transposed):
    """Return small inner and outer factors in the layer's own layout, and their product."""
    inner, outer = (
        normal(rank, weights.shape[1 if transposed else 0]),
        normal(weights.shape[0 if transposed else 1], rank),
    )
    return (inner, outer, outer @ inner) if transposed else (inner.T, outer.T, inner.T @ outer.T)


def assert_equals_product(proto, *, transposed):
    model, expected = load(proto), load(proto)
    weights = model.graph.initializers["w"].const_value.numpy()
    inner, outer, product = factors(weights, 3, transposed=transposed)
    insert_low_rank(model, "w", inner, outer)
    set_initializer(expected, "w", product)
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    assert "w" not in model.graph.initializers
    feeds = random_feeds(model)
    np.testing.assert_allclose(run(model, feeds)[0], run(expected, feeds)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("attributes", GEMMS)
def test_two_gemms_equal_the_product(attributes):
    assert_equals_product(gemm(attributes), transposed="transB = 1" in attributes)


@pytest.mark.parametrize("shape", ["n, 8", "n, 4, 8", "n, 2, 4, 8"])
def test_two_matmuls_equal_the_product(shape):
    proto = build(f"m (float[{shape}] x) => (float[{shape[:-1]} 6] y) {{ y = MatMul (x, w) }}", {"w": normal(8, 6)})
    assert_equals_product(proto, transposed=False)


def test_a_matrix_that_callers_could_override_is_no_input_any_more():
    proto = networks.listed_inputs()
    proto.ir_version = 8
    model = load(proto)
    insert_low_rank(model, "w", normal(2, 12), normal(16, 2))
    assert [value.name for value in model.graph.inputs] == ["x", "b"]
    run(model, {"x": normal(3, 12)})


def test_factors_keep_the_type_of_the_matrix():
    model = load(networks.half())
    insert_low_rank(model, "w", normal(2, 12), normal(16, 2))
    assert {value.dtype for value in model.graph.initializers.values()} == {ir.DataType.FLOAT16}
    assert np.isfinite(run(model, random_feeds(model))[0]).all()


@pytest.mark.parametrize(
    "name, builder", [("left", networks.matmul), ("twice", networks.shared), ("conv", networks.detector)]
)
def test_what_is_not_one_right_hand_matrix_is_refused(name, builder):
    model = load(builder())
    with pytest.raises(ModelError, match=f"layer '{name}': low rank needs one Gemm or MatMul"):
        insert_low_rank(model, name, normal(2, 8), normal(8, 2))


def test_new_values_keep_type_and_neighbors():
    model = load(networks.half())
    set_initializer(model, "w", np.full((16, 12), 0.1, np.float32))
    values = model.graph.initializers["w"].const_value.numpy()
    assert values.dtype == np.float16 and (values == np.float16(0.1)).all()


def test_new_values_leave_the_network_that_was_copied_alone():
    model = load(networks.mlp())
    before = serialize(model)
    set_initializer(model.clone(), "turned", np.zeros((16, 12), np.float32))
    assert serialize(model) == before


def test_values_of_another_shape_are_refused():
    with pytest.raises(ModelError, match=r"initializer 'turned' has shape \(16, 12\), not \(12, 16\)"):
        set_initializer(load(networks.mlp()), "turned", np.zeros((12, 16), np.float32))


def test_an_unknown_initializer_is_named():
    with pytest.raises(ModelError, match="no initializer 'gone' in the network"):
        set_initializer(load(networks.mlp()), "gone", np.zeros(3, np.float32))
