"""attar memory: what it prints, the plan that it saves, and what it says of plans that are wrong or hostile."""

import json
import re
import shutil
from pathlib import Path

import pytest
from compression import nets

GOLDEN = Path(__file__).parents[1] / "golden" / "memory_plan.json"
LENET = nets.FASHION / "lenet5.onnx"


@pytest.fixture
def saved(run, made, tmp_path):
    """A folder, where the commands run, with a network and its plan."""
    shutil.copy(made / "model.onnx", tmp_path / "model.onnx")
    assert run("memory", tmp_path / "model.onnx", "-o", tmp_path / "plan.json").status == 0
    return tmp_path


def test_the_figures_the_table_and_the_picture(run, made):
    ended = run("memory", made / "model.onnx")
    assert ended.status == 0 and ended.err == ""
    assert re.search(r"arena .* bytes\) for \d+ steps: no arena is smaller in this order", ended.out)
    assert "one buffer for the largest layer (Ge et al.)" in ended.out and "order proven optimal: yes" in ended.out
    assert "order proven optimal: no" in run("memory", made / "model.onnx", "--order", "keep").out
    assert re.search(r"^A +\S+ .* 0 to \d", ended.out, re.MULTILINE)
    assert len(re.findall(r"^ +[\d.,]+ k?B [A-Za-z·]+$", ended.out, re.MULTILINE)) == 16


def test_as_json(run, made):
    facts = run("memory", made / "model.onnx", "--json").json
    assert facts["arena_bytes"] == facts["plan"]["arena_bytes"] >= facts["lower_bound_bytes"] > 0
    assert facts["not_planned"] == []
    half = run("memory", made / "model.onnx", "--bits", 4, "--json").json
    assert 0 <= 2 * half["arena_bytes"] - facts["arena_bytes"] <= 2 * len(half["plan"]["tensors"])


def test_of_a_compressed_file(run, made):
    assert run("memory", made / "model.attar", "--json").json["arena_bytes"] > 0


def test_the_golden_plan(run, tmp_path):
    """Made by `attar memory examples/fashion/lenet5.onnx --bits 4 --align 16 -o tests/golden/memory_plan.json`."""
    run("memory", LENET, "--bits", 4, "--align", 16, "-o", tmp_path / "plan.json")
    assert (tmp_path / "plan.json").read_text() == GOLDEN.read_text()
    ended = run("memory", LENET, "--check", GOLDEN)
    assert ended.status == 0 and f"right for {LENET}: 8 tensors in " in ended.out


@pytest.mark.parametrize("words", [[], ["--bits", 3, "--align", 8], ["--order", "keep", "--seed", 5]])
def test_a_saved_plan_passes_its_check(run, made, tmp_path, words):
    assert run("memory", made / "model.onnx", *words, "-o", tmp_path / "plan.json").status == 0
    checked = run("memory", made / "model.onnx", "--check", tmp_path / "plan.json", "--json").json
    assert checked["tensors"] == len(json.loads((tmp_path / "plan.json").read_text())["tensors"])


def test_shapes_of_open_axes(run, tmp_path):
    text = """<ir_version: 10, opset_import: ["" : 21]> g (float[n, 2, h] x) => (float[n, 2, h] y) { y = Exp (x) }"""
    model = nets.write(tmp_path / "m.onnx", nets.model(text, {}, seed=0))
    ended = run("memory", model)
    assert ended.status == 2 and "input 'x': its shape nx2xh is not known" in ended.err
    plan = tmp_path / "plan.json"
    assert run("memory", model, "--shape", "x=1x2x50", "--json", "-o", plan).json["arena_bytes"] == 100
    assert run("memory", model, "--check", plan).status == 0
    for word in ("x", "x=", "x=1x-2x3", "x=1,2,3", "=1x2"):
        assert "is not of the form" in run("memory", model, "--shape", word).err


def test_an_older_plan_without_a_word_on_its_order(run, saved):
    document = json.loads((saved / "plan.json").read_text())
    assert document.pop("order_is_proven") is True
    (saved / "plan.json").write_text(json.dumps(document))
    assert run("memory", saved / "model.onnx", "--check", saved / "plan.json").status == 0


def edited(**fields):
    return lambda plan: plan.update(fields)


def tensor(index, **fields):
    return lambda plan: plan["tensors"][index].update(fields)


FAULTS = {
    "kind": (edited(kind="plan"), "'kind' is not"),
    "version": (edited(version=2), "of version 2; this attar reads version 1"),
    "version text": (edited(version="\n" * 99), "this attar reads version 1"),
    "order missing": (edited(order=None), "'order' of a memory plan is a list"),
    "order of numbers": (edited(order=[1]), "an operator of 'order' in a memory plan is a name, not int"),
    "order empty": (edited(order=[]), "the order names 0 operators"),
    "order reversed": (lambda plan: plan["order"].reverse(), "before it is made"),
    "tensors of numbers": (edited(tensors=[1]), "is a list of objects"),
    "tensors missing": (edited(tensors=[]), "has no place or several"),
    "tensor twice": (lambda plan: plan["tensors"].append(plan["tensors"][0]), "has no place or several"),
    "tensor moved": (tensor(0, offset=1), "share bytes while both are live|outside the arena"),
    "tensor renamed": (tensor(0, name="strange"), "has no place or several|is not a tensor"),
    "name of control characters": (tensor(0, name="\x1b[2J"), "unprintable characters"),
    "name of a surrogate": (tensor(0, name="\ud800"), "unprintable characters"),
    "bits 0": (tensor(0, bits=0), "'bits' in a memory plan is a whole number of 1 to 64, not 0"),
    "bits 7": (tensor(0, bits=7), " bytes in steps "),
    "offset negative": (tensor(0, offset=-1), "'offset' in a memory plan"),
    "offset huge": (tensor(0, offset=1 << 62), "'offset' in a memory plan"),
    "offset float": (tensor(0, offset=1.0), "not 1.0"),
    "offset true": (tensor(0, offset=True), "not True"),
    "offset NaN": (tensor(0, offset=float("nan")), "not nan"),
    "offset list": (tensor(0, offset=[[]]), "not list"),
    "arena small": (edited(arena_bytes=1), "outside the arena of 1"),
    "bound low": (edited(lower_bound_bytes=1), "the lower bound of its order is"),
    "proof of a number": (edited(order_is_proven=1), "'order_is_proven' in a memory plan is true or false, not 1"),
    "alignment 0": (edited(alignment=0), "'alignment' in a memory plan"),
    "alignment 1024": (edited(alignment=1024), "bytes in steps"),
    "views list": (edited(views=[]), "'views' of a memory plan is an object"),
    "views strange": (edited(views={"a": "b"}), "other views than those of the network"),
    "inputs strange": (edited(inputs={"z": [1]}), "no input 'z' in the network"),
    "inputs of words": (edited(inputs={"image": "1"}), "a shape that is not a list of numbers"),
    "inputs of other size": (edited(inputs={"image": [1, 1]}), "does not fit"),
}


def refused(ended, says):
    assert ended.status == 2, ended
    assert ended.out == "" and ended.err.startswith("attar: ") and ended.err.count("\n") == 1
    assert re.search(says, ended.err), ended.err


@pytest.mark.parametrize(("fault", "says"), FAULTS.values(), ids=FAULTS)
def test_a_wrong_plan_is_refused(run, saved, fault, says):
    document = json.loads((saved / "plan.json").read_text())
    fault(document)
    (saved / "plan.json").write_text(json.dumps(document))
    refused(run("memory", saved / "model.onnx", "--check", saved / "plan.json"), says)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cannot be read"),
        (b"[]", "not a memory plan"),
        (b"\xff\xfe{", "cannot be read"),
        (b"[" * 100_000, "cannot be read|not a memory plan"),
        (b'{"kind": ' + b"9" * 5000 + b"}", "cannot be read|not a memory plan"),
    ],
    ids=["empty", "list", "no text", "deep", "long number"],
)
def test_a_file_that_is_no_plan_is_refused(run, saved, data, says):
    (saved / "plan.json").write_bytes(data)
    refused(run("memory", saved / "model.onnx", "--check", saved / "plan.json"), says)


def test_a_plan_of_another_network_is_refused(run, saved):
    refused(run("memory", LENET, "--check", saved / "plan.json"), "no input 'x'|not each of the network's|does not fit")


def test_missing_files_and_outputs_that_cannot_be(run, saved):
    model = saved / "model.onnx"
    refused(run("memory", saved / "none.onnx"), "none.onnx")
    refused(run("memory", model, "--check", saved / "none.json"), "cannot be read")
    refused(run("memory", model, "-o", model), "is one of the inputs")
    refused(run("memory", model, "-o", saved / "no" / "plan.json"), "does not exist")
