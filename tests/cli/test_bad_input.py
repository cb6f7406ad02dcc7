"""Every bad input gets one clear line on standard error and exit status 2, and leaves the disk as it was."""

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from compression import nets
from onnx import TensorProto, numpy_helper

BAD = Path("bad.onnx")
GOLDEN_BAD = nets.FASHION.parents[1] / "tests" / "golden" / "bad"


def snapshot(folder):
    return {p.relative_to(folder): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A folder of good files, with a result already there, which is also where the command runs."""
    folder = tmp_path / "place"
    shutil.copytree(made, folder)
    shutil.copy(folder / "model.attar", folder / "old.attar")
    shutil.copy(folder / "model.attar.json", folder / "old.attar.json")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def refused(run, place):
    def refused(*words, says=""):
        before = snapshot(place)
        ended = run(*words)
        assert ended.status == 2, ended
        assert ended.err.startswith("attar: ") and ended.err.count("\n") == 1, ended.err
        assert len(ended.err.strip()) > len("attar: ")
        assert says in ended.err, ended.err
        assert ended.out == ""
        assert snapshot(place) == before
        return ended

    return refused


def external(location, *, write=None, length=16):
    """Save bad.onnx, whose last bias (4,) lies in another file."""
    net = nets.classifier()
    tensor = next(t for t in net.graph.initializer if t.name == "fc2_bias")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    tensor.external_data.add(key="length", value=str(length))
    if write is not None:
        Path(location).write_bytes(write)
    BAD.write_bytes(net.SerializeToString())


def not_onnx():
    BAD.write_bytes(b"this is no network" * 50)


def empty():
    BAD.touch()


def truncated():
    BAD.write_bytes(Path("model.onnx").read_bytes()[:-100])


def opset(number):
    net = nets.classifier()
    net.opset_import[0].version = number
    BAD.write_bytes(net.SerializeToString())


def nan_weights():
    net = nets.classifier()
    values = nets.weights(net)["fc1_weight"].copy()
    values[3, 3] = np.nan
    next(t for t in net.graph.initializer if t.name == "fc1_weight").CopyFrom(
        numpy_helper.from_array(values, "fc1_weight")
    )
    onnx.save(net, "bad.onnx")


def unknown_operator():
    net = nets.classifier()
    net.graph.node[1].op_type = "Levitate"
    BAD.write_bytes(net.SerializeToString())


NETWORKS = {
    "missing": (lambda: None, "bad.onnx"),
    "a folder": (BAD.mkdir, "bad.onnx"),
    "not ONNX": (not_onnx, "not an ONNX"),
    "empty": (empty, "not an ONNX"),
    "truncated": (truncated, "truncated"),
    "external data missing": (lambda: external("far.bin"), "external data file 'far.bin' is missing"),
    "external data too short": (lambda: external("far.bin", write=b"12"), "external data"),
    "an absolute path": (lambda: external("/etc/passwd"), "lies outside the model's folder"),
    "a path that climbs": (lambda: external("../far.bin", write=b"0" * 16), "lies outside the model's folder"),
    "an old opset": (lambda: opset(1), "opset"),
    "a future opset": (lambda: opset(999), "opset"),
    "NaN weights": (nan_weights, "NaN"),
    "an operator that does not exist": (unknown_operator, "Levitate"),
}


@pytest.mark.parametrize(("make", "says"), NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize(
    "words",
    [
        ["compress", "bad.onnx", "--recipe", "int8", "-o", "old.attar"],
        ["eval", "bad.onnx", "--data", "data.npz"],
    ],
    ids=["compress", "eval"],
)
def test_networks(refused, make, says, words):
    make()
    refused(*words, says=says)


def test_a_link_that_leaves_the_folder(refused, tmp_path):
    (tmp_path / "far.bin").write_bytes(b"0" * 16)
    Path("near.bin").symlink_to(tmp_path / "far.bin")
    external("near.bin")
    refused("compress", "bad.onnx", "--recipe", "int8", "-o", "old.attar", says="outside the model's folder")


x, y = np.zeros((20, 1, 8, 8), np.float32), np.zeros(20, np.int64)
DATA = {
    "empty": ({"x": x[:0], "y": y[:0]}, "empty"),
    "another shape": ({"x": x[:, :, :5], "y": y}, "the network wants"),
    "text": ({"x": np.full((20, 1, 8, 8), "a"), "y": y}, "not a number"),
    "NaN": ({"x": np.full_like(x, np.nan), "y": y}, "NaN"),
    "labels out of range": ({"x": x, "y": y + 4}, "label 4 is outside 0 to 3"),
    "negative labels": ({"x": x, "y": y - 1}, "label -1 is outside 0 to 3"),
    "labels of another type": ({"x": x, "y": y + 0.5}, "class numbers are whole numbers"),
    "fewer labels": ({"x": x, "y": y[:9]}, "9 labels for 20 samples"),
    "another name": ({"pixels": x}, "no array 'image'"),
}


@pytest.mark.parametrize(("arrays", "says"), DATA.values(), ids=DATA)
@pytest.mark.parametrize(
    "words",
    [
        ["compress", "model.onnx", "--data", "bad.npz", "-o", "old.attar"],
        ["compress", "model.onnx", "--data", "data.npz", "--eval-data", "bad.npz", "-o", "old.attar"],
        ["verify", "model.attar", "--against", "model.onnx", "--data", "bad.npz"],
        ["eval", "model.attar", "--data", "bad.npz"],
    ],
    ids=["data", "eval-data", "verify", "eval"],
)
def test_data(refused, arrays, says, words):
    np.savez("bad.npz", **arrays)
    refused(*words, says=says)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: None, "bad.npz: cannot be read"),
        (Path("bad.npz").touch, "bad.npz: cannot be read"),
        (lambda: shutil.copy("model.onnx", "bad.npz"), "bad.npz: cannot be read"),
        (lambda: np.savez("bad.npz", x=np.array([{}])), "bad.npz: cannot be read"),
    ],
    ids=["missing", "empty", "something else", "pickled"],
)
@pytest.mark.parametrize("command", ["compress", "run"])
def test_data_files(refused, make, says, command):
    make()
    words = {"compress": ["--data", "bad.npz", "-o", "old.attar"], "run": ["--input", "bad.npz", "--output", "o.npz"]}
    refused(command, "model.onnx", *words[command], says=says)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--max-drop", "-1"], "max-drop is -1.0, outside 0 to 100"),
        (["--max-drop", "101"], "max-drop is 101.0"),
        (["--max-drop", "nan"], "max-drop is nan"),
        (["--min-agreement", "100.5"], "min-agreement is 100.5"),
        (["--max-error", "-2"], "max-error is -2.0"),
        (["--max-error", "inf"], "max-error is inf"),
        (["--target-size", "0"], "target-size is 0"),
        (["--target-size", "plenty"], "target-size 'plenty' is not a size"),
        (["--target-size", "-3kB"], "target-size '-3kB' is not a size"),
        (["--recipe", "better"], "no recipe 'better'"),
        (["--recipe", "data.npz"], "data.npz: cannot be read"),
        (["--plan", "data.npz"], "data.npz: cannot be read"),
        (["--plan", "nowhere.json"], "nowhere.json: cannot be read"),
        (["--only", "fc9*"], "no layer matches 'fc9*'"),
        (["--exclude", "fc9*"], "no layer matches 'fc9*'"),
        (["--outputs", "nothing"], "no tensor 'nothing'"),
        (["--metric", "f2"], "unknown metric 'f2'"),
        (["--metric", "nowhere:f"], "nowhere:f: cannot be imported"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_settings(refused, words, says):
    refused("compress", "model.onnx", "--data", "data.npz", "-o", "old.attar", *words, says=says)


def test_no_data(refused):
    refused("compress", "model.onnx", "--max-drop", 1, "-o", "old.attar", says="without --data nothing can be judged")
    for recipe in ("candidates", "ge2017"):
        refused("compress", "model.onnx", "--recipe", recipe, "-o", "old.attar", says="without --data")
    refused("compress", "model.onnx", "--eval-data", "data.npz", "-o", "old.attar", says="--data must give")
    refused("verify", "model.attar", "--against", "model.onnx", says="give --data")


def test_no_labels(refused):
    refused("eval", "model.attar", "--data", "unlabelled.npy", says="no labels to measure anything with")


@pytest.mark.parametrize("command", ["compress", "export", "run"])
@pytest.mark.parametrize("output", ["nowhere/out", "a_folder", "data.npz/out", "o" * 300, ""])
def test_outputs_that_cannot_be_written(refused, command, output):
    Path("a_folder").mkdir()
    words = {
        "compress": ["model.onnx", "--recipe", "int8", "-o", output],
        "export": ["model.attar", "-o", output],
        "run": ["model.attar", "--input", "data.npz", "--output", output],
    }
    refused(command, *words[command])


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
@pytest.mark.parametrize("command", ["compress", "export"])
def test_read_only_folders(refused, command):
    Path("locked").mkdir(mode=0o500)
    words = {"compress": ["model.onnx", "--recipe", "int8"], "export": ["model.attar"]}
    refused(command, *words[command], "-o", "locked/out", says="cannot be written")


def test_a_report_that_cannot_be_written(refused):
    Path("out.attar.json").mkdir()
    refused("compress", "model.onnx", "--recipe", "int8", "-o", "out.attar", says="out.attar.json")


@pytest.mark.parametrize("output", ["model.onnx", "./model.onnx", "data.npz"])
def test_an_input_is_not_overwritten(refused, output):
    words = ["--data", "data.npz", "--recipe", "int8", "-o", output]
    refused("compress", "model.onnx", *words, says="is one of the inputs")


HOSTILE = ["magic", "version", "stream_crc", "chunk_crc", "raw_huge", "count_huge", "graph_bomb", "graph_external"]
HOSTILE += ["trailing", "empty", "chunk_length_huge", "name_not_utf8", "meta_nan", "grid_q_large", "name_line_break"]
READERS = {
    "inspect": ["inspect", "bad.attar"],
    "verify": ["verify", "bad.attar"],
    "eval": ["eval", "bad.attar", "--data", "data.npz"],
    "run": ["run", "bad.attar", "--input", "data.npz"],
    "export": ["export", "bad.attar", "-o", "out"],
    "safetensors": ["export", "bad.attar", "--to", "safetensors", "-o", "out"],
    "qdq": ["export", "bad.attar", "--to", "qdq", "-o", "out"],
}


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(refused, command, name):
    shutil.copy(GOLDEN_BAD / f"{name}.attar", "bad.attar")
    refused(*READERS[command])


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_damaged_files(refused, command, damage):
    content = bytearray(Path("model.attar").read_bytes())
    content[len(content) // 2] ^= 0x10
    Path("bad.attar").write_bytes(content[:-20] if damage == "truncated" else content)
    refused(*READERS[command])


@pytest.mark.parametrize("command", READERS)
def test_missing_files(refused, command):
    refused(*READERS[command], says="bad.attar")


@pytest.mark.parametrize("command", ["verify", "export"])
def test_an_onnx_file_where_a_compressed_one_is_wanted(refused, command):
    words = {"verify": [], "export": ["-o", "out"]}
    refused(command, "model.onnx", *words[command], says="model.onnx")


def test_weights_without_a_graph(run, refused):
    from attar import container

    container.write("weights.attar", None, tensors={"w": np.ones((2, 2), np.float32)})
    assert run("verify", "weights.attar").status == 0
    assert run("inspect", "weights.attar").status == 0
    refused("export", "weights.attar", "-o", "out.onnx", says="no graph")
    refused("export", "weights.attar", "--to", "qdq", "-o", "out.onnx", says="no graph")
    refused("eval", "weights.attar", "--data", "data.npz", says="no graph")
    refused("run", "weights.attar", "--input", "data.npz", says="no graph")


def test_qdq_of_a_file_without_a_program(refused):
    refused("export", "model.attar", "--to", "qdq", "-o", "out.onnx", says="no program is inside")
    assert not Path("out.onnx").exists()


def rename(network, old, new):
    """Rename one tensor throughout a ModelProto."""
    for node in network.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
    for output in network.graph.output:
        output.name = new if output.name == old else output.name


@pytest.mark.parametrize("kind", ["another input", "other classes", "no such output"])
def test_verify_against_another_network(refused, kind):
    other = nets.regressor() if kind == "another input" else nets.classifier()
    if kind == "other classes":  # the name of the file's output, on a tensor of another shape
        rename(other, "scores", "answers")
        rename(other, "features", "scores")
    elif kind == "no such output":
        rename(other, "scores", "answers")
    onnx.save(other, "other.onnx")
    for data in ("data.npz", "unlabelled.npy"):
        refused("verify", "model.attar", "--against", "other.onnx", "--data", data)


@pytest.mark.parametrize(
    "words",
    [
        ["compress", "model.onnx"],
        ["compress", "model.onnx", "-o", "x", "--max-drop", "much"],
        ["compress", "model.onnx", "-o", "x", "--time-limit", "-1"],
        ["compress", "model.onnx", "-o", "x", "--threads", "-1"],
        ["export", "model.attar", "--to", "floppy", "-o", "x"],
        ["squeeze", "model.onnx"],
        ["inspect"],
    ],
    ids=" ".join,
)
def test_words_that_no_command_takes(run, place, words):
    before = snapshot(place)
    ended = run(*words)
    assert ended.status == 2 and ended.out == ""
    assert "Traceback" not in ended.err
    assert snapshot(place) == before
