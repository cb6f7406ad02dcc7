"""From a picture to the numbers a network expects, described as Hugging Face's `preprocessor_config.json` does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import DataError, first_line
from ...files import read_file
from .config import fields_of
from .pixels import eight_bits, open_upright
from .resize import Resize

CONFIG_NAME = "preprocessor_config.json"
MAX_CONFIG_BYTES = 1_000_000


@dataclass(frozen=True)
class Preprocessing:
    """Turn upright, resize, crop, rescale, normalize, swap channels; in this order.

    Attributes:
        resize: how large a picture becomes; None: as it is. resample: Pillow's number of the filter, 2 = bilinear.
        crop: (height, width) cut from the center afterwards, black where the picture is smaller. crop_rounds: whether
            half a pixel on the left goes to the nearest even number of pixels, as torchvision's does, or is cut off.
        grayscale: one channel or three; None: as many as the network wants. upright: whether EXIF's orientation counts.
        scale, offset: what integers are multiplied by, and what is taken off then.
        mean, std: subtracted, then divided by, for every channel. bgr: whether blue comes first.
    """

    resize: Resize | None = None
    resample: int = 2
    crop: tuple[int, int] | None = None
    crop_rounds: bool = False
    grayscale: bool | None = None
    upright: bool = True
    scale: float = 1 / 255
    offset: float = 0.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    bgr: bool = False

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> "Preprocessing":
        """Read the fields of a `preprocessor_config.json` that change numbers.

        Raises:
            DataError: a key that attar doesn't know and that could change numbers, or a value that cannot be meant.
        """
        try:
            return cls(**fields_of(config))
        except (DataError, TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise DataError(f"preprocessing: not a usable {CONFIG_NAME}: {first_line(error)}") from error

    def numbers(self, integers: np.ndarray, *, axis: int = 1) -> np.ndarray:
        """Return float32 for integer pixels with their channels along `axis`; the first axis is the sample.

        Raises:
            DataError: means or deviations for another number of channels.
        """
        channels = integers.shape[axis] if integers.ndim > 1 else 1
        for what, values in (("image_mean", self.mean), ("image_std", self.std)):
            if len(values) not in (1, channels):
                raise DataError(f"preprocessing: {what} has {len(values)} values for {channels} channels")
        shape = [1] * integers.ndim
        shape[axis if integers.ndim > 1 else 0] = -1
        mean, std = (np.asarray(v, np.float32).reshape(shape) for v in (self.mean, self.std))
        scaled = integers.astype(np.float32) * np.float32(self.scale) - np.float32(self.offset)
        return (scaled - mean) / std

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width that a picture of this size, upright, comes out with.

        Raises:
            DataError: the config does not say it for such a picture.
        """
        if self.crop is not None:
            return self.crop
        return (height, width) if self.resize is None else self.resize.size(height, width)

    def picture(self, source: Path | Image.Image, *, channels: int = 3) -> np.ndarray:
        """Return float32 (channels, height, width) of an image file or an open image.

        Raises:
            DataError: it is not an image that Pillow can read.
        """
        values = self.numbers(self._pixels(source, channels)[None])[0]
        return values[::-1] if self.bgr else values

    def pixels(self, source: Path | Image.Image, *, channels: int = 3) -> np.ndarray:
        """Return uint8 (channels, height, width), the raw pixels after resizing and cropping.

        Raises:
            DataError: it is not an image that Pillow can read.
        """
        pixels = self._pixels(source, channels)
        return pixels[::-1] if self.bgr else pixels

    def _pixels(self, source: Path | Image.Image, channels: int) -> np.ndarray:
        gray = channels == 1 if self.grayscale is None else self.grayscale
        if isinstance(source, Image.Image):
            ready = self._cut(eight_bits(source, "a picture", grayscale=gray, upright=self.upright), "a picture")
        else:
            ready = self._cut(open_upright(source, grayscale=gray, upright=self.upright), str(source))
        pixels = np.asarray(ready, np.uint8)
        return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)

    def _cut(self, image: Image.Image, name: str) -> Image.Image:
        try:
            return self._crop(self._resize(image))
        except DataError as error:
            raise DataError(f"{name}: {error}") from error
        except Exception as error:  # a size beyond memory
            raise DataError(f"{name}: cannot be resized: {str(error) or type(error).__name__}") from error

    def _resize(self, image: Image.Image) -> Image.Image:
        if self.resize is None:
            return image
        height, width = self.resize.size(image.height, image.width)
        return image.resize((width, height), Image.Resampling(self.resample))

    def _crop(self, image: Image.Image) -> Image.Image:
        if self.crop is None:
            return image
        height, width = self.crop
        left, top = (self._margin(image.width - width), self._margin(image.height - height))
        return image.crop((left, top, left + width, top + height))

    def _margin(self, spare: int) -> int:
        return round(spare / 2) if self.crop_rounds else spare // 2


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
        config = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {first_line(error)}") from error
    if not isinstance(config, dict):
        raise DataError(f"{path}: holds {type(config).__name__}, not an object")
    return config
