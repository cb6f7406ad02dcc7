"""Pictures from the command line: options in place of a config, what is said of them, and what a file keeps."""

import json

import numpy as np
import onnx
import pytest
from compression import nets
from PIL import Image

import attar

RNG = np.random.default_rng(8)
IDENTITY = """<ir_version: 10, opset_import: ["" : 18]> g (float[n, 3, 6, 6] image) => (float[n, 3, 6, 6] same)
              { same = Identity (image) }"""


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for i in range(20):
        (folder / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (9, 14, 3)).astype(np.uint8)).save(folder / "ab"[i % 2] / f"{i}.png")
    return folder


@pytest.fixture
def pixels(run, tmp_path):
    """Return a function that gives what a network sees of a picture with some options."""
    onnx.save(onnx.parser.parse_model(IDENTITY), tmp_path / "same.onnx")

    def pixels(picture, *words):
        ended = run("run", tmp_path / "same.onnx", "--input", picture, "--output", tmp_path / "o.npz", *words)
        assert ended.status == 0, ended.err
        return np.load(tmp_path / "o.npz")["same"]

    return pixels


def chw(image):
    return np.asarray(image, np.float32).transpose(2, 0, 1) / 255


def test_options_say_how_pictures_become_numbers(photos, pixels):
    image = Image.open(photos / "a" / "0.png")
    stretched = chw(image.resize((6, 6), 2))
    np.testing.assert_allclose(pixels(photos / "a" / "0.png", "--size", "6")[0], stretched, atol=1e-6)
    words = ("--size", "6x6", "--resample", "bicubic", "--mean", "0.1,0.2,0.3", "--std", "0.5")
    mean = np.float32([0.1, 0.2, 0.3])[:, None, None]
    want = (chw(image.resize((6, 6), 3)) - mean) / 0.5
    np.testing.assert_allclose(pixels(photos / "a" / "0.png", *words)[0], want, atol=1e-6)
    cut = image.resize((12, 8), 2).crop((3, 1, 9, 7))  # 6 / 0.75 = 8; 8 * 14 / 9 = 12.4
    got = pixels(photos / "a" / "0.png", "--size", "6", "--crop-pct", "0.75")[0]
    np.testing.assert_allclose(got, chw(cut), atol=1e-6)


def test_exif_can_be_left_out_of_account(tmp_path, pixels):
    exif, image = Image.Exif(), Image.fromarray(RNG.integers(0, 256, (6, 6, 3)).astype(np.uint8))
    exif[0x0112] = 8
    image.save(tmp_path / "a.png", exif=exif)
    (tmp_path / "preprocessor_config.json").write_text("{}")
    np.testing.assert_allclose(pixels(tmp_path / "a.png")[0], chw(image.rotate(90)), atol=1e-6)
    np.testing.assert_allclose(pixels(tmp_path / "a.png", "--no-exif")[0], chw(image), atol=1e-6)


def test_options_count_before_a_config_and_are_kept_in_the_file(run, photos, tmp_path):
    network = nets.write(tmp_path / "m.onnx", nets.model(CLASSIFIER, {"w": (2, 3)}, seed=1))
    (photos / "preprocessor_config.json").write_text('{"do_resize": false}')
    words = ("--data", photos, "--size", "6", "--mean", "0.5", "--std", "0.25", "--max-drop", 100, "--no-work")
    ended = run("compress", network, *words, "-o", tmp_path / "m.attar")
    assert ended.status == 0, ended.err
    kept = attar.open(tmp_path / "m.attar").file.preprocessing
    assert kept == {"size": {"height": 6, "width": 6}, "image_mean": [0.5], "image_std": [0.25]}
    (photos / "preprocessor_config.json").unlink()
    for command in ("eval", "verify"):
        ended = run(command, tmp_path / "m.attar", "--data", photos, "--samples", 7, "--json")
        assert ended.status == 0 and ended.json["samples"] == 7
    assert run("run", tmp_path / "m.attar", "--input", photos / "a" / "0.png").status == 0


CLASSIFIER = """<ir_version: 10, opset_import: ["" : 18]> g (float[n, 3, 6, 6] image) => (float[n, 2] scores)
  { m = GlobalAveragePool (image) f = Flatten (m) scores = Gemm <transB = 1> (f, w) }"""


def test_what_was_left_out_is_said_when_all_went_well(run, photos, tmp_path):
    network = nets.write(tmp_path / "m.onnx", nets.model(CLASSIFIER, {"w": (2, 3)}, seed=1))
    (photos / "notes.txt").write_text("of a walk")
    words = ("--data", photos, "--size", "6")
    ended = run("eval", network, *words)
    said = f"attar: note: {photos}: 1 file left out (no images): 'notes.txt'\n"
    assert ended.status == 0 and ended.err == said
    ended = run("compress", network, *words, "--recipe", "int8", "--no-work", "-o", tmp_path / "m.attar")
    assert ended.status == 0 and ended.err == said
    assert json.loads((tmp_path / "m.attar.json").read_text())["notes"] == [said.split("note: ")[1].strip()]
    ended = run("eval", network, *words, "--metric", "top-9")
    assert ended.status == 2 and ended.err.count("\n") == 1


def test_as_many_folders_as_classes(run, photos, tmp_path):
    network = nets.write(tmp_path / "m.onnx", nets.model(CLASSIFIER.replace("n, 2", "n, 4"), {"w": (4, 3)}, seed=1))
    for words in (("eval", network), ("compress", network, "-o", tmp_path / "m.attar", "--no-work")):
        ended = run(*words, "--data", photos, "--size", "6")
        assert ended.status == 2 and "2 subfolders or class names ('a', 'b') for 4 classes" in ended.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "give --size 6 --mean"),
        (("--size", "big"), "--size big is neither"),
        (("--size", "0"), "--size is 0"),
        (("--crop-pct", "0.9"), "--crop-pct needs --size"),
        (("--size", "6", "--crop-pct", "87.5"), "write 0.875 for 87.5 %"),
        (("--size", "6x7", "--crop-pct", "0.9"), "--crop-pct needs one --size"),
        (("--size", "6", "--mean", "0.5"), "--mean and --std belong together"),
        (("--size", "6", "--mean", "a", "--std", "1"), "--mean a is not numbers"),
        (("--size", "6", "--mean", "0,0", "--std", "1"), "image_mean has 2 values for 3 channels"),
        (("--size", "6", "--resample", "sharp"), "--resample sharp is none of nearest"),
    ],
)
def test_options_that_cannot_be_meant(run, photos, tmp_path, words, says):
    onnx.save(onnx.parser.parse_model(IDENTITY), tmp_path / "same.onnx")
    ended = run("run", tmp_path / "same.onnx", "--input", photos, *words)
    assert ended.status == 2 and says in ended.err and ended.err.count("\n") == 1
