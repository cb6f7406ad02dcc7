"""Nothing of the current folder is executed, unless a function of it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

# What onnxruntime, pillow, numpy and others look for and can do without, and a module that Python has itself.
SOUGHT = ("gmpy2", "gmpy", "flint", "cython", "charset_normalizer", "sympy", "antigravity")


@pytest.fixture
def trap(tmp_path):
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in SOUGHT:
        (folder / f"{name}.py").write_text("from pathlib import Path\nPath('ran').touch()\nraise ImportError\n")
    return folder


@pytest.mark.parametrize("way", [[str(Path(sys.executable).with_name("attar"))], [sys.executable, "-m", "attar"]])
def test_modules_of_a_stranger_s_folder_do_not_run(made, trap, way):
    words = ["eval", made / "model.attar", "--data", made / "data.npz"]
    ended = subprocess.run([*way, *map(str, words)], cwd=trap, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert not (trap / "ran").exists()


def test_the_processes_of_bench_do_not_run_them_either(made, trap):
    words = ["bench", made / "model.onnx", "--turns", "1", "--runs", "1"]
    code = [sys.executable, "-P", "-c", "from attar.cli import main; main()"]
    ended = subprocess.run([*code, *map(str, words)], cwd=trap, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert not (trap / "ran").exists()


def test_the_path_is_left_as_it_is(run, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert run("inspect", made / "model.onnx").status == 0
    assert sys.path == before and str(tmp_path) not in sys.path


@pytest.mark.parametrize("command", ["compress", "eval"])
def test_help_says_that_a_function_is_executed(run, command):
    assert "runs that code" in " ".join(run(command, "--help").out.replace("│", " ").split())
