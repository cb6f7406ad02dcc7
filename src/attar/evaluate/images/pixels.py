"""A picture of any mode that Pillow can read, upright, as 8 bits in one channel or three; or the reason why not."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import DataError
from ...files import open_file

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # TIFF's tags
_ORIENTATION = 0x0112  # EXIF's tag; what is to be done about its values
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WHITE_IS_ZERO = 0
_WHOLE_RANGE = ("PNG", "PPM")  # whose 32-bit integers, as Pillow opens them, always hold 16 bits


def open_upright(path: Path, *, grayscale: bool, upright: bool) -> Image.Image:
    """Return an image file as "L" or "RGB", turned as its EXIF orientation says if `upright`.

    Raises:
        DataError: Pillow cannot read it, or its numbers have no range that says what is white.
    """
    try:
        with warnings.catch_warnings(), open_file(path, error=DataError) as file, Image.open(file) as image:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # twice as many pixels are an error
            if image.format == "TIFF" and not upright and image.getexif().get(_ORIENTATION) in _TURNS:
                raise DataError(f"{path}: Pillow always turns a TIFF as its orientation says: --no-exif cannot be kept")
            image.load()
            return eight_bits(image, str(path), grayscale=grayscale, upright=upright)
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise what they like; a huge size, MemoryError
        raise DataError(f"{path}: cannot be read as an image: {str(error) or type(error).__name__}") from error


def eight_bits(image: Image.Image, name: str, *, grayscale: bool, upright: bool) -> Image.Image:
    """Return a picture as "L" or "RGB", upright if so wanted; what is transparent shows the color that it has.

    Raises:
        DataError: its numbers have no range that says what is white.
    """
    turn = _TURNS.get(image.getexif().get(_ORIENTATION)) if upright else None
    if image.mode == "F":
        raise DataError(f"{name}: floating-point pixels (mode F) do not say what is white; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        image = _from_integers(image, name)
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")
    ready = image.convert("L" if grayscale else "RGB")
    return ready if turn is None else ready.transpose(turn)


def _from_integers(image: Image.Image, name: str) -> Image.Image:
    """Scale 16 bits (or the 12 of a TIFF) down to 8, rounded."""
    top = _white(image, name)
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > top:
        raise DataError(f"{name}: pixels of mode {image.mode} are beyond 0 to {top}")
    return Image.fromarray(((values * 255 + top // 2) // top).astype(np.uint8))


def _white(image: Image.Image, name: str) -> int:
    tags = getattr(image, "tag_v2", {})
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        raise DataError(f"{name}: pixels of mode {image.mode} count from white to black")
    bits = tags.get(_BITS_PER_SAMPLE, 16)
    bits = bits[0] if isinstance(bits, tuple) else bits
    if bits not in (12, 16) or (image.mode == "I" and image.format not in _WHOLE_RANGE):
        raise DataError(
            f"{name}: 32-bit pixels (mode {image.mode}) do not say what is white; save it with 8 or 16 bits"
        )
    return (1 << bits) - 1
