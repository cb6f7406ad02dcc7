"""A folder of images: labels from subfolders or a table, numbers from a preprocessor_config.json."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from attar.errors import DataError
from attar.evaluate import load_data
from attar.evaluate.data import load_inputs

INPUTS = {"image": ((None, 3, 2, 2), np.dtype(np.float32))}
CONFIG = {"size": {"height": 2, "width": 2}, "rescale_factor": 1 / 255}


def picture(path, value, *, size=(2, 2)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), value, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(CONFIG))
    return tmp_path


def refused(folder, message):
    with pytest.raises(DataError, match=re.escape(message)):
        load_data(folder, INPUTS)


def test_subfolders_are_labels(folder):
    for name, value in (("dog/1.png", 10), ("cat/b.png", 20), ("cat/a.jpg", 30)):
        picture(folder / name, value)
    data = load_data(folder, INPUTS)
    assert data.class_names == ["cat", "dog"]
    assert data.labels.tolist() == [0, 0, 1]
    np.testing.assert_allclose(data.inputs["image"][:, 0, 0, 0] * 255, [30, 20, 10], atol=1e-4)
    assert data.preprocessing == CONFIG


def test_loose_images_have_no_labels(folder):
    picture(folder / "1.png", 1)
    data = load_data(str(folder), INPUTS)
    assert data.labels is None and data.class_names is None


def test_a_table_gives_labels(folder):
    picture(folder / "a.png", 1)
    picture(folder / "sub" / "b.png", 2)
    (folder / "labels.csv").write_text("file,label\nsub/b.png, 4\na.png,7\n")
    assert load_data(folder, INPUTS).labels.tolist() == [7, 4]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("b.png,1\n", "no label for image 'a.png'"),
        ("a.png,cat\n", "labels.csv: invalid literal"),
        ("a.png\n", "no label for image"),
        (b"\xff\xfe", "labels.csv:"),
        ("a.png," + "1" * 200_000, "labels.csv:"),
    ],
)
def test_unusable_tables(folder, table, message):
    picture(folder / "a.png", 1)
    (folder / "labels.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    refused(folder, message)


def test_preprocessing_may_come_from_the_network(tmp_path):
    picture(tmp_path / "a.png", 100)
    np.testing.assert_array_equal(load_data(tmp_path, INPUTS, preprocessing={"do_rescale": False}).inputs["image"], 100)


def test_images_without_any_preprocessing(tmp_path):
    picture(tmp_path / "a.png", 1)
    refused(tmp_path, "no preprocessor_config.json says how these images become numbers")


def test_no_images(folder):
    refused(folder, "no images (.png")


def test_images_of_different_sizes(folder):
    (folder / "preprocessor_config.json").write_text("{}")
    picture(folder / "a.png", 1)
    picture(folder / "b.png", 1, size=(3, 3))
    refused(folder, "images come out in 2 sizes; the preprocessing must settle one size")


def test_images_of_another_size_than_the_network_wants(folder):
    (folder / "preprocessor_config.json").write_text("{}")
    picture(folder / "a.png", 1, size=(5, 7))
    refused(folder, "have shape (1, 3, 5, 7); the network wants ('free', 3, 2, 2)")


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_corrupt_image(folder, content):
    (folder / "a.png").write_bytes(content)
    refused(folder, f"{folder / 'a.png'}: cannot be read as an image")


def test_truncated_image(folder):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(folder / "a.png")
    content = (folder / "a.png").read_bytes()
    (folder / "a.png").write_bytes(content[: len(content) // 2])
    refused(folder, "a.png: cannot be read as an image")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "holds list, not an object"),
        ('{"size": "large"}', "not a usable preprocessor_config.json"),
        ('{"size": {"depth": 3}}', "not a usable preprocessor_config.json"),
        ('{"image_mean": [0.5]}', "not a usable preprocessor_config.json"),
        ('{"image_mean": [0, 0], "image_std": [1, 1]}', "image_mean has 2 values for 3 channels"),
        ('{"image_mean": [0, 0, 0], "image_std": [1, 1]}', "image_std has 2 values for 3 channels"),
        ('{"image_mean": [0, 0, 0], "image_std": [0, 1, 1]}', "NaN or infinite"),
        ('{"resample": 99}', "not a usable preprocessor_config.json"),
        ('{"size": {"height": -4, "width": 2}}', "a.png: cannot be read as an image"),
        ('{"size": 1000000000}', "a.png: cannot be read as an image: MemoryError"),
        ('{"size": {"height": 1e999, "width": 2}}', "not a usable preprocessor_config.json"),
        ('{"rescale_factor": null}', "not a usable preprocessor_config.json"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_unusable_configs(folder, config, message):
    (folder / "preprocessor_config.json").write_text(config)
    picture(folder / "a.png", 1)
    refused(folder, message)


def test_a_single_image(folder):
    picture(folder / "a.png", 51)
    np.testing.assert_allclose(load_inputs(str(folder / "a.png"), INPUTS).inputs["image"], 0.2, rtol=1e-6)


def test_a_single_image_without_preprocessing(tmp_path):
    picture(tmp_path / "a.png", 51)
    with pytest.raises(DataError, match="says how an image becomes numbers"):
        load_inputs(str(tmp_path / "a.png"), INPUTS)


def test_a_missing_image(folder):
    with pytest.raises(DataError, match=r"a\.png: cannot be read: No such file"):
        load_inputs(str(folder / "a.png"), INPUTS)
