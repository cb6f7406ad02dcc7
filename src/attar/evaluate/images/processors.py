"""What Hugging Face's image processors do that their config does not tell: how they read a size, and their filter.

A step that the file does not name is not done, but a processor that would do it by itself is named in a note.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL.Image import Resampling

from ...errors import DataError

_SUFFIXES = ("ImageProcessorFast", "ImageProcessorPil", "ImageProcessor", "FeatureExtractor")


@dataclass(frozen=True)
class Family:
    """One kind of processor.

    Attributes:
        square: whether a bare size is height and width; else it is the shortest edge; None where that is not known.
        resample: the filter where the file names none. crop_pct: the share that is kept, where the file has none.
        steps: what it does where the file does not say it.
    """

    square: bool | None
    resample: Resampling = Resampling.BILINEAR
    crop_pct: float | None = None
    steps: tuple[str, ...] = ("do_normalize",)


_CROPS = ("do_center_crop", "do_normalize")
UNKNOWN = Family(None, steps=())
FAMILIES = {
    "Beit": Family(True, Resampling.BICUBIC, steps=_CROPS),
    "Bit": Family(False, Resampling.BICUBIC, steps=_CROPS),
    "Blip": Family(True, Resampling.BICUBIC),
    "CLIP": Family(False, Resampling.BICUBIC, steps=_CROPS),
    "ChineseCLIP": Family(False, Resampling.BICUBIC, steps=_CROPS),
    "ConvNext": Family(False, crop_pct=224 / 256),
    "DeiT": Family(True, Resampling.BICUBIC, steps=_CROPS),
    "EfficientNet": Family(True, Resampling.NEAREST, steps=("do_normalize", "include_top")),
    "MobileNetV1": Family(False, steps=_CROPS),
    "MobileNetV2": Family(False, steps=_CROPS),
    "MobileViT": Family(False, steps=("do_center_crop", "do_flip_channel_order")),
    "PoolFormer": Family(False, Resampling.BICUBIC, crop_pct=0.9, steps=_CROPS),
    "Pvt": Family(True),
    "Segformer": Family(True),
    "Siglip": Family(True, Resampling.BICUBIC),
    "ViT": Family(True),
    "TimmWrapper": Family(None, Resampling.BICUBIC, crop_pct=0.875, steps=()),
}


def kind_of(config: Mapping[str, Any]) -> str | None:
    """Return the name of the config's family; None where it does not say one.

    Raises:
        DataError: a processor that attar doesn't know.
    """
    key = next((key for key in ("image_processor_type", "feature_extractor_type") if config.get(key)), None)
    if key is None:
        return None
    name = str(config[key])
    found = next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)
    if found not in FAMILIES:
        raise DataError(
            f"{key} '{name}' is none that attar knows ({', '.join(FAMILIES)}); where the keys alone say "
            "all that is done, leave it out"
        )
    return found


def left_out(config: Mapping[str, Any]) -> list[str]:
    """Name the steps that the config's processor does by itself and its file does not mention: they are not done."""
    kind = kind_of(config)
    silent = [
        step for step in FAMILIES.get(kind, UNKNOWN).steps if config.get(step) is None and not _told(config, step)
    ]
    return [f"{step}: not in the file and so not done, though a {kind}ImageProcessor does it" for step in silent]


def _told(config: Mapping[str, Any], step: str) -> bool:
    """Whether the numbers of a step are there: then it is done."""
    return step == "do_normalize" and config.get("image_mean") is not None
