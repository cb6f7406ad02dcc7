"""A target is replaced whole or left alone, and no temporary file stays behind."""

import os
from pathlib import Path

import numpy as np
import pytest

from attar import container
from attar.errors import OutputError

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
    assert str(caught.value).startswith(f"{tmp_path / name}: cannot be written: ")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]
