"""Biases of a network in integers: corrected where that helps, in the file's graph as in its program."""

from pathlib import Path

import numpy as np
import pytest

import attar
from attar.compression.corrections import corrected
from attar.compression.integers import METHODS
from attar.graph import set_initializer
from attar.graph.norms import simplify_norms
from attar.graph.offsets import shift
from attar.runtime import Session
from attar.runtime.integer import Affine, MinMax, calibrate
from attar.runtime.integer import run as oracle
from attar.runtime.integer.lower import lowered

FASHION = Path(__file__).parents[2] / "examples" / "fashion"
COARSE = {"version": 1, "steps": [{"technique": "quantize.uniform", "bits": 3, "granularity": "per_channel"}]}


def images(count):
    return ((np.load(FASHION / "test.npz")["x"][:count].astype(np.float32) / 255 - 0.286) / 0.353).reshape(
        count, 1, 28, 28
    )


def unequal(model):
    """Return LeNet-5 with every other channel of its first layer 30 times as large, and read as much smaller."""
    factors = np.where(np.arange(model.graph.initializers["conv1.bias"].shape[0]) % 2, 30, 1).astype(np.float32)
    for name, factor in (
        ("conv1.weight", factors.reshape(-1, 1, 1, 1)),
        ("conv1.bias", factors),
        ("conv2.weight", 1 / factors.reshape(1, -1, 1, 1)),
    ):
        set_initializer(model, name, model.graph.initializers[name].const_value.numpy() * factor)
    return model


@pytest.mark.parametrize("name", ["lenet5", "vgg_small"])
def test_a_fault_that_was_planted_in_a_bias_is_taken_out(name):
    original = attar.load(FASHION / f"{name}.onnx")
    model = simplify_norms(original).model
    feeds = {model.graph.inputs[0].name: images(64)}
    output = model.graph.outputs[0].name
    shift(model, output, np.linspace(-3, 3, 10))
    formats = calibrate(model, feeds, Affine(), method=MinMax())
    copy, layers = corrected(original, model, lowered(model, formats, Affine()), feeds, given={})
    wanted = Session(original).run_all(feeds)[0].mean(axis=0)
    formats = calibrate(copy, feeds, Affine(), method=MinMax())
    found = oracle(lowered(copy, formats, Affine()).program, feeds).outputs[output].mean(axis=0)
    assert layers > 2
    np.testing.assert_allclose(found, wanted, atol=0.25)
    assert not np.allclose(Session(model).run_all(feeds)[0].mean(axis=0), wanted, atol=1)


def compressed(name, **choices):
    samples = images(300)
    return attar.compress(
        FASHION / f"{name}.onnx", data=samples[:200], eval_data=samples[200:], recipe=COARSE, max_error=90, **choices
    )


@pytest.fixture(scope="module")
def coarse():
    return compressed("lenet5", integer=True)


def test_the_report_names_what_was_taken(coarse):
    run = coarse.report.integers
    assert run.calibration in {f"{name}, biases corrected" for name in METHODS}
    assert run.damages[run.calibration] == min(run.damages.values())


def test_biases_stay_where_others_do_more_harm():
    result = compressed("lenet_300_100", integer=True)
    run = result.report.integers
    assert run.calibration in METHODS
    assert run.damages[f"{run.calibration}, biases corrected"] > run.damages[run.calibration]
    without = compressed("lenet_300_100")
    assert all(
        np.array_equal(without.file.tensor(entry.name), result.file.tensor(entry.name))
        for entry in without.file.entries
    )


def test_the_graph_of_the_file_has_the_biases_of_its_program(coarse, tmp_path):
    coarse.save(tmp_path / "net.attar")
    feeds = {"image": images(100)}
    graph = Session(coarse.file.model()).run_all(feeds)[0]
    program = attar.Engine(tmp_path / "net.attar")(feeds["image"])["logits"]
    assert np.linalg.norm(graph - program) < 0.05 * np.linalg.norm(graph)


def test_weights_stay_on_their_grid(coarse):
    without = compressed("lenet5")
    same = {
        entry.name: np.array_equal(without.file.tensor(entry.name), coarse.file.tensor(entry.name))
        for entry in without.file.entries
    }
    assert all(is_same == name.endswith("weight") for name, is_same in same.items()), same


def test_channels_are_equalized_where_no_weights_lie_on_a_grid(tmp_path):
    pruned = {"version": 1, "steps": [{"technique": "prune.magnitude", "level": 0.2}]}
    samples = images(300)
    spread = unequal(attar.load(FASHION / "lenet5.onnx"))
    result = attar.compress(spread, data=samples[:200], recipe=pruned, integer="fixed-point", max_error=90)
    run = result.report.integers
    assert "equalized" in run.calibration and run.damages[run.calibration] < min(run.damages[name] for name in METHODS)
    result.save(tmp_path / "equalized.attar")
    engine = attar.Engine(tmp_path / "equalized.attar")({"image": samples[200:]})["logits"]
    floats = attar.open(tmp_path / "equalized.attar")(samples[200:])["logits"]
    assert (engine.argmax(1) == floats.argmax(1)).mean() > 0.9


def test_weights_on_a_grid_are_not_equalized(coarse):
    assert not any("equalized" in name for name in coarse.report.integers.damages)
