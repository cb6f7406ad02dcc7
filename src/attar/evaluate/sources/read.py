"""Whatever the user calls samples, read: a folder, a file of arrays, module:function, or a Python value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import DataError, first_line
from ..fit import ANYTHING, InputSpec
from ..images import CONFIG_NAME, read_config
from ..images.options import EXIF_KEY, settled, template
from ..images.processors import left_out
from ..imported import imported
from .choice import chosen
from .drawn import Drawn
from .folder import Pictures
from .found import LABEL_NAMES, Found
from .label_table import TABLE_NAME, read_table
from .numpy_file import read_numpy
from .values import arrays_of


@dataclass(frozen=True)
class Reading:
    """For whom samples are read, and how many.

    Attributes:
        inputs: of the network. given: its own preprocessing. asked: the user's, which counts before all others.
        labels: whether subfolders and tables are looked at. most, seed: how many samples, and which.
    """

    inputs: InputSpec
    given: Mapping[str, Any] | None = None
    asked: Mapping[str, Any] | None = None
    labels: bool = True
    most: int | None = None
    seed: int = 0

    def config(self, folder: Path | None) -> Mapping[str, Any] | None:
        """Return the preprocessing that counts for what lies in `folder`."""
        return settled(None if folder is None else read_config(folder), self.given, self.asked)

    def notes(self, folder: Path) -> list[str]:
        """Name the config in `folder` where it does not count."""
        replaced = self.asked and set(self.asked) != {EXIF_KEY} and (folder / CONFIG_NAME).exists()
        return [f"{folder / CONFIG_NAME}: not used, since another preprocessing was asked for"] if replaced else []


def read(spec: Any, source: str, reading: Reading) -> Found:
    """Return what `spec` holds.

    Raises:
        DataError: it is missing, unreadable, empty or nothing of the kind.
    """
    if not isinstance(spec, (str, Path)):
        return _of_value(spec, source, reading)
    path = Path(spec)
    if path.is_dir():
        return _of_folder(path, reading)
    if path.suffix in (".npz", ".npy"):
        arrays = read_numpy(path, most=reading.most, seed=reading.seed)
        found = Found(arrays, preprocessing=reading.config(path.parent), notes=reading.notes(path.parent))
        return _with_labels(found, source, reading)
    module, colon, function = str(spec).partition(":")
    if colon and not path.exists():
        return _of_value(_call(module, function, str(spec)), str(spec), reading)
    problem = "is neither a folder, .npz, .npy nor module:function" if path.exists() else "does not exist"
    raise DataError(f"{spec}: {problem}")


def _call(module: str, function: str, spec: str) -> Any:
    source = imported(module, function, spec)
    try:
        return source()
    except Exception as error:  # whatever somebody else's code raises
        raise DataError(f"{spec}: failed with {type(error).__name__}: {first_line(error)}") from error


def _of_value(value: Any, source: str, reading: Reading) -> Found:
    config = reading.config(None)

    def picture(image: Image.Image, name: str) -> np.ndarray:
        if config is None:
            raise DataError(f"{source}: holds pictures, but no preprocessing says how they become numbers")
        key = next(iter(reading.inputs)) if name == "x" else name
        return Drawn.of(config, reading.inputs.get(key, ANYTHING), source).numbers(image)

    arrays = arrays_of(value, reading.inputs, source, picture=picture, most=reading.most, seed=reading.seed)
    return _with_labels(Found(arrays, preprocessing=config), source, reading)


def _with_labels(found: Found, source: str, reading: Reading) -> Found:
    """Take the labels out of the arrays: `y`, or another name that says so, where it is no input."""
    names = [name for name in found.arrays if name.lower() in LABEL_NAMES and name not in reading.inputs]
    if len(names) > 1:
        raise DataError(f"{source}: '{names[0]}' and '{names[1]}' could both be the labels; give one of them")
    found.labels = found.arrays.pop(names[0]) if names else None
    return found


def _of_folder(folder: Path, reading: Reading) -> Found:
    pictures = Pictures.of(folder)
    wanted = next(iter(reading.inputs.values()))
    config = reading.config(folder)
    if config is None:
        ways = template(wanted[0], str(folder))
        raise DataError(f"{folder}: no {CONFIG_NAME} says how these images become numbers; {ways}")
    labels, class_names, notes = _labels_of(pictures) if reading.labels else (None, None, [])
    picks = chosen(len(pictures.files), reading.most, reading.seed)
    drawn = Drawn.of(config, wanted, str(folder))
    found = [drawn.numbers(pictures.files[i]) for i in picks]
    sizes = {values.shape for values in found}
    if len(sizes) > 1:
        raise DataError(f"{folder}: images come out in {len(sizes)} sizes; the preprocessing must settle one size")
    notes = [*reading.notes(folder), *pictures.notes, *notes, *(f"{folder}: {step}" for step in left_out(config))]
    return Found({"x": np.stack(found)}, None if labels is None else labels[picks], config, class_names, notes)


def _labels_of(pictures: Pictures) -> tuple[np.ndarray | None, list[str] | None, list[str]]:
    """Return labels, class names and notes: from a table, or else from the names of subfolders."""
    table = pictures.folder / TABLE_NAME
    if table.is_file():
        texts, notes = read_table(table, pictures.folder, pictures.files)
        return np.array(texts), None, notes
    classes = pictures.classes()
    if classes is None:
        return None, None, []
    return *classes, [f"{pictures.folder}: subfolder '{name}' holds no images" for name in pictures.empty]
