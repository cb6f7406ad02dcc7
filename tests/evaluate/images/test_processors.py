"""Configs as Hugging Face's processors write them, against the numbers that those make, worked out with Pillow."""

import re

import numpy as np
import pytest
from PIL import Image

from attar.errors import DataError
from attar.evaluate.images import Preprocessing
from attar.evaluate.images.processors import left_out

RNG = np.random.default_rng(5)
WIDE = Image.fromarray(RNG.integers(0, 256, (30, 47, 3)).astype(np.uint8))
TALL = Image.fromarray(RNG.integers(0, 256, (41, 26, 3)).astype(np.uint8))
MEAN, STD = np.float32([0.4, 0.5, 0.6]), np.float32([0.2, 0.25, 0.5])


def of(kind):
    return {"image_processor_type": f"{kind}ImageProcessor"}


def chw(image):
    return np.asarray(image, np.float32).transpose(2, 0, 1) / 255


def middle(image, height, width):
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def made(config, image):
    return Preprocessing.from_json(config).picture(image)


def same(got, want):
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("kind", ["ViT", "Beit", "DeiT", "Siglip", "Segformer", "EfficientNet", "Pvt", "Blip"])
def test_a_bare_size_is_height_and_width(kind):
    same(made({**of(kind), "size": 12, "resample": 3}, WIDE), chw(WIDE.resize((12, 12), 3)))


@pytest.mark.parametrize("kind", ["CLIP", "MobileNetV1", "MobileNetV2", "MobileViT", "Bit"])
def test_a_bare_size_is_the_shortest_edge(kind):
    same(made({**of(kind), "size": 12, "resample": 2}, WIDE), chw(WIDE.resize((18, 12), 2)))  # 12 * 47 / 30 = 18.8


def test_old_and_fast_names_of_a_processor():
    for key, name in (
        ("feature_extractor_type", "ViTFeatureExtractor"),
        ("image_processor_type", "ViTImageProcessorFast"),
    ):
        same(made({key: name, "size": 9}, TALL), chw(TALL.resize((9, 9), 2)))


@pytest.mark.parametrize(("kind", "filter"), [("ViT", 2), ("Siglip", 3), ("EfficientNet", 0), ("DeiT", 3)])
def test_the_filter_of_a_processor_where_the_file_has_none(kind, filter):
    same(made({**of(kind), "size": {"height": 7, "width": 13}}, TALL), chw(TALL.resize((13, 7), filter)))


def test_a_bare_size_without_a_processor_is_refused_unless_the_picture_is_square():
    with pytest.raises(DataError, match="size 12 is height and width for some"):
        made({"size": 12}, WIDE)
    square = WIDE.crop((0, 0, 30, 30))
    same(made({"size": 12}, square), chw(square.resize((12, 12), 2)))
    same(made({"size": 12, "default_to_square": False}, WIDE), chw(WIDE.resize((18, 12), 2)))


@pytest.mark.parametrize(("share", "edge"), [(0.75, 16), (None, 13), ("missing", 13)])  # 12 / 0.875 = 13.7
def test_convnext_crops_a_share_of_small_sizes(share, edge):
    config = {**of("ConvNext"), "size": {"shortest_edge": 12}} | ({} if share == "missing" else {"crop_pct": share})
    resized = TALL.resize((edge, int(edge * 41 / 26)), 2)
    same(made(config, TALL), chw(middle(resized, 12, 12)))


def test_convnext_stretches_large_sizes():
    same(made({**of("ConvNext"), "size": 384, "crop_pct": 1.0}, WIDE), chw(WIDE.resize((384, 384), 2)))


@pytest.mark.parametrize(
    ("size", "share", "edge"), [({"shortest_edge": 12}, 0.9, 13), ({"height": 16, "width": 16}, 0.8, 20)]
)
def test_poolformer_resizes_by_its_share(size, share, edge):
    config = {**of("PoolFormer"), "size": size, "crop_pct": share, "do_center_crop": True, "crop_size": 11}
    resized = WIDE.resize((int(edge * 47 / 30), edge), 3)
    same(made(config, WIDE), chw(middle(resized, 11, 11)))


def test_poolformer_without_a_share():
    config = {**of("PoolFormer"), "size": {"shortest_edge": 12}, "crop_pct": None}
    same(made(config, WIDE), chw(WIDE.resize((18, 12), 3)))


def test_timm_rounds_its_margins():
    settings = {"input_size": [3, 20, 20], "crop_pct": 0.8, "interpolation": "bilinear", "mean": MEAN.tolist()}
    config = {**of("TimmWrapper"), "pretrained_cfg": {**settings, "std": STD.tolist(), "num_classes": 7}}
    resized = WIDE.resize((39, 25), 2)  # 20 / 0.8 = 25; 25 * 47 / 30 = 39.2
    cut = resized.crop((10, 2, 30, 22))  # 9.5 goes to 10, 2.5 to 2
    same(made(config, WIDE), (chw(cut) - MEAN[:, None, None]) / STD[:, None, None])


def test_timm_squashes():
    settings = {"input_size": [3, 10, 20], "crop_pct": 1.0, "crop_mode": "squash", "mean": [0, 0, 0], "std": [1, 1, 1]}
    config = {**of("TimmWrapper"), "pretrained_cfg": settings}
    same(made(config, TALL), chw(TALL.resize((20, 10), 3)))


@pytest.mark.parametrize(
    ("size", "new"),
    [
        ({"shortest_edge": 12, "longest_edge": 99}, (18, 12)),
        ({"shortest_edge": 24, "longest_edge": 32}, (32, 20)),  # 32 * 30 / 47 = 20.4
        ({"max_height": 15, "max_width": 40}, (23, 15)),
        ({"max_height": 90, "max_width": 94}, (94, 60)),
    ],
)
def test_sizes_within_limits(size, new):
    same(made({"size": size}, WIDE), chw(WIDE.resize(new, 2)))


def test_the_margins_of_a_crop_are_cut_off():
    config = {"do_center_crop": True, "crop_size": {"height": 13, "width": 20}}
    same(made(config, WIDE), chw(WIDE.crop((13, 8, 33, 21))))  # 27 / 2 and 17 / 2


def test_a_crop_larger_than_the_picture_is_black_around_it():
    got = made({"do_center_crop": True, "crop_size": 33}, WIDE.crop((0, 0, 30, 30)))
    assert (got[:, :2] == 0).all() and (got[:, 32:] == 0).all() and (got[:, :, :2] == 0).all()
    same(got[:, 2:32, 2:32], chw(WIDE.crop((0, 0, 30, 30))))


def test_efficientnet_shifts_and_divides_twice():
    numbers = {"image_mean": MEAN.tolist(), "image_std": STD.tolist(), "rescale_factor": 1 / 127.5}
    config = {**of("EfficientNet"), "rescale_offset": True, "include_top": True, **numbers}
    want = (chw(TALL) * 2 - 1 - MEAN[:, None, None]) / STD[:, None, None] / STD[:, None, None]
    same(made(config, TALL), want)
    same(made({**config, "do_normalize": False}, TALL), (chw(TALL) * 2 - 1) / STD[:, None, None])


def test_channels_are_swapped_last():
    config = {**of("MobileViT"), "do_flip_channel_order": True, "image_mean": MEAN.tolist(), "image_std": STD.tolist()}
    same(made(config, TALL), ((chw(TALL) - MEAN[:, None, None]) / STD[:, None, None])[::-1])


def test_one_number_stands_for_all_channels():
    same(made({"image_mean": 0.5, "image_std": [0.25]}, TALL), (chw(TALL) - 0.5) * 4)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"do_pad": True}, "'do_pad' is not known, and could change numbers: True"),
        ({"size_divisor": 32}, "'size_divisor' is not known"),
        ({"do_thumbnail": True}, "'do_thumbnail'"),
        ({"do_align_long_axis": True}, "'do_align_long_axis'"),
        ({"gamma": 2.2}, "'gamma'"),
        ({"image_processor_type": "DonutImageProcessor"}, "image_processor_type 'DonutImageProcessor' is none"),
        ({"crop_pct": 0.9, "size": 8}, "crop_pct needs an image_processor_type"),
        ({**of("ConvNext"), "crop_pct": 0, "size": 8}, "crop_pct is 0.0"),
        ({**of("ConvNext"), "size": {"height": 8, "width": 9}}, "is not one shortest edge"),
        ({**of("ConvNext"), "size": {"height": 8, "width": 8}}, "is not one shortest edge"),
        ({"size": [8, 8]}, "size is [8, 8], not a number"),
        ({"size": 10**400}, "not a usable preprocessor_config.json"),
        ({**of("ViT"), "size": {"longest_edge": 8}}, "size with longest_edge is not known"),
        ({"size": {"height": 8}}, "size with height is not known"),
        ({"size": 0}, "size is 0, not a number of pixels"),
        ({"size": 2.5}, "size is 2.5"),
        ({"size": True}, "size is True"),
        ({"do_resize": True}, "do_resize is true, but size is missing"),
        ({"do_normalize": True}, "do_normalize is true, but image_mean is missing"),
        ({"do_center_crop": True}, "crop_size is None"),
        ({"do_center_crop": "yes"}, "do_center_crop is 'yes', neither true nor false"),
        ({"do_center_crop": True, "crop_size": {"shortest_edge": 3}}, "crop_size with shortest_edge"),
        ({"image_mean": [0.5], "image_std": [0]}, "image_std holds 0"),
        ({"image_mean": [0.5], "image_std": ["a"]}, "image_std is 'a', not a number"),
        ({"rescale_factor": float("nan")}, "rescale_factor is nan"),
        ({"resample": 9}, "resample is 9, none of Pillow's filters"),
        ({"resample": "bicubic"}, "resample is 'bicubic'"),
        ({**of("TimmWrapper")}, "needs its pretrained_cfg"),
        (
            {**of("TimmWrapper"), "pretrained_cfg": {"input_size": [3, 9, 9], "crop_mode": "border"}},
            "crop_mode 'border'",
        ),
        ({**of("TimmWrapper"), "pretrained_cfg": {"input_size": [3, 9]}}, "input_size is [3, 9]"),
    ],
)
def test_what_is_refused(config, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        made(config, WIDE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [{"do_pad": False}, {"size_divisor": None}, {"do_convert_rgb": True}, {"processor_class": "CLIPProcessor"}],
)
def test_what_changes_nothing_is_passed_over(config):
    same(made(config, WIDE), chw(WIDE))


def test_steps_that_a_processor_would_do_by_itself_are_named():
    (crop, flip) = left_out({**of("MobileViT"), "do_resize": False})
    assert crop.startswith("do_center_crop: not in the file") and flip.startswith("do_flip_channel_order")
    assert left_out({**of("ViT"), "image_mean": [0], "image_std": [1]}) == left_out({"size": 3}) == []
