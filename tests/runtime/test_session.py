"""A session runs any number of samples through any network, and swaps weights without a trace."""

import numpy as np
import onnx_ir as ir
import pytest
from common import networks
from common.networks import build, normal
from common.running import run

from attar.errors import DataError, ModelError
from attar.graph import load
from attar.runtime import Session
from attar.runtime import batch as batch_module


def doubling(batch, dtype="float"):
    return load(build(f"d ({dtype}[{batch}, 3] x) => ({dtype}[{batch}, 3] y) {{ y = Add (x, x) }}"))


@pytest.mark.parametrize("batch", ["n", 1, 4])
@pytest.mark.parametrize("samples", [1, 3, 4, 9])
def test_any_number_of_samples_goes_through_any_batch(batch, samples):
    x = normal(samples, 3)
    (y,) = Session(doubling(batch)).run_all({"x": x})
    np.testing.assert_array_equal(y, 2 * x)


@pytest.mark.parametrize("batch", ["n", 4])
def test_an_output_that_no_input_reaches_is_there_once(batch, monkeypatch):
    monkeypatch.setattr(batch_module, "BATCH", 4)
    text = f"""c (float[{batch}, 3] x) => (float[{batch}, 3] y, float[7] w, float[7] z, float s) {{
        y = Neg (x)  z = Neg (w)
    }}"""
    x, w, s = normal(9, 3), normal(7), np.float32(0.3)
    for found, wanted in zip(
        Session(load(build(text, {"w": w, "s": s}))).run_all({"x": x}), (-x, w, -w, s), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
        assert found.shape == wanted.shape


def test_a_free_batch_is_cut_into_runs(monkeypatch):
    monkeypatch.setattr(batch_module, "BATCH", 4)
    x = normal(10, 3)
    batches = list(Session(doubling("n")).batches({"x": x}))
    assert [len(y) for (y,) in batches] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([y for (y,) in batches]), 2 * x)


@pytest.mark.parametrize("batch, expected", [("n", None), (1, 1), (4, 4)])
def test_the_fixed_batch_is_known(batch, expected):
    assert Session(doubling(batch)).fixed_batch == expected


def test_a_short_last_batch_is_filled_and_cut_without_a_trace():
    model = load(networks.detector())
    one = build("m (float[4, 3] x) => (float[4, 3] y) { y = MatMul (x, w) }", {"w": normal(3, 3)})
    x = normal(6, 3)
    np.testing.assert_allclose(Session(load(one)).run_all({"x": x})[0], x @ normal(3, 3), rtol=1e-5, atol=1e-6)
    assert Session(model).run_all({"x": normal(1, 3, 8, 8)})[0].shape == (16, 5)


def test_several_inputs_and_outputs_keep_their_names_and_order():
    model = load(
        build(
            """two (float[n, 3] a, int64[n] b) => (float[n, 3] twice, int64[n] next, bool[n] odd) <int64[n] half> {
                twice = Add (a, a)
                next = Add (b, one)
                half = Mod (b, two)
                odd = Cast <to = 9> (half)
            }""",
            {"one": np.array([1]), "two": np.array([2])},
        )
    )
    session = Session(model)
    assert session.inputs == {"a": ((None, 3), np.dtype(np.float32)), "b": ((None,), np.dtype(np.int64))}
    assert session.outputs == ("twice", "next", "odd")
    a, b = normal(5, 3), np.arange(5)
    twice, following, odd = session.run_all({"b": b, "a": a})
    np.testing.assert_array_equal(twice, 2 * a)
    np.testing.assert_array_equal(following, b + 1)
    np.testing.assert_array_equal(odd, b % 2 == 1)


@pytest.mark.parametrize(
    "dtype, numpy_type",
    [("float", np.float32), ("double", np.float64), ("float16", np.float16), ("int32", np.int32), ("int64", np.int64)],
)
def test_types_are_told_and_kept(dtype, numpy_type):
    session = Session(doubling("n", dtype))
    assert session.inputs["x"][1] == numpy_type
    (y,) = session.run_all({"x": np.ones((2, 3), numpy_type)})
    assert y.dtype == numpy_type and (y == 2).all()


@pytest.mark.parametrize("dtype, numpy_type", [("bool", np.bool_), ("uint8", np.uint8), ("string", object)])
def test_other_types_are_told_too(dtype, numpy_type):
    model = load(build(f"i ({dtype}[n] x) => ({dtype}[n] y) {{ y = Identity (x) }}"))
    assert Session(model).inputs["x"] == ((None,), np.dtype(numpy_type))


@pytest.mark.parametrize("builder", [networks.mlp, networks.conv_net, networks.listed_inputs])
def test_swapped_weights_count_for_one_run_alone(builder):
    model = load(builder())
    names = tuple(list(model.graph.initializers)[:2])
    session, plain = Session(model, swappable=names), Session(model)
    assert session.inputs == plain.inputs
    shapes = {name: [e or 5 for e in shape] for name, (shape, _) in session.inputs.items()}
    feeds = {name: normal(*shape) for name, shape in shapes.items()}
    weights = {names[0]: 2 * model.graph.initializers[names[0]].const_value.numpy()}
    changed = model.clone()
    changed.graph.initializers[names[0]].const_value = ir.tensor(weights[names[0]])
    (before,), (swapped,), (after,) = (session.run_all(feeds, weights=w) for w in (None, weights, {}))
    np.testing.assert_array_equal(before, after)
    np.testing.assert_allclose(before, plain.run_all(feeds)[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(swapped, run(changed, feeds)[0], rtol=1e-4, atol=1e-4)
    assert not np.allclose(before, swapped)


def test_swappable_weights_leave_the_given_network_alone():
    model = load(networks.mlp())
    Session(model, swappable=("turned",))
    assert [value.name for value in model.graph.inputs] == ["x"]


def test_any_number_of_threads_gives_the_same_numbers():
    model = load(networks.conv_net())
    x = normal(20, 3, 8, 8)
    one, two = (Session(model, threads=threads).run_all({"x": x})[0] for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_a_network_that_cannot_run_is_a_model_error():
    model = doubling("n")
    model.graph[0].domain = "com.example"
    model.opset_imports["com.example"] = 1
    with pytest.raises(ModelError, match=r"onnxruntime cannot run the network: .+"):
        Session(model)


@pytest.mark.parametrize(
    "feeds",
    [
        {"x": np.ones((2, 4), np.float32)},
        {"x": np.ones((2, 3), np.float64)},
        {"z": np.ones((2, 3), np.float32)},
        {"x": np.ones(3, np.float32)},
    ],
    ids=["width", "type", "name", "rank"],
)
def test_inputs_that_do_not_fit_are_a_data_error(feeds):
    with pytest.raises(DataError, match=r"onnxruntime refuses the inputs: .+"):
        Session(doubling("n")).run_all(feeds)


@pytest.mark.parametrize("feeds", [{}, {"x": np.zeros((0, 3), np.float32)}], ids=["nothing", "empty"])
def test_no_samples_are_a_data_error(feeds):
    with pytest.raises(DataError, match="the same number of samples, one at least"):
        Session(doubling("n")).run_all(feeds)


@pytest.mark.parametrize("batch", ["n", 1])
def test_inputs_with_unequal_numbers_of_samples_are_a_data_error(batch):
    both = build(f"b (float[{batch}, 2] a, float[{batch}, 2] b) => (float[{batch}, 2] y) {{ y = Add (a, b) }}")
    with pytest.raises(DataError, match=r"the same number of samples.*'a': 3, 'b': 5"):
        Session(load(both)).run_all({"a": normal(3, 2), "b": normal(5, 2)})


def test_outputs_that_change_their_shape_from_batch_to_batch_are_a_data_error(monkeypatch):
    monkeypatch.setattr(batch_module, "BATCH", 2)
    gram = load(build("g (float[n, 3] x) => (float[n, n] y) { t = Transpose (x)  y = MatMul (x, t) }"))
    with pytest.raises(DataError, match="an output changes its shape from batch to batch"):
        Session(gram).run_all({"x": normal(3, 3)})
