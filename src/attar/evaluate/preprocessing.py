"""From a picture to the numbers a network expects, described as Hugging Face's `preprocessor_config.json` does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import DataError
from ..files import open_file, read_file

CONFIG_NAME = "preprocessor_config.json"
MAX_CONFIG_BYTES = 1_000_000
_RESAMPLE = Image.Resampling


@dataclass(frozen=True)
class Preprocessing:
    """Resize, crop, rescale, normalize; in this order.

    Attributes:
        height, width: the size to resize to, where both are given.
        shortest_edge: resize so that the shorter side has this many pixels, aspect kept.
        crop: (height, width) cut from the center afterwards.
        grayscale: one channel in place of three.
        scale: what integers are multiplied by. mean, std: subtracted, then divided by, for every channel.
        resample: Pillow's number of the filter, 2 = bilinear.
    """

    height: int | None = None
    width: int | None = None
    shortest_edge: int | None = None
    crop: tuple[int, int] | None = None
    grayscale: bool = False
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    resample: int = 2

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> "Preprocessing":
        """Read the fields of a `preprocessor_config.json` that change numbers.

        Raises:
            DataError: a field has another type than the format asks for.
        """
        try:
            return cls(**_fields(config))
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise DataError(f"preprocessing: not a usable {CONFIG_NAME}: {error}") from error

    def numbers(self, integers: np.ndarray) -> np.ndarray:
        """Return float32 for integer pixels (n, channels, height, width) or any layout with channels second.

        Raises:
            DataError: means or deviations for another number of channels.
        """
        channels = integers.shape[1] if integers.ndim > 1 else 1
        for what, values in (("image_mean", self.mean), ("image_std", self.std)):
            if len(values) not in (1, channels):
                raise DataError(f"preprocessing: {what} has {len(values)} values for {channels} channels")
        shape = (1, -1, *[1] * (integers.ndim - 2))
        mean, std = (np.asarray(v, np.float32).reshape(shape) for v in (self.mean, self.std))
        return (integers.astype(np.float32) * np.float32(self.scale) - mean) / std

    def picture(self, path: Path) -> np.ndarray:
        """Return float32 (channels, height, width) of an image file.

        Raises:
            DataError: the file is not an image that Pillow can read.
        """
        try:
            with open_file(path, error=DataError) as file, Image.open(file) as image:
                ready = self._crop(self._resize(image.convert("L" if self.grayscale else "RGB")))
        except DataError:
            raise
        except Exception as error:  # Pillow's decoders raise what they like; a huge size, MemoryError
            raise DataError(f"{path}: cannot be read as an image: {str(error) or type(error).__name__}") from error
        pixels = np.asarray(ready, np.uint8)
        channels_first = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        return self.numbers(channels_first[None])[0]

    def _resize(self, image: Image.Image) -> Image.Image:
        if self.shortest_edge:
            ratio = self.shortest_edge / min(image.size)
            size = (max(round(image.width * ratio), 1), max(round(image.height * ratio), 1))
        elif self.height and self.width:
            size = (self.width, self.height)
        else:
            return image
        return image.resize(size, _RESAMPLE(self.resample))

    def _crop(self, image: Image.Image) -> Image.Image:
        if not self.crop:
            return image
        height, width = self.crop
        left, top = round((image.width - width) / 2), round((image.height - height) / 2)
        return image.crop((left, top, left + width, top + height))


def read_config(folder: Path) -> dict[str, Any] | None:
    """Return the `preprocessor_config.json` of `folder`; None where there is none.

    Raises:
        DataError: the file is not a JSON object.
    """
    path = folder / CONFIG_NAME
    if not path.exists():
        return None
    data = read_file(path, error=DataError, most_bytes=MAX_CONFIG_BYTES)
    try:
        config = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise DataError(f"{path}: holds {type(config).__name__}, not an object")
    return config


def _fields(config: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {"grayscale": bool(config.get("do_convert_grayscale", False))}
    if config.get("do_resize", True) and config.get("size"):
        fields |= _size(config["size"])
    if config.get("do_center_crop", False) and config.get("crop_size"):
        crop = config["crop_size"]
        fields["crop"] = (int(crop), int(crop)) if isinstance(crop, int) else (int(crop["height"]), int(crop["width"]))
    fields["scale"] = float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0
    if config.get("do_normalize", True) and config.get("image_mean"):
        fields["mean"] = tuple(float(v) for v in config["image_mean"])
        fields["std"] = tuple(float(v) for v in config["image_std"])
    if "resample" in config:
        fields["resample"] = int(_RESAMPLE(config["resample"]))
    return fields


def _size(size: Any) -> dict[str, int]:
    if isinstance(size, int):
        return {"shortest_edge": size}
    if "shortest_edge" in size:
        return {"shortest_edge": int(size["shortest_edge"])}
    return {"height": int(size["height"]), "width": int(size["width"])}
