"""What is printed is what the file on disk does, on samples that nothing before the verdict has seen."""

import json

import numpy as np
import pytest

import attar
from attar.compression import finish, verb
from attar.evaluate import predicted_drop
from attar.export import to_onnx
from attar.runtime import Session

from . import nets


@pytest.fixture(scope="module")
def saved(tmp_path_factory, network, labelled):
    path = tmp_path_factory.mktemp("saved") / "m.attar"
    result = attar.compress(
        network, data=labelled, eval_data=nets.labelled(network, 300, seed=8), max_drop=5, recipe=nets.BITS
    )
    result.save(path)
    return path, json.loads(path.with_name("m.attar.json").read_text())


def test_figures_are_those_of_the_file_on_disk(saved, network):
    path, report = saved
    x, labels = nets.labelled(network, 300, seed=8)
    before = nets.run(network, image=x)[0].astype(np.float64)
    after = nets.run(to_onnx(attar.open(path).file), image=x)[0].astype(np.float64)
    m = report["measurement"]
    assert report["size_bytes"] == path.stat().st_size
    assert m["samples"] == 300
    assert m["before"] == pytest.approx(100 * (before.argmax(axis=1) == labels).mean())
    assert m["after"] == pytest.approx(100 * (after.argmax(axis=1) == labels).mean())
    assert m["drop"] == pytest.approx(m["before"] - m["after"])
    assert m["drop_interval"][0] <= m["drop"] <= m["drop_interval"][1]
    assert m["agreement"] == pytest.approx(100 * (before.argmax(axis=1) == after.argmax(axis=1)).mean())
    assert m["relative_error"] == pytest.approx(100 * np.linalg.norm(before - after) / np.linalg.norm(before))


def test_a_predicted_drop_is_that_of_the_file(network):
    x = nets.images(200, seed=5)
    result = attar.compress(network, data=nets.images(), eval_data=x, max_drop=3, recipe=nets.BITS, task="classify")
    before, after = nets.run(network, image=x)[0], nets.run(to_onnx(result.file), image=x)[0]
    assert result.measurement.drop == pytest.approx(100 * predicted_drop(before, after).mean())


def test_the_report_accounts_for_every_byte(saved):
    path, report = saved
    assert sum(report["chunk_sizes"].values()) == path.stat().st_size
    stored = sum(e.length for e in attar.open(path).file.entries)
    assert report["chunk_sizes"]["streams"] >= stored
    assert report["ratio"] == pytest.approx(report["fp32_bytes"] / path.stat().st_size)


def test_the_report_is_valid_json_of_plain_values(saved):
    path, report = saved
    text = path.with_name("m.attar.json").read_text()
    assert json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON")) == report
    assert {"source", "recipe", "seed", "budget", "changes", "left_alone", "plan", "search", "samples"} <= set(report)
    assert all({"name", "steps", "bytes_before", "now"} <= set(change) for change in report["changes"])


def test_a_network_that_answers_infinity_still_has_valid_json():
    net = nets.model(
        """<ir_version: 10, opset_import: ["" : 21]> g (float[n, 3] x) => (float[n, 1] y) {
            h = MatMul (x, w)
            zero = Sub (h, h)
            y = Reciprocal (zero)
        }""",
        {"w": (3, 1)},
        seed=0,
    )
    result = attar.compress(net, data=np.ones((20, 3), np.float32), recipe="int8")
    json.dumps(result.to_json(), allow_nan=False)


class Detector:
    """Notes which samples every session runs, by their first pixel, which holds the sample's number."""

    def __init__(self, monkeypatch):
        self.seen = []
        original = Session.run

        def run(session, feeds):
            self.seen.append(set(feeds["image"][:, 0, 0, 0].astype(int).tolist()))
            return original(session, feeds)

        monkeypatch.setattr(Session, "run", run)


@pytest.fixture
def numbered():
    x = nets.images(200) * 0.1
    x[:, 0, 0, 0] = np.arange(200)
    return x


def noting(function, detector, phases):
    """Wrap a phase of a run so that the samples it runs are noted under its name."""

    def noted(*args, **kwargs):
        start = len(detector.seen)
        try:
            return function(*args, **kwargs)
        finally:
            phases[function.__name__] = set().union(*detector.seen[start:])

    return noted


def test_calibration_and_search_never_see_the_verdict_s_samples(monkeypatch, network, numbered):
    detector = Detector(monkeypatch)
    phases = {}
    for module, name in ((verb, "input_statistics"), (verb, "_search"), (finish, "measure")):
        monkeypatch.setattr(module, name, noting(getattr(module, name), detector, phases))
    result = attar.compress(network, data=numbered, max_error=5, recipe=nets.BITS)
    calibration, search, verdict = (phases[name] for name in ("input_statistics", "_search", "measure"))
    assert calibration | search | verdict == set(range(200))
    assert len(calibration) + len(search) + len(verdict) == 200
    assert result.report.samples == {
        "calibration": len(calibration),
        "search": len(search),
        "verdict": len(verdict),
    }


def test_other_verdict_samples_give_the_same_file(network, labelled):
    verdicts = [nets.labelled(network, 50, seed=s) for s in (21, 22)]
    one, two = (attar.compress(network, data=labelled, eval_data=v, max_drop=5, recipe=nets.BITS) for v in verdicts)
    assert one.data == two.data
    assert one.measurement.differences.tolist() != two.measurement.differences.tolist()


def test_save_needs_a_place(tmp_path, result):
    with pytest.raises(attar.OutputError):
        result.save(tmp_path / "nowhere" / "m.attar")
    assert list(tmp_path.iterdir()) == []


def test_save_leaves_nothing_where_the_report_cannot_stand(tmp_path, result):
    (tmp_path / "m.attar.json").mkdir()
    (tmp_path / "m.attar").write_text("mine")
    with pytest.raises(attar.OutputError):
        result.save(tmp_path / "m.attar")
    assert (tmp_path / "m.attar").read_text() == "mine"
