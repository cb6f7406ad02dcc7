"""Pictures of every mode, and turned ones, as 8-bit pixels."""

import re

import numpy as np
import pytest
from PIL import Image

from attar.errors import DataError
from attar.evaluate.images import Preprocessing

COLORS = np.random.default_rng(2).integers(0, 256, (3, 5, 3)).astype(np.uint8)
GRAY = np.random.default_rng(3).integers(0, 256, (3, 5)).astype(np.uint8)


def pixels(path, *, channels=3, **config):
    return Preprocessing.from_json(config).pixels(path, channels=channels)


def saved(image, folder, name, **how):
    image.save(folder / name, **how)
    return folder / name


@pytest.mark.parametrize("name", ["p.png", "p.tif", "p.pgm"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, name):
    path = saved(Image.fromarray(GRAY.astype(np.uint16) * 257), tmp_path, name)
    np.testing.assert_array_equal(pixels(path), [GRAY] * 3)
    np.testing.assert_array_equal(pixels(path, channels=1), [GRAY])


def test_sixteen_bits_are_rounded(tmp_path):
    path = saved(Image.fromarray(np.array([[0, 128, 129, 385, 386, 65406, 65407]], np.uint16)), tmp_path, "p.png")
    np.testing.assert_array_equal(pixels(path, channels=1), [[[0, 0, 1, 1, 2, 254, 255]]])


def test_sixteen_bits_with_the_high_byte_first(tmp_path):
    image = Image.frombytes("I;16B", (5, 3), (GRAY.astype(">u2") * 257).tobytes())
    np.testing.assert_array_equal(pixels(saved(image, tmp_path, "p.tif"), channels=1), [GRAY])


@pytest.mark.parametrize(
    ("dtype", "name", "message"),
    [
        (np.float32, "p.tif", "p.tif: floating-point pixels (mode F) do not say what is white"),
        (np.int32, "p.tif", "p.tif: 32-bit pixels (mode I) do not say what is white"),
    ],
)
def test_pixels_without_a_range_are_refused(tmp_path, dtype, name, message):
    path = saved(Image.fromarray(GRAY.astype(dtype)), tmp_path, name)
    with pytest.raises(DataError, match=re.escape(message)):
        pixels(path)


def test_one_bit(tmp_path):
    path = saved(Image.fromarray(GRAY > 99), tmp_path, "p.png")
    np.testing.assert_array_equal(pixels(path, channels=1), [np.where(GRAY > 99, 255, 0)])
    assert pixels(path).shape == (3, 3, 5)


@pytest.mark.filterwarnings("error")
def test_a_palette_with_transparent_colors(tmp_path):
    image = Image.fromarray(GRAY % 4).convert("P")
    image.putpalette([9, 8, 7, 50, 60, 70, 200, 100, 0, 1, 2, 3])
    path = saved(image, tmp_path, "p.png", transparency=bytes([0, 128, 255, 3]))
    table = np.array([[9, 8, 7], [50, 60, 70], [200, 100, 0], [1, 2, 3]])
    np.testing.assert_array_equal(pixels(path), table[GRAY % 4].transpose(2, 0, 1))


def test_transparent_pixels_show_their_color(tmp_path):
    alpha = Image.fromarray(np.dstack([COLORS, GRAY]), "RGBA")
    np.testing.assert_array_equal(pixels(saved(alpha, tmp_path, "p.png")), COLORS.transpose(2, 0, 1))
    both = Image.merge("LA", [Image.fromarray(GRAY), Image.fromarray(255 - GRAY)])
    np.testing.assert_array_equal(pixels(saved(both, tmp_path, "q.png")), [GRAY] * 3)


def test_inks_become_colors(tmp_path):
    inks = Image.fromarray(np.full((2, 2, 4), [0, 255, 0, 0], np.uint8), "CMYK")
    np.testing.assert_array_equal(pixels(saved(inks, tmp_path, "p.tif"))[:, 0, 0], [255, 0, 255])
    assert pixels(tmp_path / "p.tif", channels=1).shape == (1, 2, 2)


def test_as_many_channels_as_the_network_wants_unless_the_config_says_it(tmp_path):
    path = saved(Image.fromarray(COLORS), tmp_path, "p.png")
    assert pixels(path, channels=1).shape == (1, 3, 5)
    assert pixels(path, channels=3, do_convert_grayscale=True).shape == (1, 3, 5)
    assert pixels(path, channels=1, do_convert_grayscale=False).shape == (3, 3, 5)


UPRIGHT = {  # what a camera's orientation tells a viewer to do
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
    8: lambda p: np.rot90(p),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("name", ["p.png", "p.tif", "p.webp"])
def test_pictures_are_turned_as_viewers_do(tmp_path, orientation, name):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(Image.fromarray(COLORS), tmp_path, name, exif=exif, **({"lossless": True} if "webp" in name else {}))
    np.testing.assert_array_equal(pixels(path), UPRIGHT[orientation](COLORS).transpose(2, 0, 1))
    if name != "p.tif" or orientation == 1:
        np.testing.assert_array_equal(pixels(path, do_exif_transpose=False), COLORS.transpose(2, 0, 1))
        return
    with pytest.raises(DataError, match="Pillow always turns a TIFF"):
        pixels(path, do_exif_transpose=False)
