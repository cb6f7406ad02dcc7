"""Probed forms are those of the chain rule, and tell what errors of a layer's outputs cost."""

import numpy as np
import onnx_ir as ir
import pytest
from common.networks import NETWORKS, build, gemm, matmul, normal

from attar.compression import row_costs
from attar.compression.row_costs import affordable, row_form
from attar.evaluate.fidelity import divergence, probabilities, relative_error
from attar.graph import layer_macs, load, survey
from attar.runtime.tail import Tail

from . import nets

OUTPUTS = {"fc1.weight": "linear", "fc2.weight": "linear_1", "fc3.weight": "logits"}


@pytest.fixture(scope="module")
def lenet():
    return load(nets.FASHION / "lenet_300_100.onnx")


@pytest.fixture(scope="module")
def images():
    with np.load(nets.FASHION / "calibration.npz") as file:
        return {"image": ((file["x"][:96] / 255 - 0.286) / 0.353).astype(np.float32)}


def form_of(model: ir.Model, name: str, inputs, *, classifies=True, seed=0, **options) -> np.ndarray | None:
    layer = next(layer for layer in survey(model).layers if layer.name == name)
    return row_form(model, layer, inputs, classifies=classifies, threads=1, seed=seed, **options)


def weights(model: ir.Model, name: str) -> np.ndarray:
    return model.graph.initializers[name].const_value.numpy().astype(np.float64)


def with_ending(ending: str, batch: int | str = "n") -> ir.Model:
    text = f"""net (float[{batch}, 6] x) => (float[{batch}, 5] y) {{
        h = MatMul (x, w)  r = Tanh (h)  a = MatMul (r, v)  {ending}
    }}"""
    return load(build(text, {"w": normal(6, 8) / 2, "v": normal(8, 5), "b": normal(5)}))


X = {"x": normal(64, 6)}


def analytic(model: ir.Model, name: str, inputs) -> np.ndarray:
    """The chain rule through the rectifiers of LeNet-300-100."""
    w2, w3 = weights(model, "fc2.weight"), weights(model, "fc3.weight")
    first, second = (Tail(model, tensor, inputs).values > 0 for tensor in ("linear", "linear_1"))
    jacobian = np.broadcast_to(np.eye(10), (len(first), 10, 10))
    if name in ("fc1.weight", "fc2.weight"):
        jacobian = w3 * second[:, None, :]
    if name == "fc1.weight":
        jacobian = (jacobian @ w2) * first[:, None, :]
    return of_jacobian(jacobian, scores_of(model, inputs))


def of_jacobian(jacobian: np.ndarray, scores: np.ndarray) -> np.ndarray:
    p = probabilities(scores)
    fisher = np.stack([np.diag(row) - np.outer(row, row) for row in p])
    return np.mean(jacobian.swapaxes(1, 2) @ fisher @ jacobian, axis=0) / 2


def scores_of(model: ir.Model, inputs) -> np.ndarray:
    return Tail(model, "logits", inputs).values


def assert_near(found: np.ndarray, wanted: np.ndarray, share: float) -> None:
    assert found.shape == wanted.shape and found.dtype == np.float64
    assert np.linalg.norm(found - wanted) <= share * np.linalg.norm(wanted)


def assert_positive(form: np.ndarray) -> None:
    np.testing.assert_array_equal(form, form.T)
    values = np.linalg.eigvalsh(form)
    assert values[0] >= -1e-12 * values[-1]
    assert values[-1] > 0


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize(("step", "share"), [(row_costs.STEP, 0.2), (0.0002, 0.1)])
def test_probing_is_the_chain_rule_but_for_rectifiers_that_change_sides(lenet, images, name, step, share, monkeypatch):
    monkeypatch.setattr(row_costs, "STEP", step)
    form = form_of(lenet, name, images)
    assert_near(form, analytic(lenet, name, images), share if name != "fc3.weight" else 1e-5)
    assert_positive(form)


def test_probing_a_smooth_network_is_the_chain_rule():
    model = with_ending("y = Add (a, b)")
    hidden, scores = (Tail(model, tensor, X).values for tensor in ("r", "y"))
    jacobian = weights(model, "v").T * (1 - np.square(hidden))[:, None, :]
    assert_near(form_of(model, "w", X), of_jacobian(jacobian, scores), 0.01)


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_form_predicts_the_divergence(lenet, images, name):
    form, tail = form_of(lenet, name, images), Tail(lenet, OUTPUTS[name], images)
    rng, predicted, measured = np.random.default_rng(1), 0.0, 0.0
    for _ in range(40):  # a few samples that the network doubts make up most of the divergence
        mixing = rng.normal(size=form.shape) / np.sqrt(len(form))  # errors of the channels are correlated
        errors = 0.02 * tail.values.std() * rng.normal(size=tail.values.shape) @ mixing
        predicted += np.einsum("nr,rs,ns->n", errors, form, errors).mean()
        measured += divergence(scores_of(lenet, images), tail.outputs(tail.values + errors)[0])
    assert predicted == pytest.approx(measured, rel=0.2)


def test_a_seed_is_a_form(lenet, images):
    first, again, other = (form_of(lenet, "fc2.weight", images, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert_near(other, first, 0.2)


def test_parts_of_the_samples_add_up(lenet, images, monkeypatch):
    whole = form_of(lenet, "fc2.weight", images)
    monkeypatch.setattr(row_costs, "PROBE_BYTES", 8 * 10 * 100 * 40)  # 40 of 96 samples
    assert_near(form_of(lenet, "fc2.weight", images), whole, 0.05)
    monkeypatch.setattr(row_costs, "PROBE_BYTES", 8 * 10 * 100 - 1)
    assert form_of(lenet, "fc2.weight", images) is None


def test_no_more_samples_than_asked_for_count(lenet, images):
    few = {"image": images["image"][:10]}
    np.testing.assert_array_equal(form_of(lenet, "fc2.weight", images, samples=10), form_of(lenet, "fc2.weight", few))


@pytest.mark.parametrize("ending", ["y = Softmax (a)", "s = Add (b, a)  y = Softmax (s)"])
@pytest.mark.parametrize("name", ["w", "v"])
def test_probabilities_cost_what_their_scores_cost(ending, name):
    scores = with_ending("y = Add (a, b)" if "Add" in ending else "y = Identity (a)")
    assert_near(form_of(with_ending(ending), name, X), form_of(scores, name, X), 0.05)


def test_a_bias_behind_the_last_layer_changes_nothing_but_the_scores(monkeypatch):
    model = with_ending("y = Add (a, b)")
    exact = form_of(model, "v", X)
    np.testing.assert_allclose(exact, of_jacobian(np.eye(5)[None], Tail(model, "y", X).values), atol=1e-12)
    monkeypatch.setattr(row_costs, "_is_answer", lambda *_: False)
    assert_near(form_of(model, "v", X), exact, 1e-3)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_batch_makes_no_difference(batch):
    inputs = {"x": X["x"][:9]}
    wanted = form_of(with_ending("y = Add (a, b)"), "w", inputs)
    assert_near(form_of(with_ending("y = Add (a, b)", batch), "w", inputs), wanted, 1e-4)


def test_other_networks_pay_the_squared_error_of_all_outputs_over_their_power():
    model = load(
        build(
            """net (float[n, 6] x, float[n, 8] other) => (float[n, 5] y, int64[n, 1] best, float[n, 3] z) {
                h = MatMul (x, w)  s = Add (h, other)  y = MatMul (s, v)  z = MatMul (s, u)
                best = ArgMax <axis = 1> (y)
            }""",
            {"w": normal(6, 8), "v": normal(8, 5), "u": normal(8, 3)},
        )
    )
    inputs = X | {"other": normal(64, 8)}
    form = form_of(model, "w", inputs, classifies=False)
    behind = np.concatenate([weights(model, "v"), weights(model, "u")], axis=1)
    z = (X["x"] @ weights(model, "w") + inputs["other"]) @ behind
    np.testing.assert_allclose(form, behind @ behind.T / np.square(z).sum(axis=1).mean(), rtol=1e-3, atol=1e-5)


def test_a_single_output_tells_the_relative_error():
    model = load(nets.regressor())
    tail = Tail(model, "h", X)
    error = 0.03 * normal(64, 32)
    changed = tail.outputs(tail.values + error)
    form = form_of(model, "inner", X, classifies=False)
    measured = (relative_error(tail.outputs(tail.values), changed) / 100) ** 2
    assert np.einsum("nr,rs,ns->n", error, form, error).mean() == pytest.approx(measured, rel=0.5)  # 64 numbers


def test_positions_answer_for_themselves():
    """What is behind is linear: the form is the sum of the positions' own forms, whatever the signs, but for chance."""
    model = load(
        build(
            """net (float[n, 9, 6] x) => (float[n, 4] y) {
                c = MatMul (x, w)  f = Flatten (c)  y = MatMul (f, v)
            }""",
            {"w": normal(6, 3), "v": normal(27, 4) / 5},
        )
    )
    inputs = {"x": normal(2000, 9, 6)}
    jacobian = weights(model, "v").T.reshape(4, 9, 3)
    tail = Tail(model, "c", inputs)
    power = np.square(tail.outputs(tail.values)[0].astype(np.float64)).sum(axis=1).mean()
    wanted = np.einsum("kpc,kpd->cd", jacobian, jacobian) / power
    assert_near(form_of(model, "w", inputs, classifies=False, samples=2000), wanted, 0.1)


@pytest.mark.parametrize(
    ("builder", "name"),
    [
        (matmul, "of_heads"),
        (matmul, "left"),
        (nets.classifier, "conv_weight"),
        (NETWORKS["transposed_conv"], "up"),
        (NETWORKS["shared"], "twice"),
        (lambda: gemm(attributes=", alpha = 2.0"), "w"),
    ],
)
def test_layers_whose_outputs_are_no_channels_of_one_operator_have_none(builder, name):
    model = load(builder())
    layer = next(layer for layer in survey(model).layers if layer.name == name)
    assert form_of(model, name, {}) is None
    assert not affordable(model, layer, 1)


def test_outputs_that_never_change_or_are_not_finite_have_no_form():
    broken = load(
        build(
            "net (float[n, 6] x) => (float[n, 8] y) { h = MatMul (x, w)  z = Sub (h, h)  y = Div (z, z) }",
            {"w": normal(6, 8)},
        )
    )
    silent = load(
        build("net (float[n, 6] x) => (float[n, 8] y) { h = MatMul (x, w)  y = Sub (h, h) }", {"w": normal(6, 8)})
    )
    for model in (broken, silent):
        assert form_of(model, "w", X, classifies=False) is None


def test_what_can_be_afforded_is_known_before_anything_runs(lenet):
    for model in (lenet, load(nets.FASHION / "vgg_small.onnx")):
        macs = layer_macs(model)
        for layer in survey(model).layers:
            assert affordable(model, layer, 1000, macs=macs) == (layer.role == "matrix")
    large = load(
        build(
            """net (float[n, 500, 256] x) => (float[n, 500, 256] y) {
                h = MatMul (x, w)  r = Relu (h)  y = MatMul (r, v)
            }""",
            {"w": normal(256, 256), "v": normal(256, 256)},
        )
    )
    first = next(layer for layer in survey(large).layers if layer.name == "w")
    assert not affordable(large, first, 1000)
    assert affordable(large, first, 1)
