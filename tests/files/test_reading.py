"""Only regular files are read, and only as far as their size was known before."""

import os
import socket

import pytest

from attar.errors import DataError, printable
from attar.files import open_file, read_file


@pytest.fixture
def sample(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"12345")
    return path


def pipe(folder):
    os.mkfifo(folder / "it")
    return folder / "it"


def listening(folder):
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(folder / "it"))
    return folder / "it"


def link_to_a_pipe(folder):
    os.mkfifo(folder / "pipe")
    (folder / "it").symlink_to("pipe")
    return folder / "it"


def circle(folder):
    (folder / "it").symlink_to("it")
    return folder / "it"


NO_FILES = {
    "a pipe": (pipe, "it is a pipe, not a file"),
    "a socket": (listening, "it is a socket, not a file"),
    "a link to a pipe": (link_to_a_pipe, "it is a pipe, not a file"),
    "a folder": (lambda folder: folder, "it is a folder, not a file"),
    "a device": (lambda folder: "/dev/zero", "it is a device, not a file"),
    "links in a circle": (circle, "Too many levels"),
    "nothing": (lambda folder: folder / "it", "No such file"),
    "a long name": (lambda folder: folder / ("n" * 300), "File name too long"),
    "a name with a zero": (lambda folder: "a\0b", "null byte"),
}


@pytest.mark.parametrize(("make", "says"), NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file(tmp_path, make, says):
    path = make(tmp_path)
    with pytest.raises(DataError) as caught:
        read_file(path, error=DataError)
    assert str(caught.value).startswith(printable(f"{path}: cannot be read: ")) and says in str(caught.value)


def test_a_file(sample):
    assert read_file(sample, error=DataError) == b"12345"
    assert read_file(sample, error=DataError, most_bytes=5) == b"12345"
    with open_file(sample, error=DataError) as file:
        assert file.read(2) == b"12"


def test_a_file_over_the_limit(sample):
    with pytest.raises(DataError, match="5 bytes, the limit is 4"):
        read_file(sample, error=DataError, most_bytes=4)


@pytest.mark.parametrize("size", [3, 8])
def test_a_file_that_changes_while_it_is_read(sample, monkeypatch, size):
    real = os.fdopen

    def changed(handle, mode):
        os.truncate(sample, size)
        return real(handle, mode)

    seen = sample.stat()
    monkeypatch.setattr(os, "fdopen", changed)
    monkeypatch.setattr(os, "fstat", lambda handle: seen)
    with pytest.raises(DataError, match="changed while it was read"):
        read_file(sample, error=DataError)
