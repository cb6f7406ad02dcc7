"""What is verified is what ships: of a file with a program, `verify` and `eval` measure what `run` runs."""

import hashlib
import json
import shutil

import numpy as np
import onnx
import pytest
from compression import nets

import attar
from attar.container._chunks import split
from attar.container._layout import Kind


@pytest.fixture(scope="module")
def apart(made, tmp_path_factory):
    """A folder with a file whose program is far off its graph: it was calibrated on samples 30 times smaller."""
    folder = tmp_path_factory.mktemp("apart")
    data = np.load(made / "data.npz")
    options = {"recipe": "int8", "integer": True, "max_drop": 100}
    attar.compress(made / "model.onnx", data=data["x"] / 30, **options).save(folder / "m.attar")
    shutil.copy(made / "data.npz", folder)
    shutil.copy(made / "model.onnx", folder)
    return folder


def off(before, after):
    return 100 * np.linalg.norm(before - after) / np.linalg.norm(before)


@pytest.fixture(scope="module")
def scores(apart):
    """The scores of the original, the program and the graph."""
    x = np.load(apart / "data.npz")["x"]
    (program,), (graph,) = (
        list(runner(x).values()) for runner in (attar.Engine(apart / "m.attar"), attar.open(apart / "m.attar"))
    )
    return nets.run(nets.classifier(), image=x)[0], program, graph


def test_verify_measures_the_program_and_shows_the_graph_beside_it(run, apart, scores):
    original, program, graph = scores
    words = ["verify", apart / "m.attar", "--against", apart / "model.onnx", "--data", apart / "data.npz"]
    facts = run(*words, "--json").json
    assert facts["runs"] == "program" and off(original, program) > 20 > off(original, graph)
    for found, values in ((facts, program), (facts["graph"], graph)):
        assert found["outputs_sha256"] == hashlib.sha256(values.tobytes()).hexdigest()
        assert found["measurement"]["relative_error"] == pytest.approx(off(original, values), rel=1e-4)
    said = run(*words).out.splitlines()
    assert f"  relative output error {off(original, program):.4g} %" in said
    assert f"  relative output error {off(original, graph):.4g} %" in said
    assert said.index("in integers, as it runs:") < said.index("its graph, in floats:")


def test_eval_measures_the_program_and_shows_the_graph_beside_it(run, apart, scores):
    y = np.load(apart / "data.npz")["y"]
    program, graph = (100 * (values.argmax(axis=1) == y).mean() for values in scores[1:])
    words = ["eval", apart / "m.attar", "--data", apart / "data.npz"]
    facts = run(*words, "--json").json
    assert facts["runs"] == "program" and program != graph
    assert (facts["value"], facts["graph"]["value"]) == (pytest.approx(program), pytest.approx(graph))
    said = run(*words).out.splitlines()
    assert f"{program:.2f}" in said[-2] and said[-2].endswith("(in integers, as it runs)")
    assert f"{graph:.2f}" in said[-1] and said[-1].endswith("(its graph, in floats)")


def test_a_file_without_a_program_runs_its_graph(run, made):
    for command in ("verify", "eval"):
        facts = run(command, made / "model.attar", "--data", made / "data.npz", "--json").json
        assert facts["runs"] == "graph" and "graph" not in facts


def test_a_program_without_a_graph_is_measured_too(run, apart, scores, tmp_path):
    whole = (apart / "m.attar").read_bytes()
    graph = split(whole)[Kind.GRAPH]
    (tmp_path / "bare.attar").write_bytes(whole[: graph.start] + whole[graph.end :])
    words = ["--against", apart / "model.onnx", "--data", apart / "data.npz", "--json"]
    facts = run("verify", tmp_path / "bare.attar", *words).json
    assert facts["has_graph"] is False and "graph" not in facts
    assert facts["measurement"]["relative_error"] == pytest.approx(off(*scores[:2]), rel=1e-4)


def test_the_verdict_shows_both(made, apart, run, tmp_path):
    words = ["--recipe", "int8", "--integer", "--max-drop", 100, "-o", tmp_path / "m.attar"]
    said = run("compress", made / "model.onnx", "--data", made / "data.npz", *words).out
    report = json.loads((tmp_path / "m.attar.json").read_text())
    error = report["in_floats"]["relative_error"]
    assert 0 < error < report["measurement"]["relative_error"]
    assert f"its graph in floats: top-1 {report['in_floats']['after']:.2f}, relative output error {error:.2f} %" in said


def counting(outputs=3, seed=0):
    """A network whose first output has a row for every positive score."""
    text = f"""<ir_version: 10, opset_import: ["" : 21]> g (float[n, 6] x) => (int64[m, 2] found, float[n, {outputs}] h)
               {{ h = MatMul (x, w) r = Relu (h) z = NonZero (r) found = Transpose (z) }}"""
    return nets.model(text, {"w": (6, outputs)}, seed=seed)


def test_rows_that_depend_on_the_data_are_compared_as_far_as_can_be(run, tmp_path):
    nets.write(tmp_path / "m.onnx", counting())
    nets.write(tmp_path / "other.onnx", counting(seed=1))
    nets.write(tmp_path / "wider.onnx", counting(4))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32))
    data = ("--data", tmp_path / "x.npy")
    run("compress", tmp_path / "m.onnx", *data, "--recipe", "int8", "-o", tmp_path / "m.attar")
    words = ("verify", tmp_path / "m.attar", *data, "--against")
    facts = run(*words, tmp_path / "other.onnx", "--json").json
    assert facts["measurement"]["relative_error"] is None
    assert "relative output error beyond measure" in run(*words, tmp_path / "other.onnx").out
    ended = run(*words, tmp_path / "wider.onnx")
    assert ended.status == 2 and "is another network" in ended.err
    stages = run(
        "compress", tmp_path / "m.onnx", *data, "--recipe", "ge2017", "--max-error", 9, "-o", tmp_path / "g.attar"
    )
    assert stages.status in (0, 1), stages


def test_text_that_flows_and_text_that_comes_out(run, tmp_path):
    text = """<ir_version: 10, opset_import: ["" : 21]> g (float[n, 6] x) => (float[n, 5] h, string[n] word)
              { h = MatMul (x, w) best = ArgMax <axis = 1, keepdims = 0> (h) word = Gather (words, best) }"""
    net = nets.model(text, {"w": (6, 5)}, seed=0)
    net.graph.initializer.append(onnx.helper.make_tensor("words", onnx.TensorProto.STRING, [5], [b""] * 5))
    net.graph.initializer[-1].string_data[:] = [b"ant", b"bee", b"cat", b"dog", b"elk"]
    nets.write(tmp_path / "m.onnx", net)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32))
    data = ("--data", tmp_path / "x.npy")
    for recipe in ("default", "int8", "ge2017"):
        words = ("--recipe", recipe, "--max-error", 40, "--no-work", "-o", tmp_path / "m.attar")
        assert run("compress", tmp_path / "m.onnx", *data, *words).status in (0, 1)
    words = ("verify", tmp_path / "m.attar", *data, "--against", tmp_path / "m.onnx", "--json")
    first, second = run(*words).json, run(*words).json
    assert first == second and first["measurement"]["relative_error"] < 60
