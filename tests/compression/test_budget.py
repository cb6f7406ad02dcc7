"""Budgets: what can be meant, what cannot, and what each one asks of network and data."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attar
from attar.compression.budget import Budget, parse_size
from attar.errors import AttarError, BudgetError

from . import nets


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("60kB", 60_000),
        ("60 kb", 60_000),
        ("1.5MB", 1_500_000),
        ("12KiB", 12_288),
        ("2MiB", 2_097_152),
        ("1GB", 10**9),
        ("1GiB", 2**30),
        (" 7 ", 7),
        ("7B", 7),
        (7, 7),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@given(st.integers(1, 2**60))
def test_a_plain_number_of_bytes_is_taken_exactly(count):
    assert parse_size(str(count)) == count


@pytest.mark.parametrize(
    "text", ["", "kB", "-5kB", "5 bananas", "1e3", "5kbit", "nan", "inf", "1.2.3MB", "9" * 400, "٣ kB x"]
)
def test_what_is_no_size(text):
    with pytest.raises(BudgetError, match=re.escape(f"target-size '{text}' is not a size")):
        parse_size(text)


@pytest.mark.parametrize(
    "asked",
    [
        {"max_drop": -0.1},
        {"max_drop": 100.1},
        {"max_drop": float("nan")},
        {"min_agreement": -1},
        {"min_agreement": 0},
        {"min_agreement": float("nan")},
        {"min_agreement": 101},
        {"max_error": -1},
        {"max_error": 100.5},
        {"max_error": float("inf")},
        {"max_error": float("nan")},
        {"target_size": 0},
        {"target_size": "0.4B"},
        {"target_size": "9" * 19 + "GB"},
    ],
)
def test_impossible_budgets(network, labelled, asked):
    with pytest.raises(BudgetError, match=next(iter(asked)).replace("_", "-")):
        attar.compress(network, data=labelled, **asked)


@pytest.mark.parametrize(("share", "percent"), [(0.95, "95"), (0.985, "98.5"), (0.001, "0.1")])
def test_a_share_of_one_is_not_taken_for_a_percent(network, labelled, share, percent):
    with pytest.raises(BudgetError, match=f"write {percent} for {percent} %"):
        attar.compress(network, data=labelled, min_agreement=share)


@pytest.mark.parametrize(
    "budget",
    [{"max_drop": 0, "target_size": 1}, {"min_agreement": 100, "max_error": 0}, {"min_agreement": 1, "max_error": 100}],
)
def test_the_ends_of_the_ranges_are_possible(budget):
    assert Budget(**budget)


@pytest.mark.parametrize("asked", [{}, {"max_drop": 1}, {"target_size": 9}, {"min_agreement": 9}, {"max_error": 1}])
def test_a_choice_needs_samples(network, asked):
    with pytest.raises(BudgetError, match="without --data nothing can be judged"):
        attar.compress(network, recipe="candidates", **asked)


@pytest.mark.parametrize("asked", [{"max_drop": 1}, {"min_agreement": 9}, {"max_error": 1, "target_size": 9}])
@pytest.mark.parametrize("recipe", ["default", "int8"])
def test_a_limit_on_quality_needs_samples(network, recipe, asked):
    with pytest.raises(BudgetError, match="without --data nothing can be judged"):
        attar.compress(network, recipe=recipe, **asked)


def test_budgets_of_classes_need_classes():
    with pytest.raises(BudgetError, match="try max-error"):
        attar.compress(nets.regressor(), data=np.ones((20, 6), np.float32), min_agreement=99)


def test_a_classifier_gets_half_a_point_by_default(network, labelled):
    result = attar.compress(network, data=labelled, recipe=nets.BITS)
    assert result.report.budget == {"max_drop": 0.5} and result.report.budget_is_default


def test_any_other_network_gets_five_percent_error_by_default():
    data = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    result = attar.compress(nets.regressor(), data=data, recipe=nets.BITS)
    assert result.report.budget == {"max_error": 5.0, "max_drop": 1.0} and result.report.budget_is_default
    assert result.met and result.measurement.relative_error <= 5


def test_a_recipe_brings_its_budget_and_the_caller_s_wins(network, labelled):
    recipe = {**nets.BITS, "budget": {"target_size": "4kB"}}
    assert attar.compress(network, data=labelled, recipe=recipe).report.budget == {"target_size": 4000}
    assert attar.compress(network, data=labelled, recipe=recipe, max_error=9).report.budget == {"max_error": 9}


@pytest.mark.parametrize("budget", [{"max_drop": "half"}, {"max_drop": -1}, {"speed": 1}, {"target_size": None}, []])
def test_unusable_budgets_of_a_recipe(network, labelled, budget):
    with pytest.raises(AttarError, match=r"budget|target-size|max-drop"):
        attar.compress(network, data=labelled, recipe={**nets.BITS, "budget": budget})


@pytest.mark.parametrize("count", [0, 1, 7])
def test_too_few_samples(network, count):
    with pytest.raises(AttarError, match=r"empty|samples; at least 8 are needed"):
        attar.compress(network, data=nets.images(count))


def test_verdict_data_alone_is_not_enough(network, labelled):
    with pytest.raises(AttarError, match="--eval-data gives the verdict alone"):
        attar.compress(network, eval_data=labelled)


def test_eight_samples_do(network):
    assert attar.compress(network, data=nets.images(8), max_error=50, recipe=nets.BITS).report.samples == {
        "calibration": 2,
        "search": 2,
        "verdict": 4,
    }
