"""How commands end that don't end well: one line, exit status 2, the traceback only for who asks for it."""

import io
import logging
import sys

import numpy as np
import pytest
from common.networks import build, normal
from onnx import numpy_helper

from attar.cli.ending import told
from attar.compression import recipe


def broken(*_):
    raise TypeError("two\nlines")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Return a function that writes a module of the user's, in the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        return f"{name}:data"

    return write


def test_an_internal_error_is_one_line(run, monkeypatch):
    monkeypatch.setattr(recipe, "named_recipes", broken)
    ended = run("techniques")
    said = "attar: internal error, please report it: TypeError: two (ATTAR_DEBUG=1 shows where)\n"
    assert (ended.status, ended.err, ended.out) == (2, said, "")


def test_its_traceback_is_shown_when_asked_for(run, monkeypatch):
    monkeypatch.setattr(recipe, "named_recipes", broken)
    monkeypatch.setenv("ATTAR_DEBUG", "1")
    ended = run("techniques")
    assert ended.status == 2 and "in broken" in ended.err
    assert ended.err.splitlines()[-1].startswith("attar: internal error")


def test_words_that_no_command_knows_are_one_line(run):
    for words, says in (
        (("techniques", "--colour"), "No such option: --colour; see attar techniques --help"),
        (("nonsense",), "No such command 'nonsense'; see attar --help"),
        (("compress",), "Missing argument"),
        (("bench", "m.onnx", "--turns", "many"), "'--turns'"),
    ):
        ended = run(*words)
        assert ended.status == 2 and ended.err.count("\n") == 1 and says in ended.err


def test_without_words_the_help_is_shown(run):
    ended = run()
    assert ended.status == 0 and "compress" in ended.out and not ended.err


def test_ctrl_c_is_one_line_and_130(run, made, mine):
    source = mine("pressed", "def data(): raise KeyboardInterrupt")
    ended = run("eval", made / "model.onnx", "--data", source)
    assert (ended.status, ended.err) == (130, "attar: interrupted; no result was written\n")


def test_ctrl_c_while_modules_load_may_come_as_another_error(capsys):
    try:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as pressed:
            raise ImportError("a module was half loaded") from pressed
    except ImportError as error:
        assert told(error) == 130
    assert capsys.readouterr().err == "attar: interrupted; no result was written\n"


def test_code_of_the_user_that_exits_misses_no_budget(run, made, mine):
    ended = run("eval", made / "model.onnx", "--data", mine("leaving", "def data(): raise SystemExit(1)"))
    assert ended.status == 2 and ended.err.count("\n") == 1


def test_output_that_takes_nothing_is_one_line(run, monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())
    monkeypatch.setattr(sys, "argv", ["attar", "techniques", "--json"])
    from attar.cli import main

    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2


def test_errors_of_the_system_name_the_file(capsys):
    assert told(PermissionError(13, "Permission denied", "here.attar")) == 2
    assert capsys.readouterr().err == "attar: here.attar: Permission denied\n"
    assert told(MemoryError()) == 2
    assert capsys.readouterr().err == "attar: not enough memory\n"


def test_shapes_that_cannot_be_inferred_are_no_news(run, tmp_path, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])  # pytest's, which would take what libraries print
    text = "net (float[n, 6] x) => (float[n, m] y) { v = Reshape (w, s) y = MatMul (x, v) }"
    net = build(text, {"w": normal(6, 4), "s": np.array([6, -1])})
    net.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.array([-1, -1]), "s"))
    path = tmp_path / "m.onnx"
    path.write_bytes(net.SerializeToString())
    for command, status in (("inspect", 0), ("memory", 2)):
        ended = run(command, path)
        assert (ended.status, ended.err.count("\n")) == (status, status // 2)
