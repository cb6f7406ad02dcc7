"""A `preprocessor_config.json` read as Hugging Face's processors do; keys that could change numbers, or refused."""

from collections.abc import Mapping
from typing import Any

from ...errors import DataError
from .processors import FAMILIES, UNKNOWN, Family, kind_of
from .resize import Bare, Exactly, Resize, ShortestEdge, Within
from .timm import timm_fields
from .values import edge, flag, number, numbers, resampling

READ = {
    *("image_processor_type", "feature_extractor_type", "pretrained_cfg", "default_to_square", "use_square_size"),
    *("do_resize", "size", "resample", "crop_pct", "do_center_crop", "crop_size"),
    *("do_rescale", "rescale_factor", "rescale_offset", "do_normalize", "image_mean", "image_std", "include_top"),
    *("do_flip_channel_order", "do_convert_grayscale", "do_exif_transpose"),
}
HARMLESS = {
    "architecture": "a name",
    "data_format": "the network's own inputs say the layout",
    "device": "where it runs",
    "disable_grouping": "how it batches",
    "do_convert_rgb": "pictures always get as many channels as the network wants",
    "do_reduce_labels": "of segmentation maps",
    "id2label": "names of classes",
    "input_data_format": "of arrays",
    "label2id": "names of classes",
    "model_input_names": "names",
    "model_type": "a name",
    "num_labels": "of classes",
    "processor_class": "a name",
    "reduce_labels": "of segmentation maps",
    "return_tensors": "a type of tensors",
    "transformers_version": "a version",
    "_processor_class": "a name",
    "_valid_processor_keys": "names of keys",
}
_WARPED_FROM = 384  # pixels: from here on ConvNeXT's processor does not crop


def fields_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `Preprocessing` that a config asks for.

    Raises:
        DataError: a key that is not known and could change numbers, or a value that cannot be meant.
    """
    _check_keys(config)
    kind = kind_of(config)
    if kind == "TimmWrapper":
        return timm_fields(config)
    family = FAMILIES.get(kind, UNKNOWN)
    return {
        "grayscale": flag(config, "do_convert_grayscale", None),
        "upright": flag(config, "do_exif_transpose", True),
        "bgr": flag(config, "do_flip_channel_order", False),
        "resample": resampling(config.get("resample"), family.resample),
        **_geometry(config, kind, family),
        **_rescaling(config),
        **_normalization(config),
    }


def asks_for_floats(config: Mapping[str, Any]) -> bool:
    """Tell whether a config names a step that makes other numbers of pixels than the file has."""
    rescales = flag(config, "do_rescale", config.get("rescale_factor") is not None)
    return rescales or flag(config, "do_normalize", config.get("image_mean") is not None)


def _check_keys(config: Mapping[str, Any]) -> None:
    for key, value in config.items():
        is_off = value is None or (value is False and key.startswith(("do_", "use_", "keep_")))
        if key not in READ and key not in HARMLESS and not is_off:
            raise DataError(f"'{key}' is not known, and could change numbers: {value!r:.60}")


def _geometry(config: Mapping[str, Any], kind: str | None, family: Family) -> dict[str, Any]:
    """Return how a picture is resized and cropped."""
    pct = config.get("crop_pct")
    share = family.crop_pct if pct is None else number(pct, "crop_pct")
    if share is not None and not 0 < share <= 1:
        raise DataError(f"crop_pct is {share}, outside 0 to 1")
    if pct is not None and family.crop_pct is None:
        raise DataError("crop_pct needs an image_processor_type that says what is cropped: ConvNextImageProcessor, ...")
    crop = _crop(config)
    if not _does(config, "do_resize", "size"):
        return {"crop": crop}
    if kind == "ConvNext":
        return _convnext(config, share)
    if kind == "PoolFormer" and (pct is not None or "crop_pct" not in config):
        pixels = _one_edge(config["size"], {"shortest_edge"}, {"height", "width"})
        return {"resize": ShortestEdge(int(pixels / share)), "crop": crop}
    return {"resize": _resize(config, family), "crop": crop}


def _convnext(config: Mapping[str, Any], share: float) -> dict[str, Any]:
    pixels = _one_edge(config["size"], {"shortest_edge"})
    if pixels >= _WARPED_FROM:
        return {"resize": Exactly(pixels, pixels)}
    return {"resize": ShortestEdge(int(pixels / share)), "crop": (pixels, pixels)}


def _resize(config: Mapping[str, Any], family: Family) -> Resize:
    size = config["size"]
    if not isinstance(size, Mapping):
        pixels = edge(size, "size")
        square = flag(config, "default_to_square", family.square)
        return Bare(pixels) if square is None else Exactly(pixels, pixels) if square else ShortestEdge(pixels)
    values = {key: edge(value, f"size: {key}") for key, value in size.items() if value is not None}
    if flag(config, "use_square_size", False):
        return Exactly(values["shortest_edge"], values["shortest_edge"])
    if set(values) == {"shortest_edge", "longest_edge"} and family is UNKNOWN:
        return ShortestEdge(values["shortest_edge"], values["longest_edge"])
    ways = {
        ("height", "width"): Exactly,
        ("shortest_edge",): ShortestEdge,
        ("max_height", "max_width"): Within,
    }
    keys = tuple(sorted(values))
    if keys not in ways:
        raise DataError(f"size with {', '.join(keys) or 'nothing'} is not known")
    return ways[keys](*(values[key] for key in keys))


def _one_edge(size: Any, *ways: set[str]) -> int:
    """Return the one number of a size: bare, or with one of these sets of keys."""
    if not isinstance(size, Mapping):
        return edge(size, "size")
    values = {key: edge(value, f"size: {key}") for key, value in size.items() if value is not None}
    if set(values) not in ways or len(set(values.values())) != 1:
        raise DataError(f"size {size!r:.60} is not one shortest edge")
    return next(iter(values.values()))


def _crop(config: Mapping[str, Any]) -> tuple[int, int] | None:
    if not flag(config, "do_center_crop", False):
        return None
    crop = config.get("crop_size")
    if isinstance(crop, Mapping):
        if set(crop) != {"height", "width"}:
            raise DataError(f"crop_size with {', '.join(map(str, crop)) or 'nothing'} is not known")
        return edge(crop["height"], "crop_size: height"), edge(crop["width"], "crop_size: width")
    return edge(crop, "crop_size"), edge(crop, "crop_size")


def _rescaling(config: Mapping[str, Any]) -> dict[str, float]:
    if not flag(config, "do_rescale", True):
        return {"scale": 1.0}
    shift = 1.0 if flag(config, "rescale_offset", False) else 0.0
    return {"scale": number(config.get("rescale_factor", 1 / 255), "rescale_factor"), "offset": shift}


def _normalization(config: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    """Return mean and deviation; an EfficientNet with its top on divides by the deviation once more."""
    normalizes, twice = _does(config, "do_normalize", "image_mean"), flag(config, "include_top", False)
    if not normalizes and not twice:
        return {}
    std = numbers(config.get("image_std"), "image_std")
    if 0 in std:
        raise DataError("image_std holds 0")
    mean = numbers(config.get("image_mean"), "image_mean") if normalizes else (0.0,)
    return {"mean": mean, "std": tuple(v * v for v in std) if normalizes and twice else std}


def _does(config: Mapping[str, Any], step: str, needs: str) -> bool:
    """Tell whether a step is done: where its numbers are there, unless the file says that it is not.

    Raises:
        DataError: the file says that it is done, but not with which numbers.
    """
    has = config.get(needs) is not None
    if flag(config, step, False) and not has:
        raise DataError(f"{step} is true, but {needs} is missing")
    return flag(config, step, True) and has
