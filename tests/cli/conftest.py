"""The command line, run in this process: exit status, standard output and standard error."""

import json
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from compression import nets

import attar
from attar.cli import main


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs `attar` with some words."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["attar", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Outcome(ended.value.code or 0, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with a network, labelled samples, a recipe, and a compressed file with its report."""
    folder = tmp_path_factory.mktemp("made")
    network = nets.classifier()
    nets.write(folder / "model.onnx", network)
    x, y = nets.labelled(network, 400)
    np.savez(folder / "data.npz", x=x, y=y)
    np.save(folder / "unlabelled.npy", x)
    (folder / "bits.json").write_text(json.dumps({k: v for k, v in nets.BITS.items() if k != "name"}))
    attar.compress(network, data=(x, y), max_drop=5, recipe=nets.BITS).save(folder / "model.attar")
    return folder
