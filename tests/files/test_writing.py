"""A target is replaced whole or left alone, and no temporary file stays behind."""

import fcntl
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from attar import container
from attar.errors import OutputError, printable
from attar.files import write_atomically
from attar.files.writing import is_temporary

TENSORS = {"w": np.arange(4, dtype=np.float32)}


def failing(error):
    def fail(*_args, **_kwargs):
        raise error

    return fail


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("odd")])
@pytest.mark.parametrize(("owner", "step"), [(os, "fsync"), (Path, "replace")])
def test_failure_keeps_the_old_file(tmp_path, monkeypatch, error, owner, step):
    path = tmp_path / "model.attar"
    path.write_bytes(b"old")
    monkeypatch.setattr(owner, step, failing(error))
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else OutputError):
        container.write(path, None, tensors=TENSORS)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_failure_before_writing_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.setattr("attar.codec.encode", failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        container.write(tmp_path / "model.attar", None, tensors=TENSORS)
    assert list(tmp_path.iterdir()) == []


def test_success_replaces_the_old_file(tmp_path):
    path = tmp_path / "model.attar"
    path.write_bytes(b"old")
    container.write(str(path), None, tensors=TENSORS)
    assert container.open(str(path)).tensor("w").tolist() == [0, 1, 2, 3]
    assert list(tmp_path.iterdir()) == [path]


def test_link_keeps_pointing_to_its_file(tmp_path):
    link, target = tmp_path / "link.attar", tmp_path / "target.attar"
    link.symlink_to(target)
    container.write(link, None, tensors=TENSORS)
    assert link.is_symlink() and container.open(target).entries


@pytest.mark.parametrize("name", ["missing/model.attar", "file/model.attar", "folder", "nul\0byte", "n" * 300])
def test_target_that_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError) as caught:
        container.write(tmp_path / name, None, tensors=TENSORS)
    assert str(caught.value).startswith(printable(f"{tmp_path / name}: cannot be written: "))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def left_by_a_killed_process(folder, monkeypatch):
    """Return a temporary file as it stays behind where nothing cleans up."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(KeyboardInterrupt()))
        patch.setattr(Path, "unlink", lambda path: None)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(folder / "model.attar", b"half")
    (left,) = folder.glob(".attar-*.tmp")
    return left


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path, monkeypatch):
    left = left_by_a_killed_process(tmp_path, monkeypatch)
    write_atomically(tmp_path / "other.attar", b"whole")
    assert not left.exists() and (tmp_path / "other.attar").read_bytes() == b"whole"


def test_what_a_living_process_writes_stays(tmp_path, monkeypatch):
    left = left_by_a_killed_process(tmp_path, monkeypatch)
    with left.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        write_atomically(tmp_path / "other.attar", b"whole")
        assert left.exists()


@pytest.mark.parametrize("name", [".attar-notes.tmp", ".attar-0123456789abcdef.tmp", ".attar-" + "0" * 24 + ".tmp"])
def test_a_file_that_only_looks_like_one_of_attar_s_stays(tmp_path, name):
    (tmp_path / name).write_text("precious")
    write_atomically(tmp_path / "model.attar", b"whole")
    assert (tmp_path / name).read_text() == "precious" and not is_temporary(name)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_replaced_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "model.attar"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new" and stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_mode_that_umask_gives(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "model.attar", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model.attar").stat().st_mode) == 0o640


def test_a_read_only_file_is_not_replaced(tmp_path):
    path = tmp_path / "model.attar"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(OutputError, match="read-only"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_link_may_be_replaced_in_place_of_its_file(tmp_path):
    link, target = tmp_path / "link.json", tmp_path / "precious.json"
    target.write_text("precious")
    link.symlink_to(target)
    write_atomically(link, b"new", through_links=False)
    assert target.read_text() == "precious" and link.read_bytes() == b"new" and not link.is_symlink()
