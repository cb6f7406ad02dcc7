"""Read what a user names: a regular file, of a size that is known before the first byte is read.

A pipe would block, a device has no end, and a file that somebody still writes is not yet what it will be.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from ..errors import AttarError

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_file(path: str | os.PathLike[str], *, error: type[AttarError]) -> BinaryIO:
    """Return a regular file, open for reading.

    Raises:
        error: it is missing, may not be read, or is no regular file.
    """
    try:
        _check_kind(Path(path).stat().st_mode)
        # Without waiting: between the two looks at it a file may have become a pipe.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
        _check_kind(os.fstat(file.fileno()).st_mode)
    except (OSError, ValueError) as caught:  # ValueError: a name that no file can have
        raise _named(path, error, caught) from caught
    return file


def read_file(path: str | os.PathLike[str], *, error: type[AttarError], most_bytes: int | None = None) -> bytes:
    """Return the content of a regular file of at most `most_bytes`.

    Raises:
        error: as `open_file`; it is larger; or its size changed while it was read.
    """
    with open_file(path, error=error) as file:
        try:
            return _content(file, most_bytes)
        except (OSError, ValueError, MemoryError) as caught:
            raise _named(path, error, caught) from caught


def _content(file: BinaryIO, most_bytes: int | None) -> bytes:
    size = os.fstat(file.fileno()).st_size
    if most_bytes is not None and size > most_bytes:
        raise ValueError(f"{size:,} bytes, the limit is {most_bytes:,}")
    data = file.read(size + 1)
    if len(data) != size:
        raise ValueError("its size changed while it was read")
    return data


def _named(path: str | os.PathLike[str], error: type[AttarError], caught: Exception) -> AttarError:
    reason = getattr(caught, "strerror", None) or str(caught) or "there is not enough memory for it"
    return error(f"{path}: cannot be read: {reason}")


def _check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise ValueError(f"it is {KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file")
