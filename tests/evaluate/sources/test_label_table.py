"""labels.csv as people, spreadsheets and scripts write it, or one line that says what is wrong with it."""

import re

import numpy as np
import pytest
from PIL import Image

from attar.errors import AttarWarning, DataError
from attar.evaluate import load_data

INPUTS = {"image": ((None, 1, 1, 1), np.dtype(np.float32))}
FILES = ("a b.png", "sub/c.png", "d.png")


@pytest.fixture
def folder(tmp_path):
    for i, name in enumerate(FILES):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (1, 1), i).save(tmp_path / name)
    return tmp_path


def labels(folder, table, **how):
    (folder / "labels.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    data = load_data(folder, INPUTS, preprocessing={"do_rescale": False}, **how)
    order = data.inputs["image"].ravel().astype(int)  # of FILES
    return dict(zip((FILES[i] for i in order), data.labels.tolist(), strict=True))


WANTED = {"a b.png": 4, "sub/c.png": -1, "d.png": 12}
ROWS = "a b.png,4\nsub/c.png,-1\nd.png,12\n"


@pytest.mark.parametrize(
    "table",
    [
        ROWS,
        ROWS.replace("\n", "\r\n").encode("utf-8-sig"),
        ROWS.encode("utf-16"),
        ROWS.replace(",", ";"),
        ROWS.replace(",", "\t"),
        "sep=;\n" + ROWS.replace(",", ";"),
        ROWS.replace(",", ", "),
        '"a b.png","4"\n"sub/c.png", "-1"\n"d.png",12\n',
        "\n" + ROWS.replace("\n", "\n\n"),
        ROWS.replace("\n", ",\n"),
        "Bild,Klasse\n" + ROWS,
        "label,filename\n4,a b.png\n-1,sub/c.png\n12,d.png\n",
        ",file_name,label\n0,a b.png,4\n1,sub/c.png,-1\n2,d.png,12\n",
        ROWS.replace("sub/c.png", "./sub/c.png"),
        ROWS.replace("sub/c.png", "sub\\c.png"),
        ROWS.replace("sub/c.png", "c.png"),
        ROWS + "d.png,12\n",
        ROWS.replace("4", "4.0").replace("12", "1.2e1"),
    ],
)
def test_tables_that_say_the_same(folder, table):
    assert labels(folder, table) == WANTED


def test_absolute_paths_and_the_folder_s_name(folder):
    assert labels(folder, f"{folder}/a b.png,4\n{folder.name}/sub/c.png,-1\n{folder / 'd.png'},12\n") == WANTED


def test_letters_that_are_composed_otherwise(tmp_path):
    Image.new("L", (1, 1)).save(tmp_path / "scho\u0308n.png")
    (tmp_path / "labels.csv").write_text("sch\u00f6n.png,3\n", encoding="utf-8")
    assert load_data(tmp_path, INPUTS, preprocessing={}).labels.tolist() == [3]


def test_rows_without_a_picture_are_named(folder):
    with pytest.warns(AttarWarning, match=r"labels.csv: 2 of its rows name no image: 'e.png'"):
        assert labels(folder, ROWS + "e.png,1\nf/d.PNG,2\n") == WANTED


def test_names_of_classes(folder):
    names = "a b.png,owl\nsub/c.png,cat\nd.png,owl\n"
    assert labels(folder, names) == {"a b.png": 1, "sub/c.png": 0, "d.png": 1}
    assert labels(folder, names, class_names=["owl", "eel", "cat"]) == {"a b.png": 0, "sub/c.png": 2, "d.png": 0}
    with pytest.raises(DataError, match="'owl' is none of the network's 2 classes"):
        labels(folder, names, class_names=["cat", "dog"])


def test_numbers_that_are_not_whole(folder):
    assert labels(folder, ROWS.replace("12", "0.25")) == {"a b.png": 4.0, "sub/c.png": -1.0, "d.png": 0.25}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("a b.png,4\nd.png,1\n", "labels.csv: no label for image 'sub/c.png'"),
        (ROWS + "d.png,11\n", "labels.csv: two labels for image 'd.png': 12 and 11"),
        (ROWS.replace("12", "9223372036854775808"), "label 9223372036854775808 is beyond 64 bits"),
        (ROWS.replace("12", "9" * 60), "is beyond 64 bits"),
        (ROWS.replace("12", "cat"), "labels are numbers and names: '4' and 'cat'"),
        (ROWS.replace("12", ""), "labels.csv: not one file and one label in every row: 'd.png'"),
        (ROWS.replace("\n", ",x\n"), "3 columns, and no first row that calls two of them file and label"),
        (b"\x80abc,1\n", "labels.csv: cannot be read"),
        ("", "labels.csv: not one file and one label in every row: 'nothing'"),
    ],
)
def test_what_is_refused(folder, table, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        labels(folder, table)
    assert "\n" not in str(caught.value)
