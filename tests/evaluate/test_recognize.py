"""What a network is taken for: by what is said, how it ends, its names and its labels; and what each then means."""

import numpy as np
import pytest
from common.networks import build, normal

from attar.errors import DataError
from attar.evaluate import Task, compare, default_metric, metric_of, task_of
from attar.graph import load

X = normal(40, 6)
LABELS = np.arange(40) % 5


def network(ending="y = Identity (h)", *, columns=5, out="batch, 5", metadata=None):
    text = f"net (float[batch, 6] x) => (float[{out}] y) {{ h = MatMul (x, w) {ending} }}"
    model = load(build(text, {"w": normal(6, columns)}))
    model.metadata_props.update(metadata or {})
    return model


def taken(model, labels=None, *, shape=(40, 5), dtype=np.float32, **options):
    return task_of(model, [np.zeros(shape, dtype)], labels, **options)


@pytest.mark.parametrize(
    "ending",
    [
        "y = Softmax (h)",
        "y = LogSoftmax (h)",
        "y = Sigmoid (h)",
        "s = Softmax (h) y = Identity (s)",
        "s = Softmax (h) y = Log (s)",
        "s = Sigmoid (h) c = Cast <to = 11> (s) y = Cast <to = 1> (c)",
        "e = Exp (h) s = ReduceSum (e) y = Div (e, s)",
    ],
)
def test_a_network_that_ends_in_probabilities_classifies(ending):
    task = taken(network(ending))
    assert (task.kind, task.classes) == ("classify", 5) and "it ends in" in task.reason
    assert task.line.startswith("taken for a classifier of 5 classes: it ends in ")


@pytest.mark.parametrize(
    "ending", ["y = Identity (h)", "y = Tanh (h)", "s = Softmax (h) y = Add (s, h)", "y = Relu (h)"]
)
def test_numbers_of_which_nothing_is_said_are_a_regression(ending):
    task = taken(network(ending))
    assert task.kind == "regress" and "nothing says that its 5 numbers" in task.reason


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"said": "classify"}, "said to be one"),
        ({"metric": "top-5"}, "its metric is top-5"),
        ({"class_names": list("abcde")}, "class names"),
        ({"labels": LABELS}, "class numbers"),
        ({"labels": LABELS.astype(np.uint8)}, "class numbers"),
    ],
)
def test_what_makes_a_classifier_of_scores(options, reason):
    task = taken(network(), **options)
    assert task.kind == "classify" and reason in task.reason


@pytest.mark.parametrize(
    ("labels", "shape", "kind"),
    [
        (normal(40, 5), (40, 5), "regress"),
        (normal(40), (40, 1), "regress"),
        (np.arange(40), (40, 1), "regress"),
        (np.arange(40) % 2, (40, 1), "classify"),
        (np.arange(200).reshape(40, 5), (40, 5), "regress"),
        (np.zeros((40, 4, 4), int), (40, 3, 4, 4), "segment"),
    ],
)
def test_what_labels_tell(labels, shape, kind):
    assert taken(network(), labels, shape=shape).kind == kind


def test_names_of_another_number_of_classes_say_nothing():
    assert taken(network(), class_names=["cat", "dog"]).kind == "regress"


def test_sigmoids_under_measured_labels_are_no_classes():
    model = network("y = Sigmoid (h)")
    assert taken(model, normal(40, 5)).kind == "regress"
    assert taken(model, np.eye(5, dtype=np.float32)[LABELS]).kind == "classify"


def test_sigmoids_beside_boxes_are_places_not_classes():
    text = """net (float[batch, 6] x) => (float[batch, 5] y, float[batch, 5, 4] boxes) {
        h = MatMul (x, w) y = Sigmoid (h) g = MatMul (x, v) boxes = Reshape (g, shape) }"""
    model = load(build(text, {"w": normal(6, 5), "v": normal(6, 20), "shape": np.array([-1, 5, 4])}))
    assert task_of(model, [np.zeros((9, 5), np.float32), np.zeros((9, 5, 4), np.float32)]).kind == "regress"


def test_the_output_with_the_classes_is_found():
    text = """net (float[batch, 6] x) => (float[batch, 6] x2, float[batch, 5] y) {
        h = MatMul (x, w) y = Softmax (h) x2 = Tanh (x) }"""
    task = task_of(load(build(text, {"w": normal(6, 5)})), [X, np.zeros((40, 5), np.float32)])
    assert (task.kind, task.output, task.classes) == ("classify", 1, 5) and not task.has_plain_scores


@pytest.mark.parametrize(("kind", "shape"), [("classify", (40, 5)), ("segment", (40, 5, 2, 2)), ("detect", (40, 6, 9))])
def test_metadata_may_tell(kind, shape):
    assert taken(network(metadata={"task": kind}), shape=shape).kind == kind
    assert taken(network(metadata={"task": "pose"}), shape=shape).kind == "regress"


def test_without_a_graph_shares_tell_of_a_softmax():
    shares = np.abs(normal(40, 5)) / np.abs(normal(40, 5)).sum(axis=1, keepdims=True)
    assert task_of(None, [shares]).kind == "classify"
    assert task_of(None, [2 * shares]).kind == "regress"


@pytest.mark.parametrize(
    ("said", "shape", "says"),
    [
        ("classify", (40, 5, 5), r"needs one row of class scores a sample; the output is \(40, 5, 5\)"),
        ("segment", (40, 5), "needs an output with a class for every place"),
        ("guess", (40, 5), "none of classify, regress, detect, segment"),
    ],
)
def test_what_cannot_be_said(said, shape, says):
    with pytest.raises(DataError, match=says):
        taken(network(), shape=shape, said=said)


def test_one_probability_is_of_two_classes():
    """Class 1 from 0.5 on; the predicted drop is what the original gave its answer more than the other one's."""
    before, after = np.array([[0.9], [0.2], [0.6]]), np.array([[0.8], [0.6], [0.4]])
    task = taken(network("y = Sigmoid (h)", columns=1, out="batch, 1"), shape=(3, 1))
    assert task.classes == 2
    m = compare([before], [after], np.array([1, 0, 0]), task=task, metric=metric_of("top-1"))
    assert m.before == pytest.approx(200 / 3) and m.after == pytest.approx(200 / 3)
    assert m.agreement == pytest.approx(100 / 3)
    assert compare([before], [after], None, task=task, metric=None).drop == pytest.approx(100 * (0.6 + 0.2) / 3)


def test_one_score_is_of_two_classes():
    before, after = np.array([[2.0], [-1.0]]), np.array([[-1.0], [-2.0]])
    m = compare([before], [after], None, task=taken(network(), shape=(2, 1), said="classify"), metric=None)
    p = 1 / (1 + np.exp(-2.0))
    assert m.agreement == 50 and m.drop == pytest.approx(100 * (p - (1 - p)) / 2)


def test_places_of_a_segmentation_agree_or_not():
    before = np.zeros((2, 3, 2, 2), np.float32)
    before[:, 1] = 1.0
    after = before.copy()
    after[0, 2, 0, 1] = 5.0
    task = taken(network(), shape=before.shape, said="segment")
    assert task.agreement([before], [after]).tolist() == [0.75, 1.0]
    last = task_of(network(), [np.zeros((2, 8, 8, 3), np.float32)], said="segment")
    assert (last.axis, last.classes) == (3, 3)
    masks = task_of(network(), [np.zeros((2, 4, 4), np.int64)], said="segment")
    assert masks.agreement([np.zeros((2, 4, 4), int)], [np.eye(4, dtype=int)[None].repeat(2, 0)]).tolist() == [0.75] * 2


def test_pixel_accuracy_leaves_places_without_a_label_out():
    scores = np.zeros((1, 2, 2, 2), np.float32)
    scores[:, 1] = 1.0
    task = taken(network(), shape=scores.shape, said="segment")
    metric = default_metric(task)
    assert metric.points(task, [scores], np.array([[[1, 0], [255, 1]]])).tolist() == [pytest.approx(200 / 3)]
    with pytest.raises(DataError, match="label 2 is outside 0 to 1"):
        metric.points(task, [scores], np.array([[[1, 2], [0, 0]]]))
    with pytest.raises(DataError, match="a class number for each of the 4 places"):
        metric.points(task, [scores], np.array([1]))


def test_r2_is_that_of_the_textbook():
    labels, outputs = normal(30, 3, seed=1), normal(30, 3, seed=1) + 0.3 * normal(30, 3, seed=2)
    task = taken(network(), labels, shape=labels.shape)
    points = default_metric(task).points(task, [outputs], labels)
    residual, total = np.square(outputs - labels).sum(axis=0), np.square(labels - labels.mean(axis=0)).sum(axis=0)
    assert points.mean() == pytest.approx(100 * (1 - residual / total).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.ones((40, 5), np.float32), "number 0 of all 40 labels is 1: r2 is not defined"),
        (normal(40), r"labels are float32 \(40,\), the output \(40, 5\)"),
        (np.full((40, 5), np.nan, np.float32), "NaN"),
    ],
)
def test_labels_that_r2_cannot_measure(labels, says):
    with pytest.raises(DataError, match=says):
        metric_of("r2").points(Task("regress", ""), [np.zeros((40, 5), np.float32)], labels)


def test_a_detector_has_no_metric_built_in():
    assert default_metric(Task("detect", "")) is None
    m = compare([np.ones((3, 2))], [np.ones((3, 2))], np.zeros(3), task=Task("detect", ""), metric=None)
    assert (m.drop, m.metric, m.relative_error) == (None, None, 0)
