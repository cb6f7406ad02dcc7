"""Names from a stranger's file are shown and never obeyed: no escape sequence, no line of their own, no markup."""

import numpy as np
import pytest
from compression import nets

from attar.errors import DataError, printable

NAMES = {
    "clears the screen": "\x1b[2Jfc",
    "a title": "\x1b]0;owned\x07fc",
    "another line": "fc\nattar: all is well",
    "back over it": "fc\r\b\x7f",
    "eight bits": "\x9b2Jfc",
    "right to left": "fc\u202egnp.exe",
    "lines of their own": "fc\u2028attar: fine",
    "markup": "[bold red]fc[/]",
}
OBEYED = "\x1b\x07\r\b\x7f\x9b\u202e\u2028"


def named(name):
    network = nets.classifier()
    for node in network.graph.node:
        node.input[:] = [name if each == "fc1_weight" else each for each in node.input]
    next(t for t in network.graph.initializer if t.name == "fc1_weight").name = name
    return network


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_in_reports_and_errors(run, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    network = named(name)
    nets.write(tmp_path / "m.onnx", network)
    told = [
        run("inspect", "m.onnx"),
        run("compress", "m.onnx", "--recipe", "int8", "--no-work", "-o", "m.attar"),
        run("inspect", "m.attar"),
        run("memory", "m.attar"),
    ]
    assert [each.status for each in told] == [0, 0, 0, 0]
    tensor = next(t for t in network.graph.initializer if t.name == name)
    tensor.raw_data = np.full(tuple(tensor.dims), np.nan, np.float32).tobytes()
    bad = run("inspect", nets.write(tmp_path / "bad.onnx", network))
    assert bad.status == 2 and bad.err.count("\n") == 1 and "NaN" in bad.err
    for text in [bad.err, *(each.out for each in told)]:
        assert not set(OBEYED) & set(text) and not any(line.startswith("attar: all") for line in text.splitlines())
    shown = printable(name)
    assert shown in bad.err and all(shown in each.out for each in told[:3])


def test_class_names(run, made, tmp_path):
    import attar
    from attar import container

    opened = attar.open(made / "model.attar")
    container.write(tmp_path / "m.attar", opened.model, class_names=["\x1b[31m" + str(i) + "\n" for i in range(4)])
    ended = run("run", tmp_path / "m.attar", "--input", made / "data.npz")
    assert ended.status == 0 and "\x1b" not in ended.out and "\\x1b[31m" in ended.out
    assert len(ended.out.splitlines()) == 9


@pytest.mark.parametrize("text", ["", "plain", "naïve 重み", "a b", "nbsp\xa0here"])
def test_what_harms_nobody_stays(text):
    assert printable(text) == text == str(DataError(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb", r"a\nb"), ("\x1b[0m", r"\x1b[0m"), ("\x85", r"\x85"), ("\ud800", r"\ud800"), ("\u202e", r"\u202e")],
)
def test_what_a_terminal_would_obey_is_spelled(text, shown):
    assert printable(text) == shown == str(DataError(text))
