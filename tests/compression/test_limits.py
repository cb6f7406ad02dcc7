"""Every kind of budget is kept where it can be; where not, the best model comes back with its gap."""

import itertools

import numpy as np
import pytest

import attar
from attar.evaluate import Task, compare, metric_of
from attar.export import to_onnx

from . import nets


def remeasured(network, result, x, labels=None):
    """Run the original and the exported file in onnxruntime on all samples."""
    outputs = [nets.run(net, image=x) for net in (network, to_onnx(result.file))]
    return compare(*outputs, labels, task=Task("classify", "", nets.CLASSES), metric=metric_of("top-1"))


@pytest.fixture(scope="module")
def verdict():
    return nets.images(300, seed=9)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"max_drop": 3}, lambda m: m.drop <= 3),
        ({"max_drop": 0}, lambda m: m.drop <= 0),
        ({"min_agreement": 97}, lambda m: m.agreement >= 97),
        ({"min_agreement": 90}, lambda m: m.agreement >= 90),
        ({"max_error": 4}, lambda m: m.relative_error <= 4),
        ({"max_error": 0.1}, lambda m: m.relative_error <= 0.1),
    ],
)
def test_a_limit_is_met_exactly_where_the_file_keeps_it(network, verdict, asked, kept):
    result = attar.compress(
        network, data=nets.images(400), eval_data=verdict, recipe=nets.BITS, task="classify", **asked
    )
    (limit,) = result.limits
    assert limit.met == result.met == kept(remeasured(network, result, verdict))
    assert (limit.gap == 0) == limit.met


def test_the_search_comes_near_to_trying_everything(network):
    """All combinations of bits of two layers, each built and measured: none within the budget is much smaller."""
    x = nets.images(200)
    found = attar.compress(
        network, data=nets.images(200, seed=2), eval_data=x, recipe=nets.BITS, only=["fc*"], max_error=10
    )
    smallest = min(
        result.size_bytes
        for bits in itertools.product([2, 3, 4, 5, 6, 8], repeat=2)
        if (result := with_bits(network, x, bits)).measurement.relative_error <= 10
    )
    assert found.size_bytes <= 1.1 * smallest


def with_bits(network, x, bits):
    layers = zip(("fc1_weight", "fc2_weight"), bits, strict=True)
    plan = {name: [{"technique": "quantize.uniform", "bits": b}] for name, b in layers}
    return attar.compress(network, data=nets.images(200, seed=2), eval_data=x, plan=plan)


@pytest.mark.parametrize("target", [2500, 3000, 4000, 5500])
def test_a_target_size_is_kept(network, labelled, target):
    result = attar.compress(network, data=labelled, target_size=target, recipe=nets.BITS)
    assert result.met
    assert 0.7 * target < len(result.data) <= target


def test_more_bytes_buy_less_damage(network, labelled):
    small, large = (attar.compress(network, data=labelled, target_size=t, recipe=nets.BITS) for t in (2500, 5500))
    assert large.measurement.relative_error < small.measurement.relative_error


def test_an_impossible_target_gives_the_smallest_file_and_the_gap(network, labelled):
    result = attar.compress(network, data=labelled, target_size=100, recipe=nets.BITS)
    (limit,) = result.limits
    assert not result.met and limit.gap == result.size_bytes - 100
    coarsest = {"version": 1, "steps": [{"technique": "quantize.uniform", "bits": 2}]}
    assert result.size_bytes <= attar.compress(network, data=labelled, recipe=coarsest).size_bytes


def test_both_kinds_of_budget_together(network, labelled):
    result = attar.compress(network, data=labelled, max_error=5, target_size=100, recipe=nets.BITS)
    assert [(limit.name, limit.met) for limit in result.limits] == [("target-size", False), ("max-error", True)]


def test_unlabelled_samples_predict_the_drop(network):
    result = attar.compress(network, data=nets.images(1000), max_drop=3, recipe=nets.BITS, task="classify")
    assert result.measurement.metric is None
    assert result.measurement.drop is not None and result.met


def test_a_fixed_recipe_needs_no_samples(network):
    result = attar.compress(network, recipe="int8")
    assert result.measurement is None and result.limits == () and result.met
    for name, values in result.file.tensors():
        original = nets.weights(network)[name]
        if name.endswith("weight"):
            step = np.abs(original).max() / 127
            assert np.abs(values - original).max() <= step
            assert all(len(np.unique(channel)) <= 255 for channel in values)
        else:
            np.testing.assert_array_equal(values, original)


def test_a_fixed_recipe_is_judged_where_there_are_samples(network, labelled):
    result = attar.compress(network, data=labelled, recipe="int8", max_drop=10)
    assert result.met and result.limits[0].name == "max-drop" and result.measurement.metric == "top-1"


def test_a_metric_of_the_user_s_is_searched_and_judged(network):
    metric = f"{__name__}:probability_of_label"
    x, labels = nets.labelled(network, 1000)
    result = attar.compress(
        network,
        data=nets.labelled(network, 1000, seed=2),
        eval_data=(x, labels),
        max_drop=3,
        metric=metric,
        recipe=nets.BITS,
    )
    before, after = (nets.run(net, image=x)[0] for net in (network, to_onnx(result.file)))
    drop = (probability_of_label(before, labels) - probability_of_label(after, labels)).mean()
    assert result.measurement.metric == metric
    assert result.measurement.drop == pytest.approx(drop, abs=1e-4)
    assert 0 < drop <= 3


def probability_of_label(outputs, labels):
    p = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return 100 * p[np.arange(len(p)), labels] / p.sum(axis=1)


def test_an_undecided_budget_says_how_many_samples_would_do(network, labelled):
    measured = attar.compress(network, data=labelled, max_drop=5, recipe=nets.BITS)
    low, high = measured.measurement.drop_interval
    assert low < high
    near = (measured.measurement.drop + high) / 2
    again = attar.compress(network, data=labelled, max_drop=near, plan=measured.to_json()["plan"])
    (limit,) = again.limits
    assert limit.met and not limit.decided
    assert limit.samples_needed > again.measurement.samples


def test_labels_out_of_range(network, labelled):
    x, labels = labelled
    with pytest.raises(attar.DataError, match="label 4 is outside 0 to 3"):
        attar.compress(network, data=(x, labels + 1))


def test_labels_out_of_range_in_the_verdict_are_found_before_the_work(network, labelled):
    x, labels = nets.labelled(network, seed=2)
    with pytest.raises(attar.DataError, match="label 4 is outside 0 to 3"):
        attar.compress(network, data=labelled, eval_data=(x, labels + 1), progress=lambda *_: pytest.fail("worked"))


def test_a_verdict_by_samples_that_were_searched_with_is_refused(network):
    x = nets.images(200)
    with pytest.raises(attar.DataError, match="100 of its 150 samples are among those of"):
        attar.compress(network, data=x[:100], eval_data=x[:150])


def test_the_exact_layer_stays_where_calibration_sees_no_error(network):
    """All-zero samples hide every error: the search must not take a lossy layer for the exact one."""
    dark = np.zeros((64, 1, nets.SIDE, nets.SIDE), np.float32)
    result = attar.compress(network, data=dark + 1e-3 * nets.images(64), eval_data=nets.images(64), max_error=1e-6)
    assert all(not limit.met or limit.got <= 1e-6 for limit in result.limits)
    assert result.measurement.relative_error <= 1e-4


def test_a_plan_keeps_to_the_layers_asked_for(network):
    first = attar.compress(network, recipe="int8")
    again = attar.compress(network, plan=first.to_json(), only=["fc1*"])
    assert {change.name for change in again.report.changes} == {n for n in first.report.plan if n.startswith("fc1")}
    assert again.report.recipe == "int8"


def test_few_samples_leave_a_budget_undecided(network):
    result = attar.compress(network, data=nets.images(16), recipe="int8", task="classify", min_agreement=99, max_drop=1)
    assert all(not limit.decided and limit.samples_needed > 8 for limit in result.limits)
