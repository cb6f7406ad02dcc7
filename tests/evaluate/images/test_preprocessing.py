"""Every field of a preprocessor_config.json against numbers worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from attar.evaluate.images import Preprocessing

PIXELS = np.array([[[0, 51, 102], [255, 204, 153]]], np.uint8)  # one row of two pixels


def prepared(config, pixels, folder):
    path = folder / "image.png"
    Image.fromarray(pixels).save(path)
    return Preprocessing.from_json(config).picture(path)


def test_channels_come_first_then_scale_mean_and_std(tmp_path):
    config = {"image_mean": [0.0, 0.2, 0.4], "image_std": [1.0, 0.5, 0.25]}
    got = prepared(config, PIXELS, tmp_path)
    # (pixel / 255 - mean) / std, a channel a row
    np.testing.assert_allclose(got, [[[0.0, 1.0]], [[0.0, 1.2]], [[0.0, 0.8]]], atol=1e-6)
    assert got.dtype == np.float32


def test_each_step_can_be_turned_off(tmp_path):
    config = {
        "do_resize": False,
        "size": {"height": 9, "width": 9},
        "do_rescale": False,
        "do_normalize": False,
        "image_mean": [9, 9, 9],
        "image_std": [9, 9, 9],
    }
    np.testing.assert_array_equal(prepared(config, PIXELS, tmp_path), PIXELS.transpose(2, 0, 1))


def test_an_empty_config_rescales_alone(tmp_path):
    np.testing.assert_allclose(prepared({}, PIXELS, tmp_path), PIXELS.transpose(2, 0, 1) / 255, rtol=1e-6)


def test_grayscale_weighs_the_colors(tmp_path):
    got = prepared({"do_convert_grayscale": True, "do_rescale": False}, PIXELS, tmp_path)
    # ITU-R 601-2: 0.299 R + 0.587 G + 0.114 B
    np.testing.assert_allclose(got, [[[0.587 * 51 + 0.114 * 102, 0.299 * 255 + 0.587 * 204 + 0.114 * 153]]], atol=1)


def test_nearest_resize_repeats_pixels(tmp_path):
    config = {"size": {"height": 2, "width": 4}, "resample": 0, "do_rescale": False}
    got = prepared(config, PIXELS, tmp_path)
    np.testing.assert_array_equal(got, PIXELS.repeat(2, axis=0).repeat(2, axis=1).transpose(2, 0, 1))


def test_shortest_edge_keeps_the_aspect(tmp_path):
    pixels = np.zeros((8, 16, 3), np.uint8)
    assert prepared({"size": {"shortest_edge": 4}}, pixels, tmp_path).shape == (3, 4, 8)


@pytest.mark.parametrize("crop", [2, {"height": 2, "width": 2}])
def test_the_crop_is_centered(tmp_path, crop):
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    config = {"do_center_crop": True, "crop_size": crop, "do_convert_grayscale": True, "do_rescale": False}
    np.testing.assert_array_equal(prepared(config, pixels, tmp_path), [[[5, 6], [9, 10]]])


def test_a_crop_size_alone_crops_nothing(tmp_path):
    assert prepared({"crop_size": 1}, PIXELS, tmp_path).shape == (3, 1, 2)


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "1", "CMYK", "I;16"])
def test_any_mode_becomes_three_channels(tmp_path, mode):
    image = Image.new(mode, (3, 2))
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    image.save(path)
    assert Preprocessing.from_json({}).picture(path).shape == (3, 2, 3)


def test_numbers_of_arrays_and_of_pictures_agree(tmp_path):
    config = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}
    arrays = Preprocessing.from_json(config).numbers(PIXELS.transpose(2, 0, 1)[None])
    np.testing.assert_array_equal(arrays[0], prepared(config, PIXELS, tmp_path))
