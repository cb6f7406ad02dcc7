"""Samples and labels from a folder of images, an .npz or .npy file, or a function, checked against the network."""

import csv
import importlib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import DataError, first_line
from ..files import Kind, open_file
from .preprocessing import Preprocessing, read_config

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".tif", ".tiff")
ARRAYS = Kind("an .npz", lambda file: zipfile.is_zipfile(file) and _holds_arrays(file))
InputSpec = Mapping[str, tuple[tuple[int | None, ...], np.dtype]]  # name -> shape (None: free), type


@dataclass(frozen=True)
class Dataset:
    """Samples for every input of a network, first axis first, with labels where they are known.

    Attributes:
        inputs: name -> (samples, ...). labels: (samples,) or None. source: what the user called it.
        preprocessing: the config that produced the numbers, where one was used.
        class_names: names of the classes, where subfolders gave them.
    """

    inputs: dict[str, np.ndarray]
    labels: np.ndarray | None
    source: str
    preprocessing: dict[str, Any] | None = None
    class_names: list[str] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def take(self, picks: np.ndarray) -> "Dataset":
        """Return the samples at `picks`, in that order."""
        labels = None if self.labels is None else self.labels[picks]
        inputs = {name: values[picks] for name, values in self.inputs.items()}
        return Dataset(inputs, labels, self.source, self.preprocessing, self.class_names)

    def split(self, shares: Sequence[float], *, seed: int) -> list["Dataset"]:
        """Return disjoint random parts, the first len(shares) - 1 of the given shares, the last with all the rest."""
        order = np.random.default_rng(seed).permutation(len(self))
        ends = np.cumsum([round(share * len(self)) for share in shares[:-1]])
        return [self.take(np.sort(picks)) for picks in np.split(order, ends)]


def load_data(
    spec: Any,
    inputs: InputSpec,
    *,
    preprocessing: Mapping[str, Any] | None = None,
    class_names: Sequence[str] | None = None,
) -> Dataset:
    """Read samples for a network with `inputs`.

    Args:
        spec: a folder of images, a .npz (arrays named as the inputs, or `x`; labels `y`), a .npy, "module:function", or
            the same as Python values: an array, a pair (x, y) or a mapping.
        preprocessing: used where neither a folder nor the file's folder brings its own.
        class_names: the network's classes in order; subfolders with these names get these numbers.

    Raises:
        DataError: missing, unreadable, empty, or of another shape or type than the network wants.
    """
    if isinstance(spec, Dataset):
        return spec
    source = str(spec) if isinstance(spec, (str, Path)) else "the given samples"
    if isinstance(spec, (str, Path)):
        arrays, config, found_names = _read(str(spec), preprocessing)
    else:
        arrays, config, found_names = _from_value(spec, source), preprocessing, None
    if found_names and class_names:
        arrays["y"], found_names = _renumbered(arrays["y"], found_names, list(class_names), source), list(class_names)
    labels = arrays.pop("y", None) if "y" not in inputs else None
    named = _name_inputs(arrays, inputs, source)
    ready = {name: _fit(named[name], name, inputs[name], config, source) for name in inputs}
    return _checked(Dataset(ready, labels, source, dict(config) if config else None, found_names))


def _renumbered(labels: np.ndarray, found: list[str], known: list[str], source: str) -> np.ndarray:
    """Give subfolders the numbers of the network's classes: by name, or in order where none has a class's name."""
    strangers = [name for name in found if name not in known]
    if not strangers:
        return np.array([known.index(name) for name in found], np.int64)[labels]
    if len(strangers) < len(found):
        raise DataError(f"{source}: subfolder '{strangers[0]}' is none of the network's {len(known)} classes")
    if len(found) != len(known):
        raise DataError(f"{source}: {len(found)} subfolders for {len(known)} classes, and none has a class's name")
    return labels


def load_inputs(spec: str, inputs: InputSpec, *, preprocessing: Mapping[str, Any] | None = None) -> Dataset:
    """Read samples as `load_data`, or a single image file.

    Raises:
        DataError: as `load_data`; or an image without a preprocessing that says how it becomes numbers.
    """
    path = Path(spec)
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        return load_data(spec, inputs, preprocessing=preprocessing)
    config = _config(path.parent, preprocessing)
    if config is None:
        raise DataError(f"{path}: neither the network nor a preprocessor_config.json says how an image becomes numbers")
    return load_data(Preprocessing.from_json(config).picture(path)[None], inputs)


def check_labels(labels: np.ndarray, classes: int, source: str) -> np.ndarray:
    """Return class labels as int64 (samples,).

    Raises:
        DataError: not whole numbers, or outside of 0 .. classes - 1.
    """
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{source}: labels have shape {labels.shape} and type {labels.dtype}; class numbers are wanted")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise DataError(f"{source}: label {low if low < 0 else high} is outside 0 to {classes - 1}")
    return labels.astype(np.int64)


def _read(spec: str, given: Mapping[str, Any] | None) -> tuple[dict[str, np.ndarray], Any, list[str] | None]:
    path = Path(spec)
    if path.is_dir():
        return _read_folder(path, _config(path, given))
    if path.suffix in (".npz", ".npy"):
        return _read_numpy(path), _config(path.parent, given), None
    module, colon, function = spec.partition(":")
    if colon and not path.exists():
        return _from_value(_call(module, function, spec), spec), given, None
    problem = "is neither a folder, .npz, .npy nor module:function" if path.exists() else "does not exist"
    raise DataError(f"{spec}: {problem}")


def _config(folder: Path, given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    own = read_config(folder)
    return given if own is None else own


def _read_numpy(path: Path) -> dict[str, np.ndarray]:
    try:
        with open_file(path, error=DataError) as file:
            loaded = np.load(file, allow_pickle=False)
            arrays = {"x": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except DataError:
        raise
    except Exception as error:  # of a damaged file zip, zlib, tokenizer and allocator each raise something else
        raise DataError(f"{path}: cannot be read: {first_line(error)}") from error
    strangers = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if strangers:
        raise DataError(f"{path}: cannot be read: its member '{strangers[0]}' is not an array")
    return arrays


def _holds_arrays(file: BinaryIO) -> bool:
    names = zipfile.ZipFile(file).namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


def _read_folder(folder: Path, config: Mapping[str, Any] | None) -> tuple[dict[str, np.ndarray], Any, list[str] | None]:
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    if not files:
        raise DataError(f"{folder}: no images ({', '.join(IMAGE_SUFFIXES)}) in this folder or below")
    if config is None:
        raise DataError(f"{folder}: no preprocessor_config.json says how these images become numbers")
    steps = Preprocessing.from_json(config)
    pictures = [steps.picture(file) for file in files]
    sizes = {picture.shape for picture in pictures}
    if len(sizes) > 1:
        raise DataError(f"{folder}: images come out in {len(sizes)} sizes; the preprocessing must settle one size")
    arrays = {"x": np.stack(pictures)}
    labels, class_names = _folder_labels(folder, files)
    if labels is not None:
        arrays["y"] = labels
    return arrays, config, class_names


def _folder_labels(folder: Path, files: list[Path]) -> tuple[np.ndarray | None, list[str] | None]:
    """Labels from labels.csv (file,label) or else from the names of subfolders, in alphabetical order."""
    table = folder / "labels.csv"
    if table.is_file():
        return _csv_labels(table, folder, files), None
    parents = [file.relative_to(folder).parts[0] for file in files if file.parent != folder]
    if len(parents) != len(files):
        return None, None
    names = sorted(set(parents))
    numbers = {name: i for i, name in enumerate(names)}
    return np.array([numbers[parent] for parent in parents], np.int64), names


def _csv_labels(table: Path, folder: Path, files: list[Path]) -> np.ndarray:
    try:
        with table.open(newline="", encoding="utf-8") as handle:
            rows = {row[0].strip(): row[1].strip() for row in csv.reader(handle) if len(row) >= 2}
        return np.array([int(rows[str(file.relative_to(folder))]) for file in files], np.int64)
    except KeyError as error:
        raise DataError(f"{table}: no label for image {error}") from error
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{table}: {error}") from error


def imported(module: str, function: str, what: str) -> Callable:
    """Return the function of that name in that module.

    Raises:
        DataError: it can't be imported, or is not a function.
    """
    try:
        found = getattr(importlib.import_module(module), function)
    except Exception as error:  # importing runs somebody else's code
        raise DataError(f"{what}: cannot be imported: {first_line(error)}") from error
    if not callable(found):
        raise DataError(f"{what}: is {type(found).__name__}, not a function")
    return found


def _call(module: str, function: str, spec: str) -> Any:
    source = imported(module, function, spec)
    try:
        return source()
    except Exception as error:  # whatever somebody else's code raises
        raise DataError(f"{spec}: failed with {type(error).__name__}: {first_line(error)}") from error


def _from_value(value: Any, source: str) -> dict[str, np.ndarray]:
    if isinstance(value, Mapping):
        return {str(name): _array(array, f"{source}: '{name}'") for name, array in value.items()}
    if isinstance(value, tuple) and len(value) == 2:
        return {"x": _array(value[0], source), "y": _array(value[1], source)}
    return {"x": _array(value, source)}


def _array(value: Any, source: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        array = np.empty(1, object)
    if array.dtype == object:
        raise DataError(f"{source}: {type(value).__name__} is neither an array, a pair (x, y) nor a mapping of arrays")
    return array


def _name_inputs(arrays: dict[str, np.ndarray], inputs: InputSpec, source: str) -> dict[str, np.ndarray]:
    if set(inputs) <= set(arrays):
        return {name: arrays[name] for name in inputs}
    if len(inputs) == 1 and "x" in arrays:
        return {next(iter(inputs)): arrays["x"]}
    missing = sorted(set(inputs) - set(arrays))
    raise DataError(
        f"{source}: no array '{missing[0]}' for the network's inputs {sorted(inputs)}; it has {sorted(arrays)}"
    )


def _fit(values: np.ndarray, name: str, wanted: tuple, config: Mapping[str, Any] | None, source: str) -> np.ndarray:
    """Bring one array to the type of its input and check its shape."""
    shape, dtype = wanted
    if values.ndim == 0 or len(values) == 0:
        raise DataError(f"{source}: array for input '{name}' is empty")
    if values.dtype.kind not in "fiub":
        raise DataError(f"{source}: array for input '{name}' has type {values.dtype}, which is not a number")
    if shape and not _matches(values.shape[1:], shape[1:]):
        free = tuple("free" if extent is None else extent for extent in shape)
        raise DataError(f"{source}: samples for input '{name}' have shape {values.shape}; the network wants {free}")
    if values.dtype.kind in "iu" and dtype.kind == "f" and config is not None:
        values = Preprocessing.from_json(config).numbers(values)
    if values.dtype.kind == "f" and dtype.kind in "iu":
        raise DataError(f"{source}: samples for input '{name}' are {values.dtype}; the network wants {dtype}")
    with np.errstate(over="ignore", invalid="ignore"):
        ready = np.ascontiguousarray(values, dtype)
    if values.dtype.kind == "f" and not np.isfinite(ready).all():
        raise DataError(f"{source}: samples for input '{name}' hold NaN or infinite values, as {dtype}")
    if values.dtype.kind in "iu" and dtype.kind in "iu" and not np.array_equal(ready, values):
        raise DataError(
            f"{source}: samples for input '{name}' reach from {values.min()} to {values.max()}, beyond {dtype}"
        )
    return ready


def _matches(given: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(given) == len(wanted) and all(w is None or g == w for g, w in zip(given, wanted, strict=True))


def _checked(data: Dataset) -> Dataset:
    counts = {name: len(values) for name, values in data.inputs.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"{data.source}: inputs have different numbers of samples: {counts}")
    if data.labels is not None and data.labels.ndim == 0:
        raise DataError(f"{data.source}: labels are a single value, not one for each of {len(data)} samples")
    if data.labels is not None and len(data.labels) != len(data):
        raise DataError(f"{data.source}: {len(data.labels)} labels for {len(data)} samples")
    return data
