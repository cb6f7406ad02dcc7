"""A folder of images: labels from subfolders or a table, numbers from a preprocessor_config.json."""

import json
import re
import warnings

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
        ("a.png\n", "not one file and one label in every row: 'a.png'"),
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
    (folder / "a.heic").write_bytes(b"picture of another kind")
    refused(folder, "in this folder or below; " + f"{folder}: 1 file left out (no images): 'a.heic'")


def test_what_is_asked_for_counts_before_the_config(folder):
    picture(folder / "a.png", 51)
    data = noted(folder, asked={"rescale_factor": 1.0})
    assert (data.inputs["image"] == 51).all() and data.preprocessing == {"rescale_factor": 1.0}
    assert data.notes == (f"{folder}/preprocessor_config.json: not used, since another preprocessing was asked for",)
    assert noted(folder, asked={"do_exif_transpose": False}).preprocessing == {**CONFIG, "do_exif_transpose": False}


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
        ('{"image_mean": [0, 0, 0], "image_std": [0, 1, 1]}', "image_std holds 0"),
        ('{"resample": 99}', "not a usable preprocessor_config.json"),
        ('{"size": {"height": -4, "width": 2}}', "size: height is -4, not a number of pixels"),
        ('{"size": 1000000000}', "size is 1000000000, not a number of pixels"),
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


def noted(folder, **how):
    """Load a folder; return the data and what was said on the way."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        data = load_data(folder, INPUTS, **how)
    assert tuple(str(note.message) for note in said) == data.notes
    return data


LITTER = [".ipynb_checkpoints/a-checkpoint.png", "cat/._a.png", "__MACOSX/cat/._a.png", ".hidden.jpg", "@eaDir/a.png"]


def test_what_systems_leave_behind_is_no_class(folder):
    for name in ("cat/a.png", "dog/b.png", *LITTER):
        picture(folder / name, 9)
    for name in ("Thumbs.db", "cat/.DS_Store", "dog/desktop.ini"):
        (folder / name).write_bytes(b"\0")
    data = noted(folder)
    assert data.class_names == ["cat", "dog"] and data.labels.tolist() == [0, 1]
    (note,) = data.notes
    assert note.startswith(f"{folder}: 5 files left out (hidden): '.hidden.jpg'")


def test_files_that_are_no_pictures_are_named(folder):
    picture(folder / "a.PNG", 9)
    (folder / "config.json").write_text("{}")
    (folder / "b.heic").write_bytes(b"picture of another kind")
    assert noted(folder).notes == (f"{folder}: 1 file left out (no images): 'b.heic'",)


def test_a_picture_beside_the_class_folders_is_refused(folder):
    for name in ("cat/a.png", "dog/b.png", "stray.png"):
        picture(folder / name, 9)
    refused(
        folder,
        "'stray.png' beside the subfolders 'cat', 'dog' is of no class; move it, or write labels into labels.csv",
    )
    assert load_inputs(str(folder), INPUTS).labels is None


def test_parts_of_a_data_set_are_no_classes(folder):
    for name in ("train/a.png", "Val/b.png"):
        picture(folder / name, 9)
    refused(folder, "its subfolders 'Val', 'train' are parts, not classes; give one of them")


def test_numbers_as_names_of_classes(folder):
    for name in ("2/a.png", "9/b.png"):
        picture(folder / name, 9)
    assert load_data(folder, INPUTS).class_names == ["2", "9"]
    picture(folder / "10/c.png", 9)
    refused(folder, "subfolders '10', '2', '9' have another order as numbers than as names")
    assert load_data(folder, INPUTS, class_names=[str(i) for i in range(11)]).labels.tolist() == [10, 2, 9]


def test_a_subfolder_without_pictures_is_named(folder):
    picture(folder / "cat" / "a.png", 9)
    (folder / "dog").mkdir()
    data = noted(folder)
    assert data.class_names == ["cat"] and data.notes == (f"{folder}: subfolder 'dog' holds no images",)


def test_links_to_folders_are_followed_once(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    picture(elsewhere / "a.png", 9)
    (folder / "cat").symlink_to(elsewhere)
    (elsewhere / "round").symlink_to(folder)
    assert load_data(folder, INPUTS).class_names == ["cat"]


def test_classes_take_the_network_s_numbers_by_name(folder):
    for name in ("dog/a.png", "cat/b.png"):
        picture(folder / name, 9)
    data = noted(folder, class_names=["bird", "dog", "cat"])
    assert data.labels.tolist() == [2, 1] and data.notes == ()
    data = noted(folder, class_names=["Hund", "Katze"])
    assert data.labels.tolist() == [0, 1]
    assert "alphabetical order, since none has the network's name: 'cat' as 'Hund', 'dog' as 'Katze'" in data.notes[0]
    for names, message in ((["cat", "owl"], "'dog' is none of the network's 2 classes"), (["a"], "2 subfolders")):
        with pytest.raises(DataError, match=message):
            load_data(folder, INPUTS, class_names=names)


@pytest.mark.parametrize(("shape", "move"), [((None, 2, 2, 3), (1, 2, 0)), ((None, 3, 2, 2), (0, 1, 2))])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_pictures_come_in_the_layout_of_the_input(tmp_path, shape, move, dtype):
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = load_data(tmp_path, {"image": (shape, np.dtype(dtype))}, preprocessing={"do_resize": False}).inputs["image"]
    want = pixels.transpose(2, 0, 1).transpose(move)
    assert found.dtype == dtype
    np.testing.assert_allclose(found[0], want if dtype == np.uint8 else want / np.float32(255))


def test_pixels_that_a_network_wants_raw_are_not_rescaled(folder):
    picture(folder / "a.png", 9)
    with pytest.raises(
        DataError, match="the network wants pixels as uint8, but the preprocessing rescales or normalizes"
    ):
        load_data(folder, {"image": ((None, 3, 2, 2), np.dtype(np.uint8))})


def test_a_gray_network_gets_gray_pictures(tmp_path):
    picture(tmp_path / "a.png", 51)
    for shape in ((None, 1, 2, 2), (None, 2, 2, 1), (None, 2, 2)):
        found = load_data(tmp_path, {"image": (shape, np.dtype(np.float32))}, preprocessing={}).inputs["image"]
        assert found.shape == (1, *shape[1:])
        np.testing.assert_allclose(found, 0.2, rtol=1e-6)


def test_some_pictures_of_many(folder):
    for i in range(40):
        picture(folder / f"{'cat' if i < 20 else 'dog'}/{i}.png", i)
    first, again, other = (load_data(folder, INPUTS, samples=12, seed=seed) for seed in (1, 1, 2))
    assert len(first) == len(first.labels) == 12 and set(first.labels) == {0, 1}
    np.testing.assert_array_equal(first.inputs["image"], again.inputs["image"])
    assert not np.array_equal(first.inputs["image"], other.inputs["image"])
    values = (first.inputs["image"][:, 0, 0, 0] * 255).round()
    np.testing.assert_array_equal(values >= 20, first.labels)


def test_a_missing_config_comes_with_a_template(tmp_path):
    picture(tmp_path / "a.png", 1)
    with pytest.raises(DataError) as caught:
        load_data(tmp_path, {"image": ((None, 3, 160, 128), np.dtype(np.float32))})
    said = str(caught.value)
    assert "--size 160x128 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225" in said and "\n" not in said
    config = json.loads(said[said.index("{") :])
    assert load_data(tmp_path, {"i": ((None, 3, 160, 128), np.dtype(np.float32))}, preprocessing=config)


def test_a_deep_config(folder):
    (folder / "preprocessor_config.json").write_text("[" * 90_000)
    picture(folder / "a.png", 1)
    refused(folder, "preprocessor_config.json: cannot be read")


def test_a_config_with_a_byte_order_mark(folder):
    (folder / "preprocessor_config.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(CONFIG).encode())
    picture(folder / "a.png", 1)
    assert load_data(folder, INPUTS).preprocessing == CONFIG
