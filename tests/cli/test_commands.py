"""What every command prints and how it ends, where nothing is wrong."""

import hashlib
import json
import shutil

import numpy as np
import onnx
import pytest
from compression import nets
from PIL import Image

import attar
from attar.cli._common import size_of
from attar.passes.catalog import CATALOG

COMMANDS = ["compress", "inspect", "verify", "eval", "run", "export", "bench", "memory", "techniques"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(run, command):
    ended = run(command, "--help")
    assert ended.status == 0
    assert "Examples" in ended.out and f"attar {command} " in ended.out.replace("\n", " ") + " "


def test_help_lists_every_command(run):
    text = run("--help").out
    assert all(command in text for command in COMMANDS)


def test_version(run):
    assert run("--version").out == f"attar {attar.__version__}\n"


def test_compress(run, made, tmp_path):
    out = tmp_path / "m.attar"
    ended = run(
        "compress",
        made / "model.onnx",
        "--data",
        made / "data.npz",
        "--max-drop",
        100,
        "-o",
        out,
        "--recipe",
        made / "bits.json",
    )
    assert ended.status == 0 and ended.err == ""
    assert f"({out.stat().st_size:,} bytes)" in ended.out
    assert "max-drop 100.0 points: kept" in ended.out
    assert "fc1_weight" in ended.out and "left as it is" in ended.out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.attar", "m.attar.json"]


def test_compress_in_stages(run, made, tmp_path):
    words = ("--data", made / "data.npz", "--max-drop", 30, "--recipe", "ge2017", "-o", tmp_path / "m.attar")
    ended = run("compress", made / "model.onnx", *words)
    assert ended.err == "" and "Stage by stage" in ended.out and "bits by eq. 5" in ended.out
    for stage in ("original", "approximation", "quantization", "pruning", "coding"):
        assert f"\n{stage} " in ended.out
    report = json.loads((tmp_path / "m.attar.json").read_text())
    assert [row["name"] for row in report["stages"]][:2] == ["original", "approximation"]
    assert report["stages"][4]["size_bytes"] == (tmp_path / "m.attar").stat().st_size


def test_compress_as_json(run, made, tmp_path):
    out = tmp_path / "m.attar"
    ended = run("compress", made / "model.onnx", "--recipe", "int8", "-o", out, "--json")
    assert ended.status == 0
    assert ended.json.pop("output") == str(out)
    assert ended.json["size_bytes"] == out.stat().st_size
    assert json.loads((tmp_path / "m.attar.json").read_text())["plan"] == ended.json["plan"]


def test_a_missed_budget_saves_the_file_prints_the_gap_and_exits_with_1(run, made, tmp_path):
    out = tmp_path / "m.attar"
    words = ["compress", made / "model.onnx", "--data", made / "data.npz", "--recipe", made / "bits.json", "-o", out]
    ended = run(*words, "--target-size", "100B")
    assert ended.status == 1
    assert f"target-size 100 bytes: missed by {out.stat().st_size - 100:,} bytes" in ended.out
    attar.open(out).file.check()
    report = run(*words, "--target-size", "100B", "--json").json
    assert [limit["met"] for limit in report["limits"]] == [False]


def test_a_plan_is_replayed(run, made, tmp_path):
    words = ["--data", made / "data.npz", "--recipe", made / "bits.json", "--plan", made / "model.attar.json"]
    run("compress", made / "model.onnx", *words, "-o", tmp_path / "again.attar")
    first = attar.open(made / "model.attar").file
    assert dict_of(attar.open(tmp_path / "again.attar").file) == dict_of(first)


def dict_of(file):
    return {name: values.tobytes() for name, values in file.tensors()}


def test_only_exclude_outputs_and_seed(run, made, tmp_path):
    words = ["--recipe", "int8", "--outputs", "features", "--only", "fc*", "--only", "conv*", "--exclude", "conv*"]
    report = run("compress", made / "model.onnx", *words, "--seed", 3, "-o", tmp_path / "m.attar", "--json").json
    assert list(report["plan"]) == ["fc1_weight"] and report["seed"] == 3


def test_an_existing_result_is_replaced(run, made, tmp_path):
    words = ("compress", made / "model.onnx", "--recipe", "int8", "-o", tmp_path / "m.attar")
    shutil.copy(made / "model.attar", tmp_path / "m.attar")
    (tmp_path / "m.attar.json").write_text(run(*words, "--json").out)
    assert run(*words).status == 0
    attar.open(tmp_path / "m.attar").file.check()


@pytest.mark.parametrize("name", ["model.onnx", "model.attar"])
def test_inspect(run, made, name):
    ended = run("inspect", made / name)
    assert ended.status == 0 and "conv_weight" in ended.out
    facts = run("inspect", made / name, "--json").json
    assert facts["size_bytes"] == (made / name).stat().st_size
    rows = {row["name"]: row for row in facts["tensors"]}
    assert rows["fc1_weight"]["parameters"] == 24 * 216 and rows["fc1_weight"]["macs"] == 24 * 216
    assert rows["conv_weight"]["macs"] == 6 * 9 * 36


def test_a_network_in_two_files_is_counted_whole(run, tmp_path):
    onnx.save(nets.classifier(), tmp_path / "m.onnx", save_as_external_data=True, location="d", size_threshold=0)
    both = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert run("inspect", tmp_path / "m.onnx", "--json").json["size_bytes"] == both
    assert size_of(tmp_path / "m.onnx") == both  # what `bench` prints


def test_inspect_a_network_of_other_types(run, tmp_path):
    text = """<ir_version: 10, opset_import: ["" : 21]> g (float[n, 2] x) => (float[n, 2] y, string[2] s)
              { y = MatMul (x, w) s = Identity (words) }"""
    net = nets.model(text, {"w": (2, 2)}, seed=0)
    net.graph.initializer.append(onnx.helper.make_tensor("words", onnx.TensorProto.STRING, [2], [b"a", b"b"]))
    ended = run("inspect", nets.write(tmp_path / "m.onnx", net), "--json")
    assert [row["name"] for row in ended.json["tensors"]] == ["w", "words"]


def test_verify(run, made):
    ended = run("verify", made / "model.attar")
    assert ended.status == 0
    assert f"{(made / 'model.attar').stat().st_size:,} bytes, whole: 6 tensors decode" in ended.out


def test_verify_against_the_original(run, made):
    words = ["verify", made / "model.attar", "--against", made / "model.onnx", "--data", made / "data.npz"]
    facts = run(*words, "--json").json
    data = np.load(made / "data.npz")
    before, after = (nets.run(m, image=data["x"])[0] for m in (nets.classifier(), attar_to_onnx(made)))
    m = facts["measurement"]
    assert facts["outputs_sha256"] == hashlib.sha256(after.tobytes()).hexdigest()
    assert m["after"] == pytest.approx(100 * (after.argmax(axis=1) == data["y"]).mean())
    assert m["relative_error"] == pytest.approx(100 * np.linalg.norm(before - after) / np.linalg.norm(before), rel=1e-5)
    assert f"top-1 {m['before']:.2f} -> {m['after']:.2f}" in run(*words).out


def attar_to_onnx(made):
    from attar.export import to_onnx

    return to_onnx(attar.open(made / "model.attar").file)


def test_verify_without_labels(run, made):
    words = ["verify", made / "model.attar", "--data", made / "unlabelled.npy"]
    assert "outputs_sha256" in run(*words, "--json").json
    against = [*words, "--against", made / "model.onnx"]
    assert "taken for a regression" in run(*against).out
    assert "predicted" in run(*against, "--task", "classify").out


@pytest.mark.parametrize("name", ["model.onnx", "model.attar"])
def test_eval(run, made, name):
    facts = run("eval", made / name, "--data", made / "data.npz", "--json").json
    data = np.load(made / "data.npz")
    network = nets.classifier() if name == "model.onnx" else attar_to_onnx(made)
    assert facts["value"] == pytest.approx(
        100 * (nets.run(network, image=data["x"])[0].argmax(axis=1) == data["y"]).mean()
    )
    assert facts["interval"][0] < facts["value"] < facts["interval"][1]
    assert f"top-1 {facts['value']:.2f} on 400 samples" in run("eval", made / name, "--data", made / "data.npz").out


@pytest.mark.parametrize("name", ["model.onnx", "model.attar"])
def test_run(run, made, tmp_path, name):
    words = ["run", made / name, "--input", made / "data.npz", "--output", tmp_path / "answers.npz", "--top", 2]
    answers = run(*words, "--json").json["answers"]
    scores = np.load(tmp_path / "answers.npz")["scores"]
    assert [a[0]["class"] for a in answers] == scores.argmax(axis=1).tolist()
    assert all(len(a) == 2 and a[0]["probability"] >= a[1]["probability"] for a in answers)
    assert "... and 392 more samples" in run(*words).out


def test_run_names_the_classes_of_an_image(run, tmp_path):
    net = nets.classifier()
    net.metadata_props.add(key="class_names", value='["ant", "bee", "cat", "dog"]')
    net.metadata_props.add(key="preprocessing", value='{"do_convert_grayscale": true}')
    Image.new("L", (8, 8), 90).save(tmp_path / "i.png")
    run("compress", nets.write(tmp_path / "m.onnx", net), "--recipe", "int8", "-o", tmp_path / "m.attar")
    (answer,) = run("run", tmp_path / "m.attar", "--input", tmp_path / "i.png", "--json").json["answers"]
    assert {a["name"] for a in answer} <= {"ant", "bee", "cat", "dog"}


@pytest.mark.parametrize("mode", ["--json", None])
def test_run_a_network_whose_answer_is_empty_or_infinite(run, tmp_path, mode):
    text = """<ir_version: 10, opset_import: ["" : 21]> g (float[n, 2] x) => (float[n, 1] y, float[0, 2] nothing)
              { h = MatMul (x, w) zero = Sub (h, h) y = Reciprocal (zero) nothing = Slice (x, at, at) }"""
    net = nets.model(text, {"w": (2, 1)}, seed=0)
    net.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "at"))
    np.save(tmp_path / "x.npy", np.ones((3, 2), np.float32))
    words = ["run", nets.write(tmp_path / "m.onnx", net), "--input", tmp_path / "x.npy"]
    ended = run(*words, *([mode] if mode else []))
    assert ended.status == 0 and ended.err == ""
    if mode:
        assert ended.json == {"y": [[None]] * 3, "nothing": []}


def test_export_onnx_gives_the_outputs_that_verify_saw(run, made, tmp_path):
    run("export", made / "model.attar", "--to", "onnx", "-o", tmp_path / "m.onnx")
    outputs = nets.run((tmp_path / "m.onnx").read_bytes(), image=np.load(made / "data.npz")["x"])
    seen = run("verify", made / "model.attar", "--data", made / "data.npz", "--json").json["outputs_sha256"]
    assert hashlib.sha256(outputs[0].tobytes()).hexdigest() == seen


def test_export_safetensors(run, made, tmp_path):
    out = tmp_path / "m.safetensors"
    facts = run("export", made / "model.attar", "--to", "safetensors", "-o", out, "--json").json
    assert facts == {"output": str(out), "size_bytes": out.stat().st_size}


def test_export_qdq_gives_the_engines_answers(run, made, tmp_path):
    file, out = tmp_path / "m.attar", tmp_path / "m.onnx"
    words = ("--data", made / "data.npz", "--max-drop", 100, "--recipe", "int8", "--integer", "-o", file)
    assert run("compress", made / "model.onnx", *words).status == 0
    ended = run("export", file, "--to", "qdq", "-o", out, "--json")
    assert ended.status == 0 and ended.err == ""
    assert ended.json == {"output": str(out), "size_bytes": out.stat().st_size}
    wanted, found = (attar.Engine(path)(np.load(made / "data.npz")["x"]) for path in (file, out))
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)
    assert {node.op_type for node in onnx.load(out).graph.node} >= {"QuantizeLinear", "DequantizeLinear"}


def test_techniques(run):
    ended = run("techniques")
    assert all(name in ended.out for name in CATALOG)
    facts = run("techniques", "--json").json
    assert {item["technique"] for item in facts["techniques"]} == set(CATALOG)
    assert {"default", "int8"} <= set(facts["recipes"])


def test_verify_cuts_the_original_where_the_file_was_cut(run, tmp_path):
    model, data, out = nets.FASHION / "lenet5.onnx", nets.FASHION / "calibration.npz", tmp_path / "cut.attar"
    attar.compress(model, recipe="int8", outputs="relu").save(out)
    ended = run("verify", out, "--against", model, "--data", data, "--json")
    assert json.loads(ended.out)["measurement"]["relative_error"] < 2


def test_a_file_with_a_program_runs_in_integers(run, made, tmp_path):
    out = tmp_path / "m.attar"
    words = ("--data", made / "data.npz", "--max-drop", 100, "--recipe", "int8", "--integer", "-o", out)
    ended = run("compress", made / "model.onnx", *words)
    assert ended.status == 0 and ended.err == "" and "In integers (affine)" in ended.out
    facts = json.loads(run("inspect", out, "--json").out)
    assert (
        facts["program"]["arena_bytes"]
        == json.loads((tmp_path / "m.attar.json").read_text())["integers"]["arena_bytes"]
    )
    for name, more in (("integers", ()), ("floats", ("--graph",))):
        assert run("run", out, "--input", made / "data.npz", "--output", tmp_path / f"{name}.npz", *more).status == 0
    integers, floats = (np.load(tmp_path / f"{name}.npz") for name in ("integers", "floats"))
    assert integers.files == floats.files
    x = np.load(made / "data.npz")["x"]
    np.testing.assert_array_equal(integers[integers.files[0]], attar.Engine(out)(x)[integers.files[0]])


def test_integers_need_samples(run, made, tmp_path):
    ended = run("compress", made / "model.onnx", "--recipe", "int8", "--integer", "-o", tmp_path / "m.attar")
    assert ended.status == 2 and "give --data" in ended.err and not list(tmp_path.iterdir())


def test_bench(run, made, tmp_path):
    out = tmp_path / "m.attar"
    words = ("--data", made / "data.npz", "--max-drop", 100, "--recipe", "int8", "--integer", "-o", out)
    assert run("compress", made / "model.onnx", *words).status == 0
    ended = run("bench", out, made / "model.onnx", "--turns", 2, "--runs", 2, "--layers", "--json")
    assert ended.status == 0 and ended.err == ""
    engine, peer = json.loads(ended.out)["files"]
    assert (engine["runtime"], peer["runtime"]) == ("attar", "onnxruntime") and engine["ratio"] == 1
    assert engine["layers"] and all(layer["seconds"] > 0 for layer in engine["layers"])
    assert min(row[key] for row in (engine, peer) for key in ("milliseconds", "load_milliseconds", "peak_bytes")) > 0
    assert "load ms" in run("bench", out, "--turns", 1, "--runs", 1).out


def test_bench_of_what_cannot_run(run, made, tmp_path):
    assert run("bench", tmp_path / "none.attar").status == 2
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    ended = run("bench", tmp_path / "bad.onnx")
    assert ended.status == 2 and "bad.onnx in onnxruntime" in ended.err
    assert run("bench", made / "model.onnx", "--against", "abacus").status == 2


@pytest.mark.parametrize("command", [[], ["compress"], ["eval"], ["techniques"]])
def test_help_has_a_short_name(run, command):
    assert run(*command, "-h").out == run(*command, "--help").out != ""


def test_completion_of_a_command(run, monkeypatch):
    for name, value in {"_ATTAR_COMPLETE": "complete_bash", "COMP_WORDS": "attar ver", "COMP_CWORD": "1"}.items():
        monkeypatch.setenv(name, value)
    ended = run("ver")
    assert (ended.status, ended.out.split()) == (0, ["verify"])
