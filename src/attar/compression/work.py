"""The folder of a run's state: records of JSON and bytes, each of which appears whole or not at all.

Whatever lies there may be from another run, damaged or hostile: a record counts only if its key is the one asked for
and its bytes are those that it names. What the bytes mean is for the reader to check. No other file is touched.
"""

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..container import write_bytes
from ..errors import AttarError, OutputError

T = TypeVar("T")

FORMAT = 1
MAX_JSON_BYTES = 1 << 25
RECORD = re.compile(r"(run|gauge|(?:point|layer)-[0-9]{1,6})\.(json|attar)")
# What reading a record that is not what it should be may raise.
REFUSED = (
    *(AttarError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, StopIteration),
    *(MemoryError, np.linalg.LinAlgError),
)
LEFT_OVER = re.compile(r"\.attar-[0-9a-f]{16}\.tmp")


@dataclass(frozen=True)
class Record:
    """Something finished: plain JSON values and, where it has any, bytes."""

    facts: Mapping[str, Any]
    data: bytes


def work_path(output: Path) -> Path:
    """Return where the state of the run that writes `output` lives."""
    return output.with_name(output.name + ".work")


class WorkFolder:
    """A folder of records; it is made when the first one is written.

    Attributes:
        path: of the folder. trouble: why nothing is kept any more, once a record could not be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int) -> None:
        """`max_bytes`: of a record's bytes; more are not read."""
        self.path = Path(path)
        self.trouble: str | None = None
        self._max_bytes = max_bytes

    def make(self) -> None:
        """Make the folder, or find out that it can't be written.

        Raises:
            OutputError: so it is.
        """
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path}: the work folder cannot be made: {error.strerror}") from error
        check_place(self.path)

    def read(self, name: str, key: str | None) -> Record | None:
        """Return a record; None where there is none, it is damaged, or its key is another; a key of None is any."""
        try:
            document = json.loads(_read(self.path / f"{name}.json", MAX_JSON_BYTES), parse_constant=_refuse)
            if document["format"] != FORMAT or key not in (None, document["key"]):
                return None
            data = b"" if document["sha256"] is None else _read(self.path / f"{name}.attar", self._max_bytes)
            if document["sha256"] not in (None, hashlib.sha256(data).hexdigest()):
                return None
            return Record(dict(document["facts"]), data)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, name: str, key: str, facts: Mapping[str, Any], data: bytes | None = None) -> None:
        """Put a record in place. The first one that can't be written is the last that is tried: see `trouble`."""
        if self.trouble is not None:
            return
        sha256 = None if data is None else hashlib.sha256(data).hexdigest()
        text = json.dumps({"format": FORMAT, "key": key, "sha256": sha256, "facts": facts}, allow_nan=False)
        try:
            if data is not None:
                write_bytes(self.path / f"{name}.attar", data)
            write_bytes(self.path / f"{name}.json", text.encode())  # last: it makes the record count
        except OutputError as error:
            self.trouble = str(error)

    def names(self, kind: str) -> list[str]:
        """Return the names of all records that begin with `kind`, in order."""
        found = (RECORD.fullmatch(path.name) for path in self._files())
        return sorted({match[1] for match in found if match and match[1].startswith(kind)})

    def sweep(self, keys: Collection[str]) -> None:
        """Remove the records of other keys, damaged ones, and what a killed process left half written."""
        for name in self.names(""):
            if not any(self.read(name, key) for key in keys):
                self.remove(name)
        for path in self._files():
            if LEFT_OVER.fullmatch(path.name):
                _unlink(path)

    def remove(self, name: str) -> None:
        """Remove a record."""
        for suffix in ("json", "attar"):
            _unlink(self.path / f"{name}.{suffix}")

    @property
    def size_bytes(self) -> int:
        """Size of all records."""
        return sum(path.stat().st_size for path in self._files() if RECORD.fullmatch(path.name))

    def _files(self) -> Iterator[Path]:
        try:
            yield from sorted(path for path in self.path.iterdir() if path.is_file())
        except OSError:
            return


def usable(read: Callable[[], T]) -> T | None:
    """Return what `read` makes of a record, None where it finds out that the record is damaged or another's."""
    try:
        return read()
    except REFUSED:
        return None


def number_of(value: Any) -> float:
    """Return a number that JSON held; null stands for infinity, which JSON has not.

    Raises:
        ValueError: it is something else.
    """
    if value is None:
        return math.inf
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def text_of(value: Any) -> str:
    """Return a text that JSON held.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def check_place(path: str | os.PathLike[str]) -> None:
    """Find out, without writing anything, that a work folder can't be at `path`.

    Raises:
        OutputError: so it is.
    """
    folder = Path(path)
    try:
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{path}: the work folder cannot be made: it exists and is not a folder")
        if not folder.exists() and not folder.parent.is_dir():
            raise OutputError(f"{path}: the work folder cannot be made: there is no folder {folder.parent}")
        if not os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK):
            raise OutputError(f"{path}: the work folder cannot be written")
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: the work folder cannot be made: {error}") from error


def _read(path: Path, most: int) -> bytes:
    """Return a file's content; a pipe or a device is no file."""
    if not path.is_file() or path.stat().st_size > most:
        raise ValueError(f"{path}: no file of at most {most} bytes")
    with path.open("rb") as file:
        return file.read(most)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
