"""What a person says of pictures in a few words, as a `preprocessor_config.json` object; and a template of one."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from PIL.Image import Resampling

from ...errors import DataError
from .layout import Layout
from .values import edge

FILTERS = {name.lower(): int(value) for name, value in Resampling.__members__.items()}
EXIF_KEY = "do_exif_transpose"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def config_of_options(
    *,
    size: str | None = None,
    mean: str | None = None,
    std: str | None = None,
    crop_pct: float | None = None,
    resample: str | None = None,
    exif: bool = True,
) -> dict[str, Any] | None:
    """Return the config that the options ask for; None where nothing was asked.

    Args:
        size: "224" or "HEIGHTxWIDTH", what the network gets. crop_pct: its share of the picture, whose aspect is then
            kept: the shorter side becomes size / crop_pct, and the center is cut; without it the picture is stretched.
        mean, std: "0.5" or one number for every channel with commas between, of pixels from 0 to 1.
        resample: the filter's name.

    Raises:
        DataError: an option that cannot be meant, or one without another that it needs.
    """
    config: dict[str, Any] = {} if exif else {EXIF_KEY: False}
    if size is not None:
        config |= _sized(size, crop_pct)
    elif crop_pct is not None:
        raise DataError("--crop-pct needs --size")
    if (mean is None) != (std is None):
        raise DataError("--mean and --std belong together")
    if mean is not None:
        config |= {"image_mean": _numbers(mean, "--mean"), "image_std": _numbers(std, "--std")}
    if resample is not None:
        if resample.lower() not in FILTERS:
            raise DataError(f"--resample {resample} is none of {', '.join(FILTERS)}")
        config["resample"] = FILTERS[resample.lower()]
    return config or None


def settled(own: Mapping[str, Any] | None, given: Mapping[str, Any] | None, asked: Mapping[str, Any] | None) -> Any:
    """Return the config that counts: what was asked, the one beside the data, the network's; the switch joins any."""
    found = given if own is None else own
    if not asked:
        return found
    if set(asked) == {EXIF_KEY}:
        return None if found is None else {**found, **asked}
    return asked


def template(shape: Sequence[int | None], folder: str) -> str:
    """Return how to say what is missing: a config to write, or options; sizes as the network's input has them."""
    layout = Layout.of(shape)
    height, width = (extent or 224 for extent in layout.extents(shape))
    mean, std = ((0.5,), (0.5,)) if layout.channels == 1 else (_MEAN, _STD)
    config = {
        "size": {"height": height, "width": width},
        "resample": int(Resampling.BILINEAR),
        "rescale_factor": 1 / 255,
        "image_mean": mean,
        "image_std": std,
    }
    size = str(height) if height == width else f"{height}x{width}"
    words = f"--size {size} --mean {_with_commas(mean)} --std {_with_commas(std)}"
    return f"give {words} with the network's own numbers, or write them into {folder}: {json.dumps(config)}"


def _sized(text: str, crop_pct: float | None) -> dict[str, Any]:
    height, cross, width = text.lower().partition("x")
    try:
        extents = [edge(int(word), "--size") for word in ((height, width) if cross else (height, height))]
    except ValueError as error:
        raise DataError(f"--size {text} is neither a number of pixels nor HEIGHTxWIDTH") from error
    box = {"height": extents[0], "width": extents[1]}
    if crop_pct is None:
        return {"size": box}
    if not 0 < crop_pct <= 1:
        raise DataError(f"--crop-pct {crop_pct:g} is outside 0 to 1; write 0.875 for 87.5 %")
    if extents[0] != extents[1]:
        raise DataError(f"--crop-pct needs one --size, not {text}")
    return {"size": {"shortest_edge": int(extents[0] / crop_pct)}, "do_center_crop": True, "crop_size": box}


def _numbers(text: str, name: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError as error:
        raise DataError(f"{name} {text} is not numbers with commas between") from error


def _with_commas(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)
