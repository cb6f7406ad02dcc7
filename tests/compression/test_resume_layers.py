"""A pass over a large network that was cut short goes on with the layer where it stopped, to the same bytes."""

import json

import numpy as np
import pytest

import attar
from attar import container
from attar.compression import along_slope, kept_layers
from attar.compression.treatment import Treatment
from attar.compression.walk import Walk

from . import nets
from .test_interrupt import interrupt_at
from .test_resume import flip, resigned, resumed, same, sign, truncate

BUDGET = {"max_drop": 20}  # a budget at which fc1 becomes two factors


@pytest.fixture(autouse=True, scope="module")
def every_network_is_large():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_layers, "LARGE", 0)
        patch.setattr(along_slope, "passes_for", lambda *_, **__: 3)  # so that the tests take seconds
        yield


@pytest.fixture(scope="module")
def wide():
    return low_rank(nets.classifier(hidden=96))


def low_rank(network):
    """Let fc1 be of rank 6, nearly."""
    tensor = next(t for t in network.graph.initializer if t.name == "fc1_weight")
    left, values, right = np.linalg.svd(nets.weights(network)["fc1_weight"], full_matrices=False)
    values[6:] *= 0.02
    tensor.CopyFrom(nets.numpy_helper.from_array((left * values @ right).astype(np.float32), "fc1_weight"))
    return network


@pytest.fixture(scope="module")
def samples(wide):
    return nets.labelled(wide)


@pytest.fixture
def run(wide, samples):
    return lambda folder: attar.compress(wide, data=samples, work=folder, **BUDGET)


@pytest.fixture(scope="module")
def whole(wide, samples):
    return attar.compress(wide, data=samples, **BUDGET)


@pytest.fixture
def cut_short(monkeypatch, run, tmp_path):
    """The work folder of a run that was stopped in its second pass, before its third layer."""
    with monkeypatch.context() as patch:
        interrupt_at(patch, Treatment, "_treat", 6)
        run(tmp_path / "w")
    assert len(list(tmp_path.glob("w/layer-*.json"))) == 2
    return tmp_path / "w"


def test_the_network_has_both_kinds_of_layers(whole):
    assert {len(change.now) for change in whole.report.changes} == {1, 2}


@pytest.mark.parametrize("treated", [1, 2, 3, 4, 5, 6, 7])
def test_an_interrupted_pass_goes_on(monkeypatch, run, whole, tmp_path, treated):
    with monkeypatch.context() as patch:
        interrupt_at(patch, Treatment, "_treat", treated)
        run(tmp_path / "w")
    points, layers = divmod(treated - 1, 3)
    again = run(tmp_path / "w")
    assert same(again, whole)
    assert resumed(again) == {"points": points, "gauge": True, "layers": layers}


def test_kept_layers_are_not_looked_at_again(monkeypatch, run, cut_short):
    calls = interrupt_at(monkeypatch, Walk, "weights", 2)  # fc2, and the first layer of the third pass
    run(cut_short)
    assert len(calls) == 2


def test_a_finished_pass_leaves_no_layers(run, tmp_path):
    run(tmp_path / "w")
    assert not list(tmp_path.glob("w/layer-*"))


def test_layers_are_small(cut_short):
    assert sum(path.stat().st_size for path in cut_short.glob("layer-*")) < 96 * 216


def edit(**changed):
    def damage(folder):
        for path in folder.glob("layer-*.json"):
            document = json.loads(path.read_text())
            path.write_text(json.dumps({**document, "facts": {**document["facts"], **changed}}))
            sign(path)

    return damage


def with_tensors(change):
    """Change the tensors of every record, with a digest that fits."""

    def damage(folder):
        for path in folder.glob("layer-*.attar"):
            data = container.to_bytes(None, tensors=change(dict(container.open(path).tensors())))
            path.write_bytes(data)
            sign(path.with_suffix(".json"))

    return damage


DAMAGES = {
    "truncated": truncate("layer-*"),
    "flipped": flip("layer-*.attar"),
    "no attar file": resigned(b"\x89ATR\x02\x00" + bytes(100)),
    "another slope": edit(slope=1.0),
    "another layer": edit(layer="fc9"),
    "a step of zero": edit(grids=[0.0]),
    "a step without end": edit(grids=[None]),
    "no step": edit(grids=[]),
    "text": edit(grids=["1"]),
    "too many": edit(grids=[1.0, 1.0, 1.0]),
    "no steps": edit(steps=[]),
    "unknown steps": edit(steps=[{"technique": "os.system"}]),
    "a bad step of the bias": edit(shift_step=-1.0),
    "declined": edit(declined=[1]),
    "no tensors": with_tensors(lambda tensors: {}),
    "floats": with_tensors(lambda tensors: {name: values.astype(np.float32) for name, values in tensors.items()}),
    "flat": with_tensors(lambda tensors: {name: values.ravel() for name, values in tensors.items()}),
    "another bias": with_tensors(lambda tensors: {**tensors, "shift": np.zeros(3)}),
    "an infinite bias": with_tensors(lambda tensors: {**tensors, "shift": tensors["shift"] + np.inf}),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_layers_are_made_again(run, whole, cut_short, damage):
    damage(cut_short)
    again = run(cut_short)
    assert same(again, whole)
    assert (resumed(again) or {"layers": 0})["layers"] == 0
