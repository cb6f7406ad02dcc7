"""Every network that a run made stays at hand: shown as a curve, and picked by number or size."""

import io
import pickle

import pytest
from rich.console import Console

import attar
from attar.errors import BudgetError
from attar.export import to_onnx
from attar.report.terminal import print_report

from . import nets


@pytest.fixture(scope="module")
def run(network, labelled):
    return attar.compress(network, data=labelled, max_drop=2)


@pytest.fixture(scope="module")
def without_samples(network):
    return attar.compress(network, target_size=3000)


def test_points_are_numbered_by_size_and_one_is_chosen(run):
    sizes = [point.size_bytes for point in run.points]
    assert len(sizes) > 1 and sizes == sorted(sizes)
    assert [point.number for point in run.points] == list(range(1, len(sizes) + 1))
    (chosen,) = [point for point in run.points if point.chosen]
    assert chosen.size_bytes == run.size_bytes


def test_the_chosen_point_is_the_smallest_within_the_budget(run):
    within = [point for point in run.points if point.within_budget]
    (chosen,) = [point for point in within if point.chosen]
    assert chosen.size_bytes == min(point.size_bytes for point in within)


@pytest.mark.parametrize("place", [0, -1])
def test_figures_are_those_of_the_file(network, run, labelled, place):
    """On the search's samples, as the seed splits those given."""
    from attar.compression.samples import ALONE
    from attar.evaluate import Task, compare, load_data
    from attar.runtime import Session

    point = run.points[place]
    given = load_data(labelled, Session(attar.load(network)).inputs)
    _, search, _ = given.split(ALONE, seed=0)
    outputs = [nets.run(net, image=search.inputs["image"]) for net in (network, to_onnx(run.pick(point.number).file))]
    m = compare(*outputs, None, task=Task("classify", "", nets.CLASSES), metric=None)
    assert (point.drop, point.agreement) == pytest.approx((m.drop, m.agreement))
    assert point.relative_error == pytest.approx(m.relative_error, rel=1e-3)
    assert point.is_predicted


def test_every_point_can_be_picked_and_is_measured(run):
    for point in run.points:
        picked = run.pick(point.number)
        assert picked.size_bytes == point.size_bytes
        assert picked.measurement.samples == run.measurement.samples
        assert [p.number for p in picked.points if p.chosen] == [point.number]
        picked.file.check()


def test_a_size_picks_the_largest_point_within_it(run):
    sizes = [point.size_bytes for point in run.points]
    assert run.pick(f"{sizes[1]}B").size_bytes == sizes[1]
    assert run.pick(f"{sizes[1] - 1}B").size_bytes == sizes[0]
    assert run.pick("1GB").size_bytes == sizes[-1]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (0, "there is no such point"),
        ("99", "there is no such point"),
        (-1, "there is no such point"),
        ("10B", "no point is that small"),
        ("lots", "pick 'lots' is not a size"),
        (True, "neither"),
        (1.5, "neither"),
    ],
)
def test_what_cannot_be_picked(run, wanted, says):
    with pytest.raises(BudgetError, match=says):
        run.pick(wanted)


def test_the_plan_of_a_picked_point_is_its_own(run):
    slopes = [run.pick(number).report.plan["fc1_weight"][0]["slope"] for number in (1, len(run.points))]
    assert slopes[0] / slopes[1] == pytest.approx(run.points[0].slope / run.points[-1].slope)


def test_without_samples_sizes_alone_are_known(without_samples):
    assert len(without_samples.points) > 1
    assert {point.relative_error for point in without_samples.points} == {None}
    assert without_samples.pick(1).measurement is None


def test_a_run_without_a_slope_has_no_points(result):
    assert result.points == ()
    with pytest.raises(BudgetError, match="no curve"):
        result.pick(1)


def test_the_report_shows_the_curve(run):
    out = io.StringIO()
    print_report(run.report, Console(file=out, width=200))
    text = out.getvalue()
    assert f"{run.report.samples['search']} search samples" in text and "predicted drop" in text
    assert [point["number"] for point in run.to_json()["points"]] == [point.number for point in run.points]


def test_a_pickled_result_leaves_the_run_behind(run):
    again = pickle.loads(pickle.dumps(run))
    assert again.data == run.data and again.points == run.points
    with pytest.raises(BudgetError, match="no curve"):
        again.pick(1)
