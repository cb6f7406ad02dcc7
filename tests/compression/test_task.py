"""What a network is taken for settles its budget, what is searched with, and the first line of the report."""

import numpy as np
import pytest
from common.networks import build, normal

import attar
from attar.evaluate.fidelity import unexplained
from attar.export import to_onnx

from . import nets


def numbers(*, ending="y = Add (u, shift)"):
    """(batch, 7) to four numbers of far different means: the largest is always the same, whatever they are."""
    text = f"""net (float[batch, 7] x) => (float[batch, 4] y) {{
        h = MatMul (x, inner) t = Tanh (h) u = MatMul (t, outer) {ending} }}"""
    shift = np.array([9, 0, -4, 1], np.float32)
    return build(text, {"inner": normal(7, 48) / 3, "outer": normal(48, 4) / 7, "shift": shift})


X = normal(320, 7)


def test_numbers_without_labels_are_judged_by_their_error():
    """Taken for a classifier, this network would lose nothing however coarse it became."""
    result = attar.compress(numbers(), data=X, recipe=nets.BITS)
    assert result.report.budget == {"max_error": 5.0, "max_drop": 1.0} and result.report.budget_is_default
    assert result.task.kind == "regress" and result.measurement.agreement is None
    before, after = (nets.run(net, x=X)[0] for net in (numbers(), to_onnx(result.file)))
    assert np.linalg.norm(before - after) < 0.05 * np.linalg.norm(before)
    lost = 100 * (np.square(before - after).mean(axis=0) / before.var(axis=0)).mean()
    assert 0.3 < lost < 1.3 and result.measurement.drop == pytest.approx(lost, rel=0.3)


def test_the_drop_of_r2_is_foretold():
    """Labels that are the original's answers and noise: what R2 then loses is no more than was predicted."""
    noise = 0.4 * normal(320, 4, seed=8)
    plan = {"version": 1, "steps": [{"technique": "quantize.uniform", "bits": 4}]}
    y = nets.run(numbers(), x=X)[0] + noise
    told, found = (attar.compress(numbers(), data=data, recipe=plan).measurement.drop for data in (X, (X, y)))
    assert 0.5 * told < found < 1.1 * told


def test_a_number_that_never_varies_explains_nothing():
    flat = np.full((9, 2), 7.0, np.float32)
    flat[:, 1] = np.arange(9)
    assert (unexplained(flat, flat + np.array([1, 0])) == 0).all()
    assert unexplained(flat, flat + np.array([0, 1])) == pytest.approx(1 / flat[:, 1].var())
    assert (unexplained(flat[:, :1], flat[:, :1] + 1) == 0).all()
    assert unexplained(flat, flat * np.nan).mean() == np.inf


def test_measured_labels_are_judged_by_r2():
    y = nets.run(numbers(), x=X)[0] + 0.2 * normal(320, 4, seed=3)
    result = attar.compress(numbers(), data=(X, y), recipe=nets.BITS)
    m = result.measurement
    assert result.report.budget == {"max_drop": 0.5} and (result.task.kind, m.metric) == ("regress", "r2")
    assert result.met and 0 < m.after <= m.before < 100 and m.drop == pytest.approx(m.before - m.after)
    assert attar.compress(numbers(), data=(X, y), recipe=nets.BITS, max_drop=20).size_bytes < result.size_bytes


def test_budgets_of_classes_name_what_the_network_was_taken_for():
    with pytest.raises(attar.BudgetError, match="taken for a regression: nothing says that its 4 numbers"):
        attar.compress(numbers(), data=X, min_agreement=99)


@pytest.mark.parametrize("asked", [{"max_drop": 1}, {"min_agreement": 99}])
def test_maps_of_numbers_have_neither_a_drop_nor_answers(asked):
    net = build("net (float[n, 2, 3, 5] x) => (float[n, 2, 3, 4] y) { y = MatMul (x, w) }", {"w": normal(5, 4)})
    with pytest.raises(attar.BudgetError, match=r"its output is \(\d+, 2, 3, 4\), no row of class scores"):
        attar.compress(net, data=normal(40, 2, 3, 5), **asked)


@pytest.mark.parametrize("options", [{"task": "classify"}, {"metric": "top-1"}])
def test_a_word_makes_it_a_classifier(options):
    result = attar.compress(numbers(), data=X, recipe=nets.BITS, **options)
    assert result.report.budget == {"max_drop": 0.5} and result.task.classes == 4


def test_a_softmax_at_the_end_makes_it_a_classifier():
    result = attar.compress(numbers(ending="y = Softmax (u)"), data=X, recipe=nets.BITS)
    assert result.report.budget == {"max_drop": 0.5} and "Softmax" in result.task.reason


def test_a_recipe_whose_budget_says_nothing_of_the_network_gets_one_that_does():
    recipe = {**nets.BITS, "budget": {"max_drop": 1.0}}
    assert attar.compress(numbers(), data=X, recipe=recipe).report.budget == {"max_drop": 1.0}
    recipe["budget"] = {"min_agreement": 98}
    assert attar.compress(numbers(), data=X, recipe=recipe).report.budget == {"max_error": 5.0, "max_drop": 1.0}


def test_a_segmentation_is_judged_by_its_places():
    net = build(
        "net (float[n, 2, 6, 6] x) => (float[n, 3, 6, 6] y) { y = Conv <pads = [1, 1, 1, 1]> (x, w) }",
        {"w": normal(3, 2, 3, 3)},
    )
    x = normal(40, 2, 6, 6)
    result = attar.compress(net, data=x, recipe=nets.BITS, task="segment")
    before, after = (nets.run(n, x=x)[0].argmax(axis=1) for n in (net, to_onnx(result.file)))
    assert result.report.budget == {"min_agreement": 99.0}
    assert 90 < result.measurement.agreement < 100 and np.mean(before == after) > 0.95
    labelled = attar.compress(net, data=(x, nets.run(net, x=x)[0].argmax(axis=1)), recipe=nets.BITS)
    assert (labelled.task.kind, labelled.measurement.metric) == ("segment", "pixel-accuracy")
    assert labelled.measurement.before == 100


def test_a_metric_without_labels_is_refused():
    with pytest.raises(attar.DataError, match="no labels to measure r2 with"):
        attar.compress(numbers(), data=X, metric="r2")


def test_one_probability_is_a_classifier_too():
    net = build("net (float[n, 7] x) => (float[n, 1] y) { h = MatMul (x, w) y = Sigmoid (h) }", {"w": normal(7, 1)})
    y = (nets.run(net, x=X)[0][:, 0] > 0.5).astype(int)
    result = attar.compress(net, data=(X, y), recipe=nets.BITS)
    assert result.task.classes == 2 and result.measurement.before == 100


def test_the_report_says_it_first():
    document = attar.compress(numbers(), data=X, recipe="int8").to_json()
    assert next(iter(document)) == "task" and document["task"]["kind"] == "regress"
    assert attar.compress(numbers(), recipe="int8").task is None


class Distance:
    """A metric that is no function but can be called."""

    def __call__(self, outputs, labels):
        return 100 - np.abs(outputs - labels).mean(axis=1)


def wrong(outputs, labels):
    raise LookupError("no such thing")


def test_a_metric_may_be_any_callable():
    y = nets.run(numbers(), x=X)[0]
    result = attar.compress(numbers(), data=(X, y), max_drop=0.5, recipe=nets.BITS, metric=Distance())
    assert result.measurement.before == 100 and 0 < result.measurement.drop <= 0.5
    assert result.measurement.metric == f"{__name__}:Distance"
    hits = attar.compress(
        numbers(), data=(X, y.argmax(axis=1)), recipe="int8", metric=lambda out, labels: out.argmax(axis=1) == labels
    )
    assert hits.measurement.before == 100 and hits.measurement.metric.endswith("<lambda>")


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        (wrong, "test_task:wrong: failed with LookupError: no such thing"),
        (lambda outputs, labels: np.full(len(outputs), np.nan), "returned nan for sample 0"),
        (lambda outputs, labels: 99.0, "not one value for each"),
        (lambda outputs, labels: ["good"] * len(outputs), "<lambda>: failed with ValueError"),
        (lambda outputs: outputs, "<lambda>: failed with TypeError"),
        (3, "metric is int, neither a name nor a function"),
    ],
)
def test_a_metric_that_is_none(metric, says):
    with pytest.raises(attar.DataError, match=says):
        attar.compress(
            numbers(), data=(X, np.arange(320) % 4), metric=metric, progress=lambda *_: pytest.fail("worked")
        )
