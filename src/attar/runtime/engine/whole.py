"""An `.attar` file of which nothing is left unchecked: behind the container's own checks, its programs."""

import math
import os
from collections.abc import Sequence

import numpy as np

from ... import container
from ...container import AttarFile, TensorEntry
from ...errors import FormatError
from ...files.limits import limits
from .native import Machine, Wanted


def open_whole(source: str | os.PathLike[str] | bytes) -> AttarFile:
    """Open a file as `container.open` does, and read its programs.

    Raises:
        FormatError: the file cannot be read, is damaged or hostile, in any of its parts.
    """
    file = container.open(source)
    check_programs(file)
    return file


def check_programs(file: AttarFile, *, max_memory_bytes: int | None = None) -> None:
    """Read all programs of a file, and hold what they want against its table and its graph.

    Raises:
        FormatError: a program that is malformed, wants what is not there, or, with the others, too much memory.
    """
    left = limits().most_bytes if max_memory_bytes is None else max_memory_bytes
    label = "the given bytes" if file.path is None else str(file.path)
    try:
        for program in file.programs:
            machine = Machine(program, max_memory_bytes=left)
            left = max(left - machine.memory_bytes, 0)
            for wanted in machine.wanted().values():
                entry_of(wanted, file.entries)
    except FormatError as error:
        raise FormatError(f"{label}: {error}") from error


def entry_of(wanted: Wanted, entries: Sequence[TensorEntry]) -> TensorEntry:
    """Return the tensor of the table that a constant of a program is.

    Raises:
        FormatError: there is none, or another one than the program wants.
    """
    if wanted.place >= len(entries):
        raise FormatError(f"program: it wants tensor {wanted.place} of the table, which has {len(entries)}")
    entry = entries[wanted.place]
    if wanted.is_bias and (entry.dtype != np.float32 or entry.shape != (wanted.rows,)):
        raise FormatError(
            f"program: a bias of {wanted.rows} float32 wanted, {entry.name!r} is {entry.dtype} {entry.shape}"
        )
    fits = math.prod(entry.shape) == wanted.rows * wanted.columns and entry.shape and wanted.columns
    if not wanted.is_bias and not fits:
        raise FormatError(
            f"program: weights of {wanted.rows} x {wanted.columns} wanted, {entry.name!r} is {entry.shape}"
        )
    return entry
