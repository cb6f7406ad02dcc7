"""Metrics against brute force, and what `compare` says with and without labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from attar.errors import DataError
from attar.evaluate import Task, compare, metric_of
from attar.evaluate.task import is_row

from . import functions

HERE = functions.__name__
NUMBERS = Task("regress", "")


def classes(count=2):
    return Task("classify", "", count)


def score(metric, outputs, labels):
    numbers = outputs[0].size // max(len(outputs[0]), 1)
    return metric.points(classes(numbers) if numbers > 1 else NUMBERS, outputs, labels)


few_values = st.integers(-2, 2).map(float)  # ties are frequent
score_arrays = st.tuples(st.integers(1, 12), st.integers(2, 8)).flatmap(
    lambda shape: arrays.arrays(np.float32, shape, elements=few_values)
)


def brute_force(scores, labels, k):
    """A sample counts if its label is among the first k of its scores, sorted; earlier classes win ties."""
    hits = []
    for row, label in zip(scores, labels, strict=True):
        ranked = sorted(range(len(row)), key=lambda c: (-row[c], c))
        hits.append(100.0 * (int(label) in ranked[:k]))
    return hits


@pytest.mark.parametrize(("name", "k"), [("top-1", 1), ("top-5", 5)])
@given(data=st.data())
def test_top_k_is_what_sorting_says(name, k, data):
    scores = data.draw(score_arrays)
    labels = data.draw(arrays.arrays(np.int64, len(scores), elements=st.integers(0, scores.shape[1] - 1)))
    assert score(metric_of(name), [scores], labels).tolist() == brute_force(scores, labels, k)


@given(score_arrays)
def test_top_1_is_argmax(scores):
    assert score(metric_of("top-1"), [scores], scores.argmax(axis=1)).tolist() == [100.0] * len(scores)


@pytest.mark.parametrize("name", ["top-1", "top-5"])
def test_a_network_that_answers_nan_is_wrong(name):
    scores = np.full((3, 10), np.nan, np.float32)
    assert score(metric_of(name), [scores], np.array([0, 1, 2])).tolist() == [0, 0, 0]


def test_scores_may_have_further_axes_of_one():
    scores = np.array([[0, 1], [1, 0]], np.float32).reshape(2, 2, 1, 1)
    assert score(metric_of("top-1"), [scores], np.array([1, 1])).tolist() == [100, 0]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 10), True),
        ((5, 2, 1, 1), True),
        ((5, 1), False),
        ((5,), False),
        ((5, 10, 3), False),
        ((5, 1, 7), True),
        ((0, 4), True),
    ],
)
def test_what_one_row_a_sample_is(shape, expected):
    assert is_row(np.zeros(shape)) == expected


def test_a_metric_of_the_user_s():
    metric = metric_of(f"{HERE}:absolute")
    points = score(metric, [np.array([[3.0], [5.0]])], np.array([1.0, 5.0]))
    assert metric.name == f"{HERE}:absolute" and points.tolist() == [98, 100]


def test_a_metric_that_returns_one_number_for_all():
    with pytest.raises(DataError, match="not one value for each of 2 samples"):
        score(metric_of(f"{HERE}:single_number"), [np.zeros((2, 1))], np.zeros(2))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("top-3", "unknown metric 'top-3'"),
        ("nowhere:f", "cannot be imported"),
        (f"{HERE}:nothing", "cannot be imported"),
    ],
)
def test_unusable_metrics(name, message):
    with pytest.raises(DataError, match=message):
        metric_of(name)


def test_a_metric_that_is_not_a_function():
    with pytest.raises(DataError, match="HERE"):
        score(metric_of(f"{__name__}:HERE"), [np.zeros((2, 1))], np.zeros(2))


def test_top_1_of_a_network_without_classes():
    with pytest.raises(DataError, match="top-1 needs one row of class scores a sample"):
        score(metric_of("top-1"), [np.zeros((2, 1))], np.zeros(2, int))


def test_compare_with_labels():
    labels = np.array([0, 1, 0, 1])
    before, after = np.eye(2)[[0, 1, 0, 0]], np.eye(2)[[0, 0, 0, 1]]
    m = compare([before], [after], labels, task=classes(), metric=metric_of("top-1"))
    assert (m.samples, m.metric, m.before, m.after, m.drop) == (4, "top-1", 75, 75, 0)
    assert m.differences.tolist() == [0, 100, 0, -100]
    assert m.agreement == 50
    assert m.drop_interval[0] < 0 < m.drop_interval[1]


def test_compare_without_labels_predicts_the_drop():
    before, after = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    m = compare([before], [after], None, task=classes(), metric=metric_of("top-1"))
    assert m.metric is None and m.before is None and m.after is None
    assert m.drop == pytest.approx(100 * (0.9 - 0.1) / 2)


def test_compare_without_classes_gives_the_error_alone():
    m = compare([np.ones((3, 1))], [np.full((3, 1), 1.1)], None, task=NUMBERS, metric=metric_of("top-1"))
    assert m.drop is None and m.drop_interval is None and m.agreement is None
    assert m.relative_error == pytest.approx(10)


@given(score_arrays)
def test_a_network_compared_with_itself_lost_nothing(scores):
    task = classes(scores.shape[1])
    m = compare([scores], [scores.copy()], scores.argmax(axis=1), task=task, metric=metric_of("top-1"))
    assert (m.drop, m.agreement, m.relative_error) == (0, 100, 0)
    assert m.drop_interval[0] < 0 < m.drop_interval[1] and m.agreement_interval[0] < m.agreement_interval[1] == 100
