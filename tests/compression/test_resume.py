"""What a run finishes on its way stays in its work folder: a later one goes on from it, and trusts none of it."""

import json
import os
import shutil

import numpy as np
import pytest

import attar
from attar.compression import along_slope, work
from attar.compression.judge import Judge
from attar.errors import OutputError
from attar.numerics.quadratic import quadratic, taken_apart

from . import nets
from .test_interrupt import interrupt_at

BUDGET = {"max_drop": 2}


@pytest.fixture(scope="module")
def whole(network, labelled):
    """A run without a work folder."""
    return attar.compress(network, data=labelled, **BUDGET)


@pytest.fixture(scope="module")
def finished(network, labelled, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "w"
    attar.compress(network, data=labelled, work=folder, **BUDGET)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "w")


@pytest.fixture
def run(network, labelled):
    def run(folder, **changed):
        return attar.compress(network, **{"data": labelled, "work": folder, **BUDGET, **changed})

    return run


def same(one, other):
    return one.data == other.data and one.points == other.points


def resumed(result):
    return result.report.search.get("resumed")


def test_keeping_changes_no_byte(run, whole, tmp_path):
    kept = run(tmp_path / "w")
    assert same(kept, whole) and resumed(kept) is None


def test_a_finished_run_is_taken_as_it_is(run, whole, folder):
    again = run(folder)
    assert same(again, whole)
    assert resumed(again)["points"] == len(whole.points)
    assert again.report.search["evaluations"] == 0
    assert again.measurement.drop == whole.measurement.drop


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_an_interrupted_run_goes_on_with_the_same_bytes(monkeypatch, run, whole, tmp_path, passes):
    with monkeypatch.context() as patch:
        interrupt_at(patch, Judge, "outputs_of", passes + 1)
        cut_short = run(tmp_path / "w")
    assert cut_short.report.search["stopped"] == "it was interrupted"
    assert len([point for point in cut_short.points if point.slope]) == passes  # beside the exact network
    again = run(tmp_path / "w")
    assert same(again, whole)
    assert resumed(again) == {"points": passes, "gauge": True, "layers": 0}


def test_a_crash_leaves_what_was_finished(monkeypatch, run, whole, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr(Judge, "outputs_of", crash)
        with pytest.raises(ZeroDivisionError):
            run(tmp_path / "w")
    again = run(tmp_path / "w")
    assert same(again, whole) and resumed(again) == {"points": 0, "gauge": True, "layers": 0}


def crash(*args):
    raise ZeroDivisionError


def test_a_pass_after_the_resumed_ones_starts_from_their_ranks(labelled, tmp_path):
    """A wide layer, where ranks are tried near those of the pass before."""
    network = nets.classifier(hidden=96)
    whole = attar.compress(network, data=labelled, work=tmp_path / "w", max_drop=20)
    points = sorted(tmp_path.glob("w/point-*.json"))
    points[-1].unlink()
    again = attar.compress(network, data=labelled, work=tmp_path / "w", max_drop=20)
    assert same(again, whole)
    assert resumed(again) == {"points": len(points) - 1, "gauge": True, "layers": 0}


CHANGES = {
    "another seed": {"seed": 1},
    "another recipe's name": {
        "recipe": {"version": 1, "name": "x", "steps": [{"technique": "quantize.rate_distortion"}]}
    },
    "other layers": {"exclude": ["conv*"]},
    "another budget": {"max_drop": 3},
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
def test_another_question_gets_its_own_answer(run, folder, changed):
    other = run(folder, **changed)
    assert other.data == run(None, **changed).data
    assert (resumed(other) or {"points": 0})["points"] == 0
    assert resumed(run(folder, **changed))["points"] == len(other.points)


def test_a_budget_of_the_same_kind_keeps_the_gauge(run, folder):
    assert resumed(run(folder, max_drop=3)) == {"points": 0, "gauge": True, "layers": 0}


def test_other_samples_resume_nothing(network, run, folder):
    assert resumed(run(folder, data=nets.labelled(network, seed=7))) is None


def test_another_network_resumes_nothing(labelled, folder):
    other = attar.compress(nets.classifier(seed=3), data=labelled, work=folder, **BUDGET)
    assert resumed(other) is None
    assert other.data == attar.compress(nets.classifier(seed=3), data=labelled, **BUDGET).data


def test_another_version_resumes_nothing(monkeypatch, run, whole, folder):
    monkeypatch.setattr("attar.compression.fingerprint._build", lambda: "another")
    again = run(folder)
    assert same(again, whole) and resumed(again) is None


def test_another_arithmetic_resumes_nothing(monkeypatch, run, whole, folder):
    """Sums in another order round otherwise: points of one kind of processor are not mixed with those of another."""
    monkeypatch.setattr("attar.compression.fingerprint.arithmetic", lambda: {"blas": ["openblas 0.3 Other"]})
    again = run(folder)
    assert same(again, whole) and resumed(again) is None


def sign(record):
    """Give a record the digest that fits what it says and holds."""
    document = json.loads(record.read_text())
    data = record.with_suffix(".attar").read_bytes() if document["has_data"] else None
    try:
        document["digest"] = work.digest_of(record.stem, document, data)
    except AttributeError:  # of a document that is no record any more
        return
    record.write_text(json.dumps(document))


def edit(change, *, signed=True):
    def damage(folder):
        for path in folder.glob("*.json"):
            document = json.loads(path.read_text())
            change(document, document["facts"])
            path.write_text(json.dumps(document))
            if signed:
                sign(path)

    return damage


def truncate(pattern, share=0.5):
    def damage(folder):
        for path in folder.glob(pattern):
            path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return damage


def flip(pattern):
    def damage(folder):
        for path in folder.glob(pattern):
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)

    return damage


def resigned(content):
    """Replace the bytes of every record, with a digest that fits."""

    def damage(folder):
        for path in folder.glob("*.attar"):
            path.write_bytes(content)
            sign(path.with_suffix(".json"))

    return damage


def pipes(folder):
    for path in [*folder.glob("*.attar"), *folder.glob("*.json")]:
        path.unlink()
        os.mkfifo(path)


def folders(folder):
    for path in folder.glob("point-*.json"):
        path.unlink()
    for path in folder.glob("point-*.attar"):
        path.unlink()
        path.with_suffix(".json").mkdir()


def other_file():
    return attar.compress(nets.regressor(), recipe="int8").data


DAMAGES = {
    "truncated JSON": truncate("*.json"),
    "empty files": lambda folder: [truncate(pattern, 0)(folder) for pattern in ("*.json", "*.attar")],
    "truncated files": truncate("*.attar"),
    "flipped bits": flip("*.attar"),
    "no file at all": lambda folder: [path.unlink() for path in folder.glob("*.attar")],
    "another format": edit(lambda document, facts: document.update(format=1)),
    "lists for objects": edit(lambda document, facts: document.update(facts=[1, 2])),
    "no facts": edit(lambda document, facts: facts.clear()),
    "deep JSON": lambda folder: [path.write_text("[" * 100_000) for path in folder.glob("*.json")],
    "NaN": lambda folder: [
        path.write_text(path.read_text().replace("0.", "NaN, 0.")) for path in folder.glob("*.json")
    ],
    "text for numbers": edit(lambda document, facts: facts.update(slope="1", sensitivity={"conv_weight": "1"})),
    "other layers": edit(lambda document, facts: facts.update(plan={"x": []}, sensitivity={"x": 1.0})),
    "negative sensitivities": edit(
        lambda document, facts: facts.update(
            plan=[], sensitivity=dict.fromkeys(("conv_weight", "fc1_weight", "fc2_weight"), -1.0)
        )
    ),
    "unknown steps": edit(
        lambda document, facts: facts.update(plan={"fc1_weight": [{"technique": "os.system"}]}, sensitivity=1)
    ),
    "no attar file": resigned(b"\x89ATR\x02\x00" + bytes(100)),
    "a file of another network": resigned(other_file()),
    "figures that nobody can have": edit(
        lambda document, facts: facts.update(damage=-1.0, sensitivity=dict.fromkeys(facts.get("sensitivity", ()), -1.0))
    ),
    "another figure": edit(
        lambda document, facts: facts.update(damage=0.0, left_alone=[], sensitivity={}), signed=False
    ),
    "another record's place": lambda folder: (
        [
            shutil.copy(folder / f"point-001.{suffix}", path.with_suffix(f".{suffix}"))
            for path in folder.glob("*.json")
            for suffix in ("attar", "json")
            if path.stem != "point-001"
        ]
        + [(folder / "point-001.json").unlink()]
    ),
    "pipes": pipes,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_is_ignored_and_replaced(run, whole, folder, damage):
    damage(folder)
    again = run(folder)
    assert same(again, whole) and (resumed(again) or {"points": 0})["points"] == 0
    if damage is not pipes:
        assert resumed(run(folder))["points"] == len(whole.points)


def test_records_that_cannot_be_replaced_are_named(run, whole, folder):
    folders(folder)
    again = run(folder)
    assert same(again, whole) and "not a file" in again.report.search["work"]["trouble"]


def test_one_damaged_point_is_made_again(run, whole, folder):
    flip("point-002.attar")(folder)
    again = run(folder)
    assert same(again, whole) and resumed(again) == {"points": len(whole.points) - 1, "gauge": True, "layers": 0}
    assert resumed(run(folder))["points"] == len(whole.points)


def test_what_is_not_attar_s_stays(run, folder):
    (folder / "mine.txt").write_text("mine")
    (folder / "point-1.txt").write_text("mine")
    run(folder, seed=1)
    assert (folder / "mine.txt").exists() and (folder / "point-1.txt").exists()


@pytest.mark.parametrize("name", ["run.json", "gauge.attar", "point-002.json", "layer-0003.attar", "mine.txt"])
def test_a_folder_that_is_not_attar_s_is_left_alone(run, tmp_path, name):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / name).write_text("precious")
    with pytest.raises(OutputError, match=f"is no work folder of attar's: it holds '{name}'"):
        run(tmp_path / "w", data="nowhere.npz")  # said before the samples are looked for
    assert [path.name for path in (tmp_path / "w").iterdir()] == [name]
    assert (tmp_path / "w" / name).read_text() == "precious"


def test_an_empty_folder_is_taken(network, tmp_path):
    (tmp_path / "w").mkdir()
    attar.compress(network, target_size=3000, work=tmp_path / "w")
    assert (tmp_path / "w" / "run.json").exists()


def test_a_link_among_the_records_is_replaced_and_not_followed(run, whole, folder, tmp_path):
    precious = tmp_path / "precious.json"
    precious.write_text("precious")
    for name in ("point-001.json", "point-002.attar", "gauge.json", "run.json"):
        (folder / name).unlink()
        (folder / name).symlink_to(precious)
    again = run(folder)
    assert same(again, whole) and precious.read_text() == "precious"
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert again.report.search["work"]["refused"] == ["gauge", "point-001", "point-002", "run"]


def test_what_was_refused_is_said(run, whole, folder):
    flip("point-002.attar")(folder)
    edit(lambda document, facts: facts.update(samples={}), signed=False)(folder)
    refused = run(folder).report.search["work"]["refused"]
    assert "point-002" in refused and "gauge" in refused
    assert run(folder).report.search["work"]["refused"] == []


def test_the_report_tells_the_folder_s_size(run, folder):
    kept = run(folder).report.search["work"]
    assert kept["size_bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    assert kept["folder"] == str(folder) and kept["trouble"] is None


def test_a_full_disk_ends_keeping_and_not_the_run(monkeypatch, run, whole, tmp_path):
    def full(path, data, **options):
        raise OutputError(f"{path}: cannot be written: No space left on device")

    monkeypatch.setattr(work, "write_atomically", full)
    result = run(tmp_path / "w")
    assert same(result, whole)
    assert "No space left" in result.report.search["work"]["trouble"]


@pytest.mark.parametrize("place", ["a file", "a file's child", "nowhere/w"])
def test_where_no_folder_can_be(run, tmp_path, place):
    (tmp_path / "a file").touch()
    path = tmp_path / place.replace("'s child", "/w")
    with pytest.raises(OutputError, match="the work folder cannot be made"):
        run(path, data="nowhere.npz")  # said before the samples are looked for


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(run, tmp_path):
    (tmp_path / "w").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        run(tmp_path / "w")


def test_without_samples_points_are_kept_too(network, tmp_path):
    first, again = (attar.compress(network, target_size=3000, work=tmp_path / "w") for _ in range(2))
    assert same(again, first) and resumed(again)["points"] == len(first.points)


def test_a_recipe_without_a_slope_makes_no_folder(network, tmp_path):
    attar.compress(network, recipe="int8", work=tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_an_interrupt_before_the_first_point_keeps_nothing_false(monkeypatch, run, whole, tmp_path):
    with monkeypatch.context() as patch:
        interrupt_at(patch, along_slope, "_gauge", 1)
        run(tmp_path / "w")
    again = run(tmp_path / "w")
    assert same(again, whole) and resumed(again) is None


def test_a_form_taken_apart_again_is_the_same():
    rows = np.random.default_rng(0).normal(size=(9, 5))
    form = quadratic((rows.T @ rows)[None], damping=0.1)
    again = taken_apart(form.form)
    for name in ("form", "lower", "curvature"):
        np.testing.assert_array_equal(getattr(again, name), getattr(form, name))
