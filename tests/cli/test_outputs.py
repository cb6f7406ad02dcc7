"""No command destroys what somebody has: what it reads never, a stranger's file only where forced to."""

import json
import os
import shutil

import numpy as np
import onnx
import pytest
from compression import nets
from PIL import Image

from .test_bad_input import snapshot


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A folder of good files in which the command runs."""
    folder = tmp_path / "place"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def refused(run, place):
    def refused(*words, says):
        before = snapshot(place)
        ended = run(*words)
        assert ended.status == 2 and ended.out == "" and ended.err.count("\n") == 1, ended
        assert says in ended.err
        assert snapshot(place) == before

    return refused


def in_two_files(folder):
    onnx.save_model(
        nets.classifier(), folder / "two.onnx", save_as_external_data=True, location="two.bin", size_threshold=0
    )
    return ["two.onnx", "--recipe", "int8", "-o", "two.bin"]


def hard_link(folder):
    os.link(folder / "model.onnx", folder / "other.onnx")
    return ["model.onnx", "--recipe", "int8", "-o", "other.onnx"]


def picture(folder):
    (folder / "photos" / "cats").mkdir(parents=True)
    for number in range(3):
        Image.new("L", (8, 8), number).save(folder / "photos" / "cats" / f"{number}.png")
    return ["model.onnx", "--data", "photos", "-o", "photos/cats/1.png"]


def network_as_report(folder):
    shutil.copy(folder / "model.onnx", folder / "a.attar.json")
    return ["a.attar.json", "--recipe", "int8", "-o", "a.attar"]


def recipe_as_report(folder):
    shutil.copy(folder / "bits.json", folder / "a.attar.json")
    return ["model.onnx", "--data", "data.npz", "--recipe", "a.attar.json", "-o", "a.attar"]


def config_of_the_samples(folder):
    (folder / "preprocessor_config.json").write_text("{}")
    return ["model.onnx", "--data", "data.npz", "-o", "preprocessor_config.json"]


def module_of_the_samples(folder):
    (folder / "samples.py").write_text("raise ImportError")
    return ["model.onnx", "--data", "samples:all", "-o", "samples.py"]


INPUTS = {
    "external data": in_two_files,
    "a hard link": hard_link,
    "a sample": picture,
    "the network as the report": network_as_report,
    "the recipe as the report": recipe_as_report,
    "the plan as the report": lambda folder: [
        *("model.onnx", "--data", "data.npz", "--plan", "model.attar.json", "-o", "model.attar")
    ],
    "a config": config_of_the_samples,
    "a module": module_of_the_samples,
}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("make", INPUTS.values(), ids=INPUTS)
def test_compress_replaces_no_input(refused, place, make, force):
    refused("compress", *make(place), *["--force"] * force, says="is one of the inputs")


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "words",
    [
        ["export", "model.attar", "-o", "model.attar"],
        ["run", "model.attar", "--input", "data.npz", "--output", "data.npz"],
        ["run", "model.attar", "--input", "unlabelled.npy", "--output", "unlabelled.npy"],
        ["run", "model.attar", "--input", "data.npz", "--output", "model.attar"],
        ["memory", "model.onnx", "-o", "model.onnx"],
    ],
    ids=" ".join,
)
def test_other_commands_replace_no_input(refused, words, force):
    refused(*words, *["--force"] * force, says="is one of the inputs")


COMMANDS = {
    "compress": ["compress", "model.onnx", "--recipe", "int8", "-o", "out"],
    "onnx": ["export", "model.attar", "-o", "out"],
    "safetensors": ["export", "model.attar", "--to", "safetensors", "-o", "out"],
    "run": ["run", "model.attar", "--input", "data.npz", "--output", "out"],
    "memory": ["memory", "model.onnx", "-o", "out"],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_file_of_its_own_kind_is_replaced_and_another_one_is_not(run, refused, place, words):
    assert run(*words).status == 0
    made = (place / "out").read_bytes()
    assert run(*words).status == 0
    assert (place / "out").read_bytes() == made
    (place / "out").write_text('{"precious": true}')
    refused(*words, says="out: exists and is not a")
    assert run(*words, "--force").status == 0
    assert (place / "out").read_bytes() == made


def test_a_report_that_is_none_is_not_replaced(run, refused, place):
    (place / "out.json").write_text(json.dumps({"plan": {}, "size_bytes": 3}))
    refused(*COMMANDS["compress"], says="out.json: exists and is not a report")
    assert run(*COMMANDS["compress"], "--force").status == 0


def test_file_and_report_in_one_place(refused, place):
    (place / "out.json").symlink_to("out")
    refused(*COMMANDS["compress"], says="out.json: is a link to out")


def test_a_name_to_which_the_report_s_does_not_fit(refused):
    refused("compress", "model.onnx", "--recipe", "int8", "-o", "n" * 252, says="File name too long")


def test_links_in_a_circle(refused, place):
    (place / "out").symlink_to("out")
    for words in COMMANDS.values():
        refused(*words, says="out: cannot be written")


def test_a_result_knows_what_it_was_made_of(made, tmp_path):
    import attar
    from attar.errors import OutputError

    shutil.copy(made / "model.onnx", tmp_path / "model.onnx")
    result = attar.compress(tmp_path / "model.onnx", recipe="int8")
    for force in (False, True):
        with pytest.raises(OutputError, match="is one of the inputs"):
            result.save(tmp_path / "model.onnx", force=force)
    (tmp_path / "notes.txt").write_text("precious")
    with pytest.raises(OutputError, match=r"exists and is not an .attar file; .*force=True"):
        result.save(tmp_path / "notes.txt")
    result.save(tmp_path / "notes.txt", force=True)
    assert (tmp_path / "notes.txt").read_bytes() == result.data


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", "it.npz"],
        ["verify", "it.npz"],
        ["memory", "it.npz"],
        ["memory", "model.onnx", "--check", "it.npz"],
        ["bench", "it.npz"],
        ["eval", "model.onnx", "--data", "it.npz"],
        ["run", "model.attar", "--input", "it.npz"],
        ["compress", "model.onnx", "--data", "it.npz", "-o", "o"],
        ["compress", "model.onnx", "--recipe", "./it.npz", "-o", "o"],
        ["compress", "model.onnx", "--plan", "it.npz", "-o", "o"],
        ["verify", "model.attar", "--against", "it.npz", "--data", "data.npz"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_not_waited_for(refused, place, words, kind):
    if kind == "pipe":
        os.mkfifo(place / "it.npz")
    elif kind == "device":
        (place / "it.npz").symlink_to("/dev/zero")
    elif "eval" in words or "--data" in words or "--input" in words:
        pytest.skip("a folder of samples")
    else:
        (place / "it.npz").mkdir()
    refused(*words, says="it.npz")


def test_pictures_that_are_pipes(refused, place):
    np.savez(place / "data.npz", x=np.zeros((2, 1, 8, 8), np.float32))
    (place / "preprocessor_config.json").write_text("{}")
    os.mkfifo(place / "it.png")
    refused("run", "model.attar", "--input", "it.png", says="it.png: cannot be read: it is a pipe")
    (place / "preprocessor_config.json").unlink()
    os.mkfifo(place / "preprocessor_config.json")
    refused("run", "model.attar", "--input", "data.npz", says="preprocessor_config.json: cannot be read: it is a pipe")


@pytest.mark.parametrize("words", [["inspect"], ["verify"], ["export", "-o", "out"], ["run", "--input", "data.npz"]])
def test_the_budgets_can_be_set(run, place, words):
    command = [words[0], "model.attar", *words[1:]]
    assert run(*command, "--max-memory", "50kB").status == 0
    small = run(*command, "--max-memory", "2kB")
    assert small.status == 2 and "bytes reach" in small.err and "the limit is 2000" in small.err
    few = run(*command, "--max-nodes", "3")
    assert few.status == 2 and "operators, functions expanded; the limit is 3" in few.err
    assert run(*command).status == 0  # what was set for one command holds for no other


def test_the_budgets_of_networks(run, place):
    import attar
    from attar.errors import ModelError

    small = run("inspect", "model.onnx", "--max-memory", "2kB")
    assert small.status == 2 and "the tensors of the network take" in small.err
    with pytest.raises(ModelError, match="the limit is 2,000"):
        attar.load(place / "model.onnx", max_memory_bytes=2000)
    with pytest.raises(ModelError, match="the limit is 2,000"):
        attar.compress(place / "model.onnx", recipe="int8", max_memory_bytes=2000)
    assert attar.compress(place / "model.onnx", recipe="int8").size_bytes
