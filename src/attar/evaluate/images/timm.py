"""What timm does with a picture, of which Hugging Face's TimmWrapper keeps the words: `pretrained_cfg`."""

import math
from collections.abc import Mapping
from typing import Any

from PIL.Image import Resampling

from ...errors import DataError
from .resize import Exactly, ShortestEdge
from .values import edge, flag, number, numbers

_FILTERS = {name.lower(): int(value) for name, value in Resampling.__members__.items()}
_DEFAULTS = {
    "crop_pct": 0.875,
    "crop_mode": "center",
    "interpolation": "bicubic",
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
}


def timm_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `Preprocessing`: resize by 1 / crop_pct, crop the center, normalize.

    Raises:
        DataError: a way of cropping that attar doesn't know, or a value that cannot be meant.
    """
    given = config.get("pretrained_cfg")
    if not isinstance(given, Mapping):
        raise DataError("a TimmWrapperImageProcessor needs its pretrained_cfg")
    settings = {**_DEFAULTS, **{key: value for key, value in given.items() if value is not None}}
    height, width = _input_size(settings)
    share = number(settings["crop_pct"], "crop_pct")
    if not 0 < share <= 1:
        raise DataError(f"crop_pct is {share}, outside 0 to 1")
    if settings["interpolation"] not in _FILTERS:
        raise DataError(f"interpolation '{settings['interpolation']}' is none of {', '.join(_FILTERS)}")
    return {
        "upright": flag(config, "do_exif_transpose", True),
        "resize": _resize(settings["crop_mode"], math.floor(height / share), math.floor(width / share)),
        "resample": _FILTERS[settings["interpolation"]],
        "crop": (height, width),
        "crop_rounds": True,
        "mean": numbers(settings["mean"], "mean"),
        "std": numbers(settings["std"], "std"),
    }


def _input_size(settings: Mapping[str, Any]) -> tuple[int, int]:
    size = settings.get("input_size")
    if not isinstance(size, (list, tuple)) or len(size) != 3:
        raise DataError(f"input_size is {size!r:.60}, not channels, height and width")
    return edge(size[1], "input_size: height"), edge(size[2], "input_size: width")


def _resize(mode: Any, height: int, width: int) -> Exactly | ShortestEdge:
    if mode == "squash":
        return Exactly(height, width)
    if mode == "center" and height == width:
        return ShortestEdge(height)
    raise DataError(f"crop_mode '{mode}' to {height} x {width} is not known")
