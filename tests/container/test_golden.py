"""The stored files decode as on the day they were made, and the bad ones fail for their own reason."""

import hashlib
import json
import struct
from pathlib import Path

import pytest

from attar import container
from attar.container import reference
from attar.errors import FormatError

from .good import GOOD
from .hostile import BAD, CONTAINER

GOLDEN = Path(__file__).parents[1] / "golden"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())
ERRORS = json.loads((GOLDEN / "bad" / "errors.json").read_text())
# What only an ONNX parser can see.
BEYOND_REFERENCE = {
    "graph_not_proto",
    "graph_empty",
    "graph_not_utf8",
    "graph_external",
    "graph_clash",
    "graph_sparse",
    "graph_redeclared",
    "graph_dangling",
    "graph_order",
    "graph_attribute",
    "graph_operator",
    "graph_output",
    "graph_opset",
    "graph_laughs",
    "graph_circle",
    "graph_tensor_short",
    "graph_tensor_huge",
    "graph_tensor_negative",
}


def test_every_file_is_listed():
    assert {path.stem for path in GOLDEN.glob("*.attar")} == EXPECTED.keys() == GOOD.keys()
    assert {path.stem for path in (GOLDEN / "bad").glob("*.attar")} == ERRORS.keys() == BAD.keys()


def test_every_pair_of_model_and_symbol_coder_is_covered():
    coders = {entry.coder for name in EXPECTED for entry in container.open(GOLDEN / f"{name}.attar").entries}
    assert coders == {*reference.CODERS, reference.COPY}


@pytest.mark.parametrize("kind", ["integers", "grid", "codebook"])
def test_all_symbol_coders_hold_the_same(kind):
    packed, *others = (EXPECTED[f"{kind}_{coder}"]["tensors"] for coder in ("packed", "relative", "rans", "levels"))
    assert others == [packed] * 3


@pytest.mark.parametrize("name", EXPECTED)
def test_good(name):
    file = container.open(GOLDEN / f"{name}.attar")
    file.check()
    found = {
        entry.name: {"dtype": entry.onnx_dtype, "shape": list(entry.shape), "sha256": _hash(file.tensor(entry.name))}
        for entry in file.entries
    }
    assert found == EXPECTED[name]["tensors"]
    assert file.has_graph == EXPECTED[name]["graph"]
    meta = EXPECTED[name]["meta"] or {}
    assert (file.preprocessing, file.class_names) == (meta.get("preprocessing"), meta.get("class_names"))


@pytest.mark.parametrize("name", EXPECTED)
def test_reference_agrees_with_the_reader(name):
    path = GOLDEN / f"{name}.attar"
    file, plain = container.open(path), reference.decode(path.read_bytes())
    assert list(plain.tensors) == [entry.name for entry in file.entries]
    for entry in file.entries:
        array = file.tensor(entry.name)
        assert plain.tensors[entry.name] == (entry.onnx_dtype, array.shape, array.tobytes())
    assert plain.provenance == file.provenance


@pytest.mark.parametrize("name", ERRORS)
def test_bad(name):
    path = GOLDEN / "bad" / f"{name}.attar"
    with pytest.raises(FormatError) as caught:
        container.open(path).check()
    text = str(caught.value)
    assert text.startswith(f"{path}: {ERRORS[name]}")
    assert "\n" not in text and len(text) > len(f"{path}: tensor 'w': ")


@pytest.mark.parametrize("name", sorted(ERRORS.keys() - BEYOND_REFERENCE))
def test_reference_refuses_the_bad(name):
    with pytest.raises(FormatError):
        reference.decode((GOLDEN / "bad" / f"{name}.attar").read_bytes())


@pytest.mark.parametrize("name", CONTAINER)
def test_defect_is_made_as_stored(name):
    data, error = CONTAINER[name]
    assert ERRORS[name] == error
    with pytest.raises(FormatError) as caught:
        container.open(data).check()
    assert str(caught.value).startswith(f"the given bytes: {error}")


def test_the_page_shows_the_example():
    page = (GOLDEN.parents[1] / "docs" / "format.md").read_text()
    block = page.split("```hex\n")[1].split("```")[0]
    shown = bytes.fromhex("".join(line.split("#")[0] for line in block.splitlines()))
    assert shown == (GOLDEN / "example.attar").read_bytes() == GOOD["example"]()
    assert f"{len(shown)} bytes" in page
    tensors = reference.decode(shown).tensors
    assert struct.unpack("<6f", tensors["w"].raw) == (-0.5, -0.25, 0, 0.25, 0, -0.5)
    assert tensors["b"].raw == b"\x07\xff"


def test_reference_runs_from_the_command_line(capsys):
    reference.main(str(GOLDEN / "shapes.attar"))
    assert capsys.readouterr().out.splitlines()[0].split() == ["1", "scalar", "4", "scalar"]


def _hash(array):
    return hashlib.sha256(array.tobytes()).hexdigest()
