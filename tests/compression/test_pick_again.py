"""Another point of a finished run, from its work folder: the file as it was made, judged again where there is data."""

import json
import shutil

import pytest

import attar
from attar.errors import AttarError, BudgetError, DataError, FormatError, ModelError, OutputError, RecipeError

from . import nets
from .test_resume import sign

SAME_STEPS = {"version": 1, "name": "mine", "steps": [{"technique": "quantize.rate_distortion"}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("finished") / "w"


@pytest.fixture(scope="module")
def run(network, labelled, folder):
    return attar.compress(network, data=labelled, max_drop=2, work=folder)


@pytest.fixture
def pick(network, run, folder):
    return lambda wanted, **given: attar.compress(given.pop("model", network), **{"work": folder, **given}, pick=wanted)


def test_by_number_the_file_is_the_one_of_the_table(run, pick):
    for point in run.points:
        picked = pick(str(point.number))
        assert picked.data == run.pick(point.number).data and picked.size_bytes == point.size_bytes


def test_by_size_it_is_the_largest_within(run, pick):
    sizes = [point.size_bytes for point in run.points]
    assert pick(f"{sizes[1]}B").size_bytes == sizes[1]
    assert pick(f"{sizes[1] - 1} B").size_bytes == sizes[0]
    assert pick("1MB").size_bytes == sizes[-1]


def test_without_data_the_curve_is_copied_and_nothing_is_judged(run, pick):
    picked = pick(1)
    assert picked.measurement is None and picked.limits == ()
    assert [point.drop for point in picked.points] == [point.drop for point in run.points]
    assert picked.report.samples == {name: run.report.samples[name] for name in ("calibration", "search")}
    assert picked.report.search["picked"] == 1 and picked.report.search["evaluations"] == 0


def test_with_the_same_data_it_is_judged_as_the_run_would_have(run, pick, labelled):
    picked, there = pick(1, data=labelled), run.pick(1)
    assert picked.measurement.drop == there.measurement.drop
    assert picked.limits == there.limits
    assert picked.report.changes == there.report.changes
    assert picked.report.left_alone == there.report.left_alone


def test_samples_of_its_own_for_the_verdict(network, pick):
    x, y = nets.labelled(network, 64, seed=5)
    assert pick(1, eval_data=(x, y)).measurement.samples == 64


def test_the_picked_result_can_be_saved_and_picked_from(tmp_path, run, pick):
    picked = pick(1)
    assert picked.save(tmp_path / "m.attar").read_bytes() == picked.data
    assert json.loads((tmp_path / "m.attar.json").read_text())["search"]["picked"] == 1
    assert picked.pick(2).size_bytes == run.points[1].size_bytes


@pytest.mark.parametrize("wanted", [0, 99, "10B"])
def test_no_such_point(pick, wanted):
    with pytest.raises(BudgetError, match=f"pick {wanted}: "):
        pick(wanted)


def test_no_number_and_no_size(pick):
    with pytest.raises(BudgetError, match="pick 'much' is not a size"):
        pick("much")


def test_another_network(pick):
    with pytest.raises(ModelError, match="another network"):
        pick(1, model=nets.classifier(seed=9))


REFUSED = {
    "other samples": ({"data": nets.images(200, seed=8)}, DataError, "other samples"),
    "another seed": ({"seed": 3}, RecipeError, "seed 0, not 3"),
    "a budget": ({"max_drop": 1}, BudgetError, "leave the budget out"),
    "a size": ({"target_size": "1kB"}, BudgetError, "leave the budget out"),
    "a plan": ({"plan": {}}, RecipeError, "leave the plan out"),
    "another recipe": ({"recipe": SAME_STEPS}, RecipeError, "another recipe, default"),
    "other layers": ({"exclude": ["fc*"]}, RecipeError, "other layers"),
    "other outputs": ({"outputs": ["features"]}, ModelError, "another network"),
    "no folder": ({"work": None}, OutputError, "needs the work folder"),
}


@pytest.mark.parametrize(("given", "error", "says"), REFUSED.values(), ids=REFUSED)
def test_what_contradicts_the_run(pick, given, error, says):
    with pytest.raises(error, match=says):
        pick(1, **given)


def test_no_work_folder(pick, tmp_path):
    with pytest.raises(OutputError, match="there is no work folder"):
        pick(1, work=tmp_path / "w")
    (tmp_path / "w").mkdir()
    with pytest.raises(FormatError, match="no finished run"):
        pick(1, work=tmp_path / "w")


def test_damaged_points_are_no_points(pick, folder, run, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "w")
    smallest = next(path for path in copy.glob("*.attar") if path.stat().st_size == run.points[0].size_bytes)
    smallest.write_bytes(smallest.read_bytes()[:-9])
    assert pick(1, work=copy).size_bytes == run.points[1].size_bytes
    for path in copy.glob("point-*.attar"):
        path.unlink()
    with pytest.raises(FormatError, match="no finished point"):
        pick(1, work=copy)


BAD_RUNS = [
    {"parts": None},
    {"samples": {"search": 1}},
    {"samples": []},
    {"slopes": ["1"]},
    {"left_alone": [[1, [2], "x"]]},
    {"budget_is_default": 3},
]
BAD_PARTS = [
    {"seed": -1},
    {"seed": "0"},
    {"recipe": None},
    {"recipe": {"name": 1}},
    {"budget": {"x": 1}},
    {"layers": 5},
]
BAD_PARTS += [{"budget": {"max_drop": "1"}}, {"model": None}]


@pytest.mark.parametrize("changed", [*BAD_RUNS, *({"parts": part} for part in BAD_PARTS)], ids=str)
def test_a_damaged_run_is_an_error_or_changes_nothing(pick, folder, tmp_path, changed):
    copy = shutil.copytree(folder, tmp_path / "w")
    document = json.loads((copy / "run.json").read_text())
    facts = document["facts"]
    parts = {**facts["parts"], **changed["parts"]} if changed.get("parts") else changed.get("parts", facts["parts"])
    (copy / "run.json").write_text(json.dumps({**document, "facts": {**facts, **changed, "parts": parts}}))
    sign(copy / "run.json")
    try:
        assert pick(1, work=copy).points
    except AttarError as error:
        assert str(error)


def test_a_killed_run_has_what_it_finished(pick, folder, run, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "w")
    document = json.loads((copy / "run.json").read_text())
    del document["facts"]["slopes"]  # as it is before the run's end
    (copy / "run.json").write_text(json.dumps(document))
    sign(copy / "run.json")
    (copy / "point-002.json").unlink()
    assert len(pick(1, work=copy).points) == len(run.points) - 1


def test_excluded_layers_are_reported_as_the_run_did(network, labelled, tmp_path):
    run = attar.compress(network, data=labelled, max_drop=5, exclude=["conv*"], work=tmp_path / "w")
    picked = attar.compress(network, work=tmp_path / "w", pick=1)
    assert picked.report.left_alone == run.pick(1).report.left_alone
    assert ("conv_weight", (6, 1, 3, 3), "named by --exclude") in picked.report.left_alone
