"""--pick, --work and --no-work: what a run leaves beside its output, and what is done with it later."""

import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from compression import nets

import attar

from .test_process import ATTAR, attar_command


@pytest.fixture(scope="module")
def place(made, tmp_path_factory):
    """A folder with a finished run: m.attar, its report, its work folder."""
    folder = tmp_path_factory.mktemp("place")
    words = ["compress", made / "model.onnx", "--data", made / "data.npz", "--max-drop", 3, "-o", folder / "m.attar"]
    assert attar_command(*words).returncode in (0, 1)
    return folder


@pytest.fixture
def report(place):
    return json.loads((place / "m.attar.json").read_text())


def test_a_run_leaves_its_work_folder_and_says_so(place, report):
    assert sorted(path.name for path in place.iterdir()) == ["m.attar", "m.attar.json", "m.attar.work"]
    work = report["search"]["work"]
    assert work["folder"] == str(place / "m.attar.work")
    assert work["size_bytes"] == sum(path.stat().st_size for path in (place / "m.attar.work").iterdir())


def test_the_same_command_again_resumes(run, made, place, report):
    words = ["compress", made / "model.onnx", "--data", made / "data.npz", "--max-drop", 3, "-o", place / "m.attar"]
    before = (place / "m.attar").read_bytes()
    ended = run(*words)
    assert f"resumed: {len(report['points'])} points" in ended.out
    assert (place / "m.attar").read_bytes() == before
    assert "to pick and to resume from" in ended.out


def test_the_curve_is_printed(run, made, place, report):
    out = run("compress", made / "model.onnx", "-o", place / "m.attar", "--pick", 1).out
    assert f"{report['samples']['search']} search samples" in out
    assert all(f"{point['size_bytes']:,} B" in out for point in report["points"])


def test_pick_by_number(run, made, place, report, tmp_path):
    out = tmp_path / "o.attar"
    words = ["compress", made / "model.onnx", "-o", out, "--work", place / "m.attar.work"]
    for point in report["points"]:
        ended = run(*words, "--pick", point["number"])
        assert ended.status == 0 and out.stat().st_size == point["size_bytes"]
        assert "not judged" in ended.out and f"picked: point {point['number']} of" in ended.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.attar", "o.attar.json"]


def test_pick_by_size_as_json(run, made, place, report):
    point = report["points"][1]
    words = ["compress", made / "model.onnx", "-o", place / "m.attar", "--pick", f"{point['size_bytes'] / 1000}kB"]
    ended = run(*words, "--json")
    assert ended.status == 0 and ended.json["size_bytes"] == point["size_bytes"] == (place / "m.attar").stat().st_size
    assert ended.json["measurement"] is None and ended.json["search"]["picked"] == 2
    assert [p["number"] for p in ended.json["points"] if p["chosen"]] == [2]
    assert [p["drop"] for p in ended.json["points"]] == [p["drop"] for p in report["points"]]
    assert json.loads((place / "m.attar.json").read_text())["size_bytes"] == point["size_bytes"]


def test_pick_with_data_is_judged(run, made, place):
    words = ["compress", made / "model.onnx", "-o", place / "m.attar", "--data", made / "data.npz", "--pick", 1]
    ended = run(*words, "--json")
    measured = ended.json["measurement"]
    missed = not all(limit["met"] for limit in ended.json["limits"])
    assert measured["samples"] == 200 and measured["metric"] == "top-1" and ended.status == missed
    x, y = nets.labelled(nets.classifier(), 50, seed=4)
    np.savez(place / "e.npz", x=x, y=y)
    ended = run(*words[:4], "--eval-data", place / "e.npz", "--pick", 1)
    (place / "e.npz").unlink()
    assert "on 50 samples" in ended.out and "not judged" not in ended.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--pick", "99"], "pick 99: there is no such point"),
        (["--pick", "1B"], "no point is that small"),
        (["--pick", "some"], "pick 'some' is not a size"),
        (["--pick", ""], "pick '' is not a size"),
        (["--pick", "1", "--max-drop", "1"], "leave the budget out"),
        (["--pick", "1", "--no-work"], "--no-work"),
        (["--work", "w", "--no-work"], "--no-work"),
        (["--pick", "1", "--work", "nowhere"], "nowhere: there is no work folder"),
        (["--work", "m.attar"], "m.attar: the work folder cannot be made: it exists and is not a folder"),
        (["--work", "nowhere/w"], "the work folder cannot be made: there is no folder nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line_and_leave_the_disk_as_it_was(run, made, place, monkeypatch, words, says):
    monkeypatch.chdir(place)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    ended = run("compress", made / "model.onnx", "-o", "m.attar", *words)
    assert ended.status == 2 and ended.out == "" and says in ended.err and ended.err.count("\n") == 1
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_pick_for_another_network(run, place, tmp_path):
    other = nets.write(tmp_path / "other.onnx", nets.classifier(seed=5))
    ended = run("compress", other, "-o", tmp_path / "o.attar", "--work", place / "m.attar.work", "--pick", 1)
    assert ended.status == 2 and "another network" in ended.err


def test_a_file_where_the_work_folder_should_be(run, made, tmp_path):
    (tmp_path / "m.attar.work").write_text("mine")
    ended = run("compress", made / "model.onnx", "--target-size", "3kB", "-o", tmp_path / "m.attar")
    assert ended.status == 2 and "it exists and is not a folder" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["m.attar.work"]


def test_no_work_leaves_nothing(run, made, tmp_path):
    words = ["compress", made / "model.onnx", "--target-size", "3kB", "-o", tmp_path / "m.attar", "--no-work"]
    assert run(*words).status in (0, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.attar", "m.attar.json"]


def test_killed_and_started_again(made, tmp_path):
    """kill -9 once a point is finished: the next run has the bytes of one that nobody touched."""
    network = nets.write(tmp_path / "wide.onnx", nets.classifier(hidden=400))
    words = ["compress", network, "--data", made / "data.npz", "--max-drop", 2, "--seed", 1]
    killed = subprocess.Popen([*ATTAR, *map(str, words), "-o", tmp_path / "m.attar"], stdout=subprocess.DEVNULL)
    wait_for(tmp_path / "m.attar.work" / "point-001.json", killed)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(timeout=60) == -signal.SIGKILL and not (tmp_path / "m.attar").exists()
    finished = len(list(tmp_path.glob("m.attar.work/point-*.json")))
    again = attar_command(*words, "-o", tmp_path / "m.attar", "--json")
    assert json.loads(again.stdout)["search"]["resumed"] == {"points": finished, "gauge": True, "layers": 0}
    attar_command(*words, "-o", tmp_path / "whole.attar", "--no-work")
    assert (tmp_path / "m.attar").read_bytes() == (tmp_path / "whole.attar").read_bytes()
    attar.open(tmp_path / "m.attar").file.check()


def wait_for(path: Path, process):
    ends = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None and time.monotonic() < ends
        time.sleep(0.002)
