"""Damage per error: what one layer's rounding does to the output, for every unit of the error that rounding reports."""

import numpy as np
import pytest
from common.networks import build, normal
from onnx import numpy_helper

from attar.compression.budget import Budget
from attar.compression.gauge import MOST_ERROR, RUNS, damage_per_error
from attar.compression.judge import Judge
from attar.compression.walk import Walk
from attar.evaluate import Task, load_data
from attar.graph import load, survey
from attar.passes.settling import DAMPING, Problem
from attar.runtime import Session

from . import nets


def gauged(proto, name, inputs, *, budget=Budget(max_error=5), swaps=True):  # noqa: B008
    """Damage per error of a layer, as `damage_per_error` finds it; the judge and the layer's weights."""
    model = load(proto)
    layer = next(layer for layer in survey(model).layers if layer.name == name)
    names = (layer.name, *([layer.offset.name] if layer.offset else []))
    samples = load_data(inputs, Session(model).inputs, preprocessing=None, class_names=None)
    task = Task("classify", "", nets.CLASSES) if budget.needs_classes else Task("regress", "")
    judge = Judge(model, names, samples, budget=budget, task=task, metric=None, threads=1, swaps=swaps)
    weights = Walk(model, samples.inputs, threads=1).weights(layer)
    return damage_per_error(layer, weights, judge, judge.outputs), judge, weights


def linear(scale=1.0, *, bias=False):
    text = "y = Gemm (x, w, b)" if bias else "y = MatMul (x, w)"
    tensors = {"w": scale * normal(12, 6)} | ({"b": np.zeros(6, np.float32)} if bias else {})
    return build(f"l (float[n, 12] x) => (float[n, 6] y) {{ {text} }}", tensors)


X = normal(300, 12)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_of_a_linear_network_it_is_one_over_the_power_of_the_output(scale):
    """Its error is the output's, but for what damping adds."""
    found, judge, _ = gauged(linear(scale), "w", X)
    power = np.mean(np.sum(np.square(judge.original[0].astype(np.float64)), axis=1))
    assert 1 / power / (1 + 2 * DAMPING) < found < 1.02 / power


def test_a_layer_whose_output_counts_for_less_is_less_sensitive():
    text = """t (float[n, 12] x) => (float[n, 6] y) {
        a = MatMul (x, loud)  b = MatMul (x, quiet)  c = Mul (b, tenth)  y = Add (a, c)
    }"""
    tensors = {"loud": normal(12, 6), "quiet": normal(12, 6, seed=1), "tenth": np.array([0.1], np.float32)}
    loud, quiet = (gauged(build(text, tensors), name, X)[0] for name in ("loud", "quiet"))
    assert loud / quiet == pytest.approx(100, rel=0.3)


def test_a_layer_that_the_output_does_not_depend_on_counts_next_to_nothing():
    text = """d (float[n, 12] x) => (float[n, 6] y) {
        a = MatMul (x, live)  b = MatMul (x, dead)  c = Mul (b, zero)  y = Add (a, c)
    }"""
    tensors = {"live": normal(12, 6), "dead": normal(12, 6, seed=1), "zero": np.array([0.0], np.float32)}
    live, dead = (gauged(build(text, tensors), name, X)[0] for name in ("live", "dead"))
    assert 0 < dead < 1e-4 * live


def test_weights_of_zero_have_no_sensitivity():
    proto = linear()
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.zeros((12, 6), np.float32), "w"))
    assert gauged(proto, "w", X)[0] == 0.0


def test_it_foretells_the_damage_of_a_finer_step():
    """A classifier: divergence in nats goes with the squared error, a few steps further down too."""
    proto, x = nets.classifier(), nets.images(150)
    for name in ("conv_weight", "fc1_weight", "fc2_weight"):
        found, judge, weights = gauged(proto, name, x, budget=Budget(max_drop=1))
        values, error = Problem(weights).rounded(0.1 * float(weights.values.std()))
        damage = judge.damage(judge.outputs({name: values.astype(np.float32)}))
        assert 1 / 3 < found * error / damage < 3


def test_the_bias_makes_up_for_the_mean_while_it_is_measured():
    """All inputs alike: a layer with a bias then loses nothing at all."""
    same = np.repeat(X[:1], 50, axis=0)
    without, _, _ = gauged(linear(), "w", same)
    with_bias, _, _ = gauged(linear(bias=True), "w", same)
    assert with_bias < 1e-3 * without


@pytest.mark.parametrize("name", ["conv_weight", "fc1_weight", "fc2_weight"])
def test_few_runs_and_none_beyond_what_is_left_of_a_layer(monkeypatch, name):
    steps, rounded = [], Problem.rounded
    monkeypatch.setattr(Problem, "rounded", lambda problem, step: steps.append(step) or rounded(problem, step))
    _, judge, weights = gauged(nets.classifier(), name, nets.images(100), budget=Budget(max_drop=1))
    assert len(steps) == judge.evaluations <= RUNS
    assert max(steps) <= Problem(weights).step_for(MOST_ERROR) * (1 + 1e-6)


def test_a_network_that_is_not_swapped_in_its_session_gives_the_same():
    one, two = (gauged(nets.classifier(), "fc1_weight", nets.images(60), swaps=swaps)[0] for swaps in (True, False))
    assert one == pytest.approx(two, rel=1e-3)


def test_a_layer_that_cannot_be_seen_is_measured_too():
    text = "t (int64[n, 3] i) => (float[n, 3, 4] y) { h = Gather (table, i)  y = MatMul (h, w) }"
    proto = build(text, {"table": normal(50, 8), "w": normal(8, 4)})
    found, _, weights = gauged(proto, "table", {"i": np.random.default_rng(0).integers(0, 50, (40, 3))})
    assert weights.moments is None and 0 < found < np.inf
