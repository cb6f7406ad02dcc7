"""Arrays from .npz and .npy files; of an .npy no more is read than is wanted."""

import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...errors import DataError, first_line
from ...files import Kind, open_file
from .choice import some

ARRAYS = Kind("an .npz", lambda file: zipfile.is_zipfile(file) and _holds_arrays(file))


def read_numpy(path: Path, *, most: int | None, seed: int) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name, `x` for an .npy.

    Raises:
        DataError: the file is damaged, or holds something else.
    """
    try:
        with open_file(path, error=DataError) as file:
            loaded = _mapped(path) if most is not None and path.suffix == ".npy" else np.load(file, allow_pickle=False)
            arrays = {"x": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
        strangers = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
        if not strangers:
            return {name: np.asarray(array) for name, array in some(arrays, most, seed).items()}
    except DataError:
        raise
    except Exception as error:  # of a damaged file zip, zlib, tokenizer and allocator each raise something else
        raise DataError(f"{path}: cannot be read: {first_line(error)}") from error
    raise DataError(f"{path}: cannot be read: its member '{strangers[0]}' is not an array")


def _mapped(path: Path) -> np.ndarray:
    """Return the array of an .npy, of which only what is asked for will be read."""
    return np.load(path, allow_pickle=False, mmap_mode="r")


def _holds_arrays(file: BinaryIO) -> bool:
    names = zipfile.ZipFile(file).namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)
