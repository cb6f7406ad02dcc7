"""A compressed graph's weights under a module's own names: put back into the original graph they answer as the file."""

import numpy as np
import onnx
import pytest
from common.networks import build, normal
from compression import nets
from onnx import numpy_helper

import attar
from attar.errors import ModelError
from attar.export import to_onnx
from attar.graph.parameters import parameters_of


def put_back(proto, values):
    """The original graph with other numbers under the same names."""
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    for tensor in model.graph.initializer:
        if tensor.name in values:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values[tensor.name]), tensor.name))
    return model


def loaded(result, state, eps=None):
    changed = {change.name: [row.name for row in change.now] for change in result.report.changes}
    return parameters_of(result.file.model(), state, eps=eps or {}, changed=changed)


def norm(prefix, channels, *, seed):
    return {
        f"{prefix}.weight": normal(channels, seed=seed) + 2,
        f"{prefix}.bias": normal(channels, seed=seed + 1),
        f"{prefix}.running_mean": normal(channels, seed=seed + 2),
        f"{prefix}.running_var": np.square(normal(channels, seed=seed + 3)) + 0.5,
    }


@pytest.mark.parametrize("has_bias", [False, True])
def test_a_norm_that_went_into_its_layer_becomes_the_identity(has_bias):
    state = {"c.weight": normal(7, 3, 3, 3), **norm("b", 7, seed=4)} | (
        {"c.bias": normal(7, seed=9)} if has_bias else {}
    )
    arguments = ", ".join(["x", "c.weight", *(["c.bias"] if has_bias else [])]).replace(".", "_")
    text = f"""net (float[n, 3, 5, 5] x) => (float[n, 7, 3, 3] y) {{
        h = Conv ({arguments}) y = BatchNormalization (h, b_weight, b_bias, b_running_mean, b_running_var) }}"""
    names = {name.replace(".", "_"): values for name, values in state.items()}
    x = normal(60, 3, 5, 5, seed=2)
    proto = renamed(build(text, names), dict(zip(names, state, strict=True)))
    result = attar.compress(proto, data=x)
    found = loaded(result, state, {"b": 1e-5})
    assert (found["b.running_mean"] == 0).all() and (found["b.running_var"] == 1).all()
    ours, file = (nets.run(net, x=x)[0] for net in (put_back(proto, found), to_onnx(result.file)))
    np.testing.assert_allclose(ours, file, atol=1e-4)
    assert np.abs(file - nets.run(proto, x=x)[0]).max() > 1e-3


def renamed(proto, names):
    for node in proto.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    for tensor in proto.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    return proto


def test_turned_weights_under_a_name_of_the_exporter_s():
    proto = build("net (float[n, 9] x) => (float[n, 6] y) { y = MatMul (x, val_3) }", {"val_3": normal(9, 6)})
    result = attar.compress(proto, data=normal(40, 9), recipe="int8")
    found = loaded(result, {"fc.weight": normal(9, 6).T.copy()})["fc.weight"]
    np.testing.assert_array_equal(found, result.file.tensor("val_3").T)


@pytest.mark.parametrize("turned", [False, True])
def test_two_matrices_load_as_their_product(turned):
    text = f"net (float[n, 24] x) => (float[n, 24] y) {{ y = Gemm <transB = {int(turned)}> (x, w) }}"
    weights = (normal(24, 2) @ normal(2, 24, seed=5)).astype(np.float32)
    proto, x = build(text, {"w": weights}), normal(40, 24, seed=7)
    result = attar.compress(proto, data=x, plan={"version": 1, "plan": {"w": [SVD]}})
    assert len(result.report.changes[0].now) == 2
    found = loaded(result, {"w": weights})
    ours, file = (nets.run(net, x=x)[0] for net in (put_back(proto, found), to_onnx(result.file)))
    np.testing.assert_allclose(ours, file, rtol=1e-3, atol=1e-3)


SVD = {"technique": "approximate.svd", "ratio": 0.5}


@pytest.mark.parametrize(("kind", "order"), [("LSTM", (0, 3, 1, 2)), ("GRU", (1, 0, 2))])
def test_gates_come_back_in_the_module_s_order(kind, order):
    gates, hidden = len(order), 5
    shapes = {"weight_ih_l0": (gates * hidden, 4), "weight_hh_l0": (gates * hidden, hidden)}
    shapes |= {"bias_ih_l0": (gates * hidden,), "bias_hh_l0": (gates * hidden,)}
    state = {f"r.{name}": normal(*shape, seed=n) for n, (name, shape) in enumerate(shapes.items())}

    def moved(values):
        return np.concatenate([np.split(values, gates)[gate] for gate in order])

    w, r, b, c = (moved(values) for values in state.values())
    text = f"""net (float[t, n, 4] x) => (float[t, 1, n, 5] y) {{ y = {kind} <hidden_size = 5> (x, w, r, b) }}"""
    proto = build(text, {"w": w[None], "r": r[None], "b": np.concatenate([b, c])[None]})
    result = attar.compress(proto, recipe="int8")
    found = loaded(result, state)
    np.testing.assert_array_equal(moved(found["r.weight_ih_l0"]), result.file.tensor("w")[0])
    np.testing.assert_array_equal(moved(found["r.weight_hh_l0"]), result.file.tensor("r")[0])
    np.testing.assert_array_equal(found["r.bias_hh_l0"], state["r.bias_hh_l0"])


def test_both_directions_of_a_recurrent_layer():
    names = [f"{part}_l0{way}" for way in ("", "_reverse") for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    shapes = 2 * [(20, 4), (20, 5), (20,), (20,)]
    state = {name: normal(*shape, seed=n) for n, (name, shape) in enumerate(zip(names, shapes, strict=True))}
    moved = {name: np.concatenate([np.split(v, 4)[gate] for gate in (0, 3, 1, 2)]) for name, v in state.items()}
    w, r = (np.stack([moved[f"weight_{part}_l0{way}"] for way in ("", "_reverse")]) for part in ("ih", "hh"))
    b = np.stack([np.concatenate([moved[f"bias_{part}_l0{way}"] for part in ("ih", "hh")]) for way in ("", "_reverse")])
    text = """net (float[t, n, 4] x) => (float[t, 2, n, 5] y) {
        y = LSTM <hidden_size = 5, direction = "bidirectional"> (x, w, r, b) }"""
    result = attar.compress(build(text, {"w": w, "r": r, "b": b}), recipe="int8")
    found = loaded(result, state)
    for name, values in state.items():
        assert np.abs(found[name] - values).max() < 0.03
    assert not np.array_equal(found["weight_hh_l0_reverse"], state["weight_hh_l0_reverse"])


def test_one_tensor_of_two_names():
    proto = build("net (float[n, 9] x) => (float[n, 9] y) { h = MatMul (x, w) y = MatMul (h, w) }", {"w": normal(9, 9)})
    result = attar.compress(proto, recipe="int8")
    found = loaded(result, {"a.weight": normal(9, 9).T, "b.weight": normal(9, 9).T})
    assert (found["a.weight"] == found["b.weight"]).all() and (found["a.weight"] == result.file.tensor("w").T).all()


def test_a_tensor_without_a_place_is_named():
    proto = build("net (float[n, 9] x) => (float[n, 6] y) { y = MatMul (x, w) }", {"w": normal(9, 6)})
    result = attar.compress(proto, recipe="int8")
    with pytest.raises(ModelError, match="'w' of the file is none of the module's parameters"):
        loaded(result, {"fc.weight": normal(6, 9, seed=3)})
