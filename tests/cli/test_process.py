"""The command as its own process: signals, pipes, and the two networks that the budget is promised for."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from compression import nets

import attar

ATTAR = [sys.executable, "-c", "from attar.cli import main; main()"]


def attar_command(*words, **options):
    return subprocess.run([*ATTAR, *map(str, words)], capture_output=True, text=True, timeout=170, **options)


def test_quiet_when_piped(made, tmp_path):
    words = ["compress", made / "model.onnx", "--data", made / "data.npz", "--recipe", made / "bits.json"]
    ended = attar_command(*words, "--max-drop", 100, "-o", tmp_path / "m.attar")
    assert ended.returncode == 0 and ended.stderr == ""
    assert "\x1b" not in ended.stdout


def test_progress_where_somebody_watches(made, tmp_path):
    words = ["compress", made / "model.onnx", "--data", made / "data.npz", "--recipe", made / "bits.json"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*ATTAR, *map(str, words), "--max-drop", "100", "-o", str(tmp_path / "m.attar")],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    assert process.wait(timeout=60) == 0
    assert b"sensitivity" in seen


def test_errors_are_one_line_without_a_traceback(tmp_path):
    ended = attar_command("verify", tmp_path / "nothing.attar")
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr.startswith("attar: ") and ended.stderr.count("\n") == 1


def test_a_function_in_the_current_folder_gives_data(made, tmp_path):
    (tmp_path / "mine.py").write_text(
        f"import numpy as np\ndef data(): return dict(np.load({str(made / 'data.npz')!r}))\n"
    )
    script = Path(sys.executable).with_name("attar")
    words = ["eval", str(made / "model.attar"), "--data", "mine:data"]
    ended = subprocess.run([str(script), *words], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def interrupted(words, *, during):
    """Start a command, wait until its progress says `during`, and press Ctrl-C; return its exit status."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*ATTAR, *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    seen, pressed = b"", False
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
            if during in seen and not pressed:
                process.send_signal(signal.SIGINT)
                pressed = True
    except OSError:  # the other end is closed
        pass
    assert pressed
    return process.wait(timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "during"),
    [
        ("default", b"measuring every layer"),
        ("default", b"compressing, pass 1"),
        ("default", b"compressing, pass 3"),
        ("candidates", b"coding every layer"),
        ("candidates", b"measuring every layer"),
        ("candidates", b"trying single moves"),
    ],
)
def test_ctrl_c_during_the_search_keeps_the_best_so_far(tmp_path, recipe, during):
    out = tmp_path / "m.attar"
    data = nets.FASHION / "calibration.npz"
    words = ["compress", nets.FASHION / "lenet5.onnx", "--data", data, "--recipe", recipe, "-o", out]
    status = interrupted(words, during=during)
    assert status in (0, 1)
    report = json.loads((tmp_path / "m.attar.json").read_text())
    assert report["search"]["stopped"] == "it was interrupted"
    assert report["size_bytes"] == out.stat().st_size
    attar.open(out).file.check()
    kept = ["m.attar.work"] if recipe == "default" else []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.attar", "m.attar.json", *kept]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most_bytes"), [("lenet5", 80_000), ("lenet_300_100", 75_000)])
def test_the_sizes_that_are_promised(tmp_path, name, most_bytes):
    out = tmp_path / "m.attar"
    ended = attar_command(
        *("compress", nets.FASHION / f"{name}.onnx", "--data", nets.FASHION / "calibration.npz"),
        *("--eval-data", nets.FASHION / "test.npz", "--max-drop", 0.5, "-o", out, "--json"),
    )
    assert ended.returncode == 0
    report = json.loads(ended.stdout)
    assert out.stat().st_size == report["size_bytes"] <= most_bytes
    assert report["measurement"]["samples"] == 10_000
    assert report["measurement"]["drop"] <= 0.5
