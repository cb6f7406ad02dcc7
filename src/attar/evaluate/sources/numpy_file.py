"""Arrays from .npz and .npy files; of an .npy no more is read than is wanted."""

import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...errors import DataError, first_line
from ...files import Kind, open_file
from .choice import some
from .values import MAX_BYTES

ARRAYS = Kind("an .npz", lambda file: zipfile.is_zipfile(file) and _holds_arrays(file))


def read_numpy(path: Path, *, most: int | None, seed: int) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name, `x` for an .npy.

    Raises:
        DataError: the file is damaged, or holds something else.
    """
    try:
        with open_file(path, error=DataError) as file:
            _check_unpacked(file, path)
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


def _check_unpacked(file: BinaryIO, path: Path) -> None:
    """Raises DataError where an archive unpacks to more than samples may take, and than it takes itself."""
    if not zipfile.is_zipfile(file):
        file.seek(0)
        return
    unpacked = sum(member.file_size for member in zipfile.ZipFile(file).infolist())
    packed = file.seek(0, os.SEEK_END)
    file.seek(0)
    if unpacked > max(MAX_BYTES, packed):
        raise DataError(f"{path}: {packed:,} bytes unpack to {unpacked:,}; the limit is {MAX_BYTES:,}")


def _mapped(path: Path) -> np.ndarray:
    """Return the array of an .npy, of which only what is asked for will be read."""
    return np.load(path, allow_pickle=False, mmap_mode="r")


def _holds_arrays(file: BinaryIO) -> bool:
    names = zipfile.ZipFile(file).namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)
