"""An output replaces a file of its own kind that is no input of the run, and nothing else."""

import os

import pytest

from attar.errors import OutputError
from attar.files import Kind, Output

PINK = Kind("a pink file", lambda file: file.read(4) == b"pink")


@pytest.fixture
def place(tmp_path):
    for name in ("pink", "blue", "data/pink", "data/deep/blue"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{name.split('/')[-1]} and old")
    return tmp_path


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder, output, says):
    before = content(folder)
    for step in (output.check, lambda: output.write(b"pink and new")):
        with pytest.raises(OutputError) as caught:
            step()
        assert says in str(caught.value) and "\n" not in str(caught.value)
    assert content(folder) == before


@pytest.mark.parametrize("name", ["pink", "new", "data/new", "empty"])
def test_what_may_be_written(place, name):
    (place / "empty").touch()
    output = Output(place / name, PINK, lambda: [place / "blue", place / "data"])
    if name == "data/new":
        assert not output.check()
    output.write(b"pink and new")
    assert (place / name).read_bytes() == b"pink and new"


def test_a_file_of_another_kind_is_replaced_by_force_alone(place):
    refused(place, Output(place / "blue", PINK), "exists and is not a pink file")
    Output(place / "blue", PINK, force=True).write(b"pink and new")
    assert (place / "blue").read_bytes() == b"pink and new"


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("way", ["itself", "hard link", "link", "link of a link", "in a folder", "deep in a folder"])
def test_an_input_is_never_replaced(place, way, force):
    (place / "soft").symlink_to("pink")
    (place / "softer").symlink_to("soft")
    os.link(place / "pink", place / "hard")
    names = {"itself": "pink", "hard link": "hard", "link": "soft", "link of a link": "softer"}
    name = names.get(way, "data/pink" if way == "in a folder" else "data/deep/blue")
    output = Output(place / name, PINK, lambda: [place / "nowhere", place / "pink", place / "data"], force=force)
    refused(place, output, "is one of the inputs")


def test_a_link_to_an_input_under_another_name(place):
    (place / "alias").symlink_to("pink")
    refused(place, Output(place / "pink", PINK, lambda: [place / "alias"]), "is one of the inputs")


def test_what_stands_there_by_the_time_of_writing_counts(place):
    output = Output(place / "late", PINK)
    output.check()
    (place / "late").write_text("blue")
    with pytest.raises(OutputError, match="exists and is not a pink file"):
        output.write(b"pink")
    assert (place / "late").read_text() == "blue"


def circle(folder):
    (folder / "it").symlink_to("it")


def read_only(folder):
    (folder / "it").write_text("pink")
    (folder / "it").chmod(0o400)


PLACES = {
    "links in a circle": (circle, "it", "cannot be written"),
    "a folder": (lambda folder: (folder / "it").mkdir(), "it", "it is a folder"),
    "a pipe": (lambda folder: os.mkfifo(folder / "it"), "it", "not a file"),
    "no folder": (lambda folder: None, "nowhere/it", "does not exist"),
    "a link to no folder": (lambda folder: (folder / "it").symlink_to("nowhere/x"), "it", "does not exist"),
    "below a file": (lambda folder: None, "pink/it", "cannot be written"),
    "a long name": (lambda folder: None, "n" * 256, "File name too long"),
    "read-only": (read_only, "it", "it is read-only"),
}


@pytest.mark.parametrize(("make", "name", "says"), PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("force", [False, True])
def test_where_nothing_can_be_written(place, make, name, says, force):
    make(place)
    refused(place, Output(place / name, PINK, force=force), says)


def test_a_link_is_followed(place):
    (place / "link").symlink_to("later")
    Output(place / "link", PINK).write(b"pink")
    assert (place / "link").is_symlink() and (place / "later").read_bytes() == b"pink"
