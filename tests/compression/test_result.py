"""A result in hand: equality, hash, text, pickling; and other dataclasses that hold arrays."""

import dataclasses
import pickle

import numpy as np
import pytest

import attar
from attar._content import same
from attar.codec import GridHint
from attar.evaluate import Dataset

from . import nets


@pytest.fixture(scope="module")
def other(network, labelled):
    return attar.compress(network, data=labelled, recipe="int8", max_drop=9)


def test_equal_is_what_has_the_same_content(network, labelled, result, other):
    again = attar.compress(network, data=labelled, max_drop=5, recipe=nets.BITS)
    for equal in (again, pickle.loads(pickle.dumps(result))):
        assert equal == result and hash(equal) == hash(result)
    assert result != other and result != "a result" and len({result, again, other}) == 2


def test_another_measurement_makes_another_result(result):
    changed = dataclasses.replace(result.measurement, differences=result.measurement.differences + 1)
    assert dataclasses.replace(result, measurement=changed) != result


def test_its_text_is_short_and_says_what_matters(result, other):
    text = repr(other)
    assert len(text.splitlines()) == 3 and len(text) < 300
    assert text.startswith(f"attar.Result: {other.size_bytes:,} bytes, {other.report.ratio:.1f} times smaller")
    assert "top-1" in text and f"drop {other.measurement.drop:.2f} points" in text and "max-drop 9 kept" in text
    assert other._repr_html_().count("<br>") == 2 and "-&gt;" in other._repr_html_()
    assert "max-drop 5" in repr(result)


def test_without_data_there_is_less_to_say(network):
    assert len(repr(attar.compress(network, recipe="int8")).splitlines()) == 1


def test_data_and_hints_compare_by_content_too():
    one, two = (Dataset({"x": np.arange(6.0).reshape(3, 2)}, np.array([0, 1, 2]), "here") for _ in range(2))
    assert one == two and hash(one) == hash(two)
    assert one != dataclasses.replace(two, labels=np.array([0, 1, 1])) != dataclasses.replace(two, labels=None)
    assert GridHint(np.eye(2, dtype=int), np.ones(1)) == GridHint(np.eye(2, dtype=int), np.ones(1))
    assert GridHint(np.eye(2, dtype=int), np.ones(1)) != GridHint(np.eye(2, dtype=int), np.full(1, 2.0))


@pytest.mark.parametrize(
    ("one", "two", "equal"),
    [
        (float("nan"), float("nan"), True),
        (np.array([np.nan, 1]), np.array([np.nan, 1]), True),
        (np.zeros(3), np.zeros(3, np.float32), False),
        (np.zeros(3), np.zeros((3, 1)), False),
        ({"a": [1, (2, np.ones(2))]}, {"a": [1, (2, np.ones(2))]}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], (1, 2), False),
        (None, 0, False),
    ],
)
def test_content(one, two, equal):
    assert same(one, two) is equal
