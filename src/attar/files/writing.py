"""A file that appears under its name whole or not at all, and what a killed process left of one."""

import contextlib
import fcntl
import os
import re
import stat
import zlib
from pathlib import Path
from typing import BinaryIO

from ..errors import OutputError

TEMPORARY = re.compile(r"\.attar-([0-9a-f]{16})([0-9a-f]{8})\.tmp")
ATTEMPTS = 8  # at a temporary file; another process may take it for one that was left over


def write_atomically(path: str | os.PathLike[str], data: bytes, *, through_links: bool = True) -> None:
    """Write `data` beside `path`, flush it to the disk, then rename it into place.

    A file that is replaced keeps its mode. Temporary files of processes that are gone are removed. On any exception
    the own one is removed and an existing target stays as it was.

    Args:
        through_links: whether a symbolic link keeps pointing to the file that it names, which is then the one that is
            written; else the link itself is replaced.

    Raises:
        OutputError: the target cannot be written, or is read-only.
    """
    try:
        target = Path(path).resolve() if through_links else Path(path)
        mode = mode_of(target)
        _remove_left_over(target.parent)
        _replace(target, data, mode)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise OutputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error


def mode_of(target: Path) -> int | None:
    """Return the mode of the file that a rename to `target` replaces; None of a link, and where there is none.

    Raises:
        ValueError: it is no file, or read-only. OSError: nobody can tell.
    """
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        return None
    if not stat.S_ISREG(mode):
        raise ValueError("it exists and is not a file")
    if not mode & 0o222 or not os.access(target, os.W_OK):
        raise ValueError("it is read-only")
    return stat.S_IMODE(mode)


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    file, temporary = _temporary(target.parent)
    try:
        with file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(target)  # while it is locked
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()  # gone already after the rename


def _temporary(folder: Path) -> tuple[BinaryIO, Path]:
    """Return a new file, locked for as long as it is open: a lock ends with its process, however that ends."""
    for _ in range(ATTEMPTS):
        path = folder / _name()
        file = path.open("xb")
        _lock(file)
        if _is_at(file, path):
            return file, path
        file.close()
    raise OSError("temporary files beside it are taken away")


def _name() -> str:
    word = os.urandom(8).hex()
    return f".attar-{word}{zlib.crc32(word.encode()):08x}.tmp"


def is_temporary(name: str) -> bool:
    """Whether attar made this name: the second half of its digits is a checksum of the first."""
    found = TEMPORARY.fullmatch(name)
    return found is not None and f"{zlib.crc32(found[1].encode()):08x}" == found[2]


def _remove_left_over(folder: Path) -> None:
    """Remove the temporary files in `folder` that no living process has locked."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for name in [entry.name for entry in entries if is_temporary(entry.name)]:
            with contextlib.suppress(OSError):
                _remove_unlocked(folder / name)


def _remove_unlocked(path: Path) -> None:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(file, path):
            path.unlink()


def _lock(file: BinaryIO) -> None:
    with contextlib.suppress(OSError):  # a file system without locks: nobody removes anything there
        fcntl.flock(file, fcntl.LOCK_EX)


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False
