"""A file that appears under its name whole or not at all."""

import contextlib
import os
from pathlib import Path

from ..errors import OutputError


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` beside `path`, flush it to the disk, then rename it into place.

    On any exception the temporary file is removed and an existing target stays as it was.

    Raises:
        OutputError: the target cannot be written.
    """
    try:
        target = Path(path).resolve()  # a link keeps pointing to the file it names
        if target.exists() and not target.is_file():
            raise OutputError(f"{path}: cannot be written: it exists and is not a file")
        _replace(target, data)
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error


def _replace(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".attar-{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()  # gone already after the rename
