"""Real photos to calibrate and to judge ImageNet networks on: many random crops of the few that packages carry.

No source is on both sides: the sources are dealt alternately, the labeled ones of ImageNet first. What a network makes
of crops of three dozen photos says how much a compressed network answers like its original; it is no accuracy.
"""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
from peers.environment import STORE, interpreter
from PIL import Image

SIDE = 224
LABELED = "foolbox/data/imagenet_*.jpg"  # NUMBER_LABEL.jpg, twenty of them
OTHERS = (
    *(f"skimage/data/{name}.png" for name in ("astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass")),
    *("skimage/data/gravel.png", "skimage/data/motorcycle_left.png", "skimage/data/rocket.jpg"),
    *("sklearn/datasets/images/china.jpg", "sklearn/datasets/images/flower.jpg"),
    *("ultralytics/assets/bus.jpg", "ultralytics/assets/zidane.jpg", "imgaug/quokka.jpg"),
)
SIDES = ("calibration", "judging")
COUNT = 512
AREAS = (0.3, 1.0)  # of the photo
ASPECTS = (3 / 4, 4 / 3)
TRIES = 10
CENTER_SHORT = 256  # the shorter side before a center crop


def crops(side: str, count: int = COUNT) -> np.ndarray:
    """Return uint8 crops [count, 224, 224, 3] of one of `SIDES`: the same at every call, kept in .peers."""
    cached = STORE / f"crops_{side}_{count}.npz"
    if not cached.exists():
        partial = cached.with_suffix(".part.npz")
        np.savez_compressed(partial, images=made(side, count))
        partial.rename(cached)
    with np.load(cached) as stored:
        return stored["images"]


def made(side: str, count: int) -> np.ndarray:
    """Cut the crops, from photo after photo in turn; the seed of each is its side and its number."""
    photos = [opened(source) for source in sources(side)]
    rngs = (np.random.default_rng((SIDES.index(side), number)) for number in range(count))
    return np.stack(list(map(random_crop, cycle(photos), rngs)))


def sources(side: str) -> list[Path]:
    """Return the photos of one of `SIDES`."""
    return every_source()[SIDES.index(side) :: len(SIDES)]


def every_source() -> list[Path]:
    root = packages()
    return [*sorted(root.glob(LABELED)), *(root / name for name in OTHERS)]


def labeled() -> Iterator[tuple[np.ndarray, int]]:
    """Yield the center crop of every photo of ImageNet, and its class."""
    for source in sorted(packages().glob(LABELED)):
        yield center_crop(opened(source)), int(source.stem.rpartition("_")[2])


def packages() -> Path:
    (root,) = interpreter("photos").parents[1].glob("**/site-packages")
    return root


def opened(source: Path) -> Image.Image:
    with Image.open(source) as photo:
        return photo.convert("RGB")


def random_crop(photo: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Return a random part of the photo at 224 x 224, mirrored half of the time."""
    resized = photo.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=random_box(photo.size, rng))
    pixels = np.asarray(resized)
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def random_box(size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a part whose area and aspect are drawn from `AREAS` and `ASPECTS`.

    A part that reaches beyond the photo is drawn again; after `TRIES` of them it is the whole photo.
    """
    for _ in range(TRIES):
        area = rng.uniform(*AREAS) * size[0] * size[1]
        aspect = np.exp(rng.uniform(*np.log(ASPECTS)))
        width, height = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if width <= size[0] and height <= size[1]:
            left, top = (int(rng.integers(room + 1)) for room in (size[0] - width, size[1] - height))
            return left, top, left + width, top + height
    return 0, 0, *size


def center_crop(photo: Image.Image) -> np.ndarray:
    """Return the middle of the photo, whose shorter side is brought to 256 first."""
    scale = CENTER_SHORT / min(photo.size)
    width, height = (round(length * scale) for length in photo.size)
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    resized = photo.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized.crop((left, top, left + SIDE, top + SIDE)))
