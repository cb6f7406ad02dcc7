"""Read a torch state dict as torch before 1.6 wrote it, without torch and without running what the file says.

Five pickles (magic number, protocol, system, the tensors' descriptions, the storages' keys), then every storage: its
length in elements (int64, little endian) and its elements. Source: torch/serialization.py, `_legacy_save`.
"""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True)
class View:
    """A tensor as the file describes it: a strided view into a storage, offset and strides in elements."""

    key: str
    dtype: np.dtype
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Reader(pickle.Unpickler):
    """An unpickler that knows tensors, storages and ordered dicts, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: View(*storage, offset, shape, strides)
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is neither a tensor nor a dict of them")

    def persistent_load(self, pid: tuple[Any, ...]) -> tuple[str, np.dtype]:
        _, dtype, key, *_ = pid
        return key, dtype


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of the file by name. Raises pickle.UnpicklingError if it holds anything else."""
    with path.open("rb") as file:
        magic, _, _, views, keys = (_Reader(file).load() for _ in range(5))
        if magic != MAGIC:
            raise pickle.UnpicklingError(f"{path}: magic number {magic:#x}, {MAGIC:#x} expected")
        dtypes = {view.key: view.dtype for view in views.values()}
        storages = {key: read_storage(file, dtypes[key]) for key in keys}
    return {name: take(view, storages[view.key]) for name, view in views.items()}


def read_storage(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    count = int.from_bytes(file.read(8), "little")
    return np.frombuffer(file.read(count * dtype.itemsize), dtype=dtype)


def take(view: View, storage: np.ndarray) -> np.ndarray:
    """Return a copy of the tensor that `view` describes. Raises ValueError if it leaves its storage."""
    reach = view.offset + sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))
    if reach >= len(storage):
        raise ValueError(f"tensor at {view.offset} of shape {view.shape} leaves a storage of {len(storage)} elements")
    strides = [stride * storage.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, strides).copy()
