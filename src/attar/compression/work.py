"""The folder of a run's state: records of JSON and bytes, each of which appears whole or not at all.

Whatever lies there may be from another run, damaged or hostile: a record counts only if its key is the one asked for
and its digest is that of all that it says and holds. What that means is for the reader to check. A folder is attar's
if it has the marker that attar made it with, or holds nothing; any other is left alone.
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

from ..errors import AttarError, OutputError
from ..files import read_file, write_atomically
from ..files.writing import is_temporary

T = TypeVar("T")

FORMAT = 2
# Programs that make backups know such a folder (https://bford.info/cachedir/), and attar knows its own.
MARKER = "CACHEDIR.TAG"
MARK = b"""Signature: 8a477f597d28d172789f06886806bc55
# The work folder of a run of `attar compress`: delete it when you need no other point of that run.
"""
MAX_JSON_BYTES = 1 << 25
RECORD = re.compile(r"(run|gauge|(?:point|layer)-[0-9]{1,6})\.(json|attar)")
# What reading a record that is not what it should be may raise.
REFUSED = (
    *(AttarError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, StopIteration),
    *(MemoryError, np.linalg.LinAlgError),
)


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
        refused: names of records that were damaged or did not fit, and so were not used.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int) -> None:
        """`max_bytes`: of a record's bytes; more are not read."""
        self.path = Path(path)
        self.trouble: str | None = None
        self.refused: dict[str, None] = {}
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
        if not (self.path / MARKER).exists():
            self._put(MARKER, MARK)

    def read(self, name: str, key: str | None) -> Record | None:
        """Return a record; None where there is none, it is damaged, or its key is another; a key of None is any."""
        if not os.path.lexists(self.path / f"{name}.json"):
            return None
        try:
            document = json.loads(_read(self.path / f"{name}.json", MAX_JSON_BYTES), parse_constant=_refuse)
            if document["format"] != FORMAT or key not in (None, document["key"]):
                return None
            data = _read(self.path / f"{name}.attar", self._max_bytes) if document["has_data"] else None
            if document["digest"] != digest_of(name, document, data):
                raise ValueError("another digest")
            return Record(dict(document["facts"]), data or b"")
        except (AttarError, OSError, ValueError, KeyError, TypeError, RecursionError):
            self.refuse(name)
            return None

    def refuse(self, name: str) -> None:
        """Note that a record can't be used."""
        self.refused[name] = None

    def write(self, name: str, key: str, facts: Mapping[str, Any], data: bytes | None = None) -> None:
        """Put a record in place. The first one that can't be written is the last that is tried: see `trouble`."""
        document = {"format": FORMAT, "key": key, "has_data": data is not None, "facts": facts}
        text = json.dumps({**document, "digest": digest_of(name, document, data)}, allow_nan=False)
        if data is not None:
            self._put(f"{name}.attar", data)
        self._put(f"{name}.json", text.encode())  # last: it makes the record count

    def names(self, kind: str) -> list[str]:
        """Return the names of all records that begin with `kind`, in order."""
        found = (RECORD.fullmatch(path.name) for path in self._files())
        return sorted({match[1] for match in found if match and match[1].startswith(kind)})

    def sweep(self, keys: Collection[str]) -> None:
        """Remove the records of other keys, and damaged ones."""
        for name in self.names(""):
            if not any(self.read(name, key) for key in keys):
                self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a record."""
        for suffix in ("json", "attar"):
            _unlink(self.path / f"{name}.{suffix}")

    def report(self) -> dict[str, Any]:
        """Return what the report says of the folder."""
        facts = {"folder": str(self.path), "size_bytes": self.size_bytes}
        return {**facts, "trouble": self.trouble, "refused": sorted(self.refused)}

    def _put(self, name: str, data: bytes) -> None:
        if self.trouble is not None:
            return
        try:
            write_atomically(self.path / name, data, through_links=False)
        except OutputError as error:
            self.trouble = str(error)

    @property
    def size_bytes(self) -> int:
        """Size of all that attar keeps there."""
        own = (path for path in self._files() if RECORD.fullmatch(path.name) or path.name == MARKER)
        return sum(path.lstat().st_size for path in own)

    def _files(self) -> Iterator[Path]:
        try:
            yield from sorted(path for path in self.path.iterdir() if path.is_file() or path.is_symlink())
        except OSError:
            return


def digest_of(name: str, document: Mapping[str, Any], data: bytes | None) -> str:
    """Return the digest of a record: of its name, of all that it says but the digest, and of its bytes."""
    said = {word: value for word, value in document.items() if word != "digest"}
    digest = hashlib.sha256(json.dumps([name, said], sort_keys=True).encode())
    digest.update(data or b"")
    return digest.hexdigest()


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


def number_within(value: Any, low: float, high: float = math.inf) -> float:
    """Return the same, within limits.

    Raises:
        ValueError: it is something else, or outside.
    """
    number = number_of(value)
    if not low <= number <= high:
        raise ValueError(f"{value!r} is outside {low} to {high}")
    return number


def text_of(value: Any) -> str:
    """Return a text that JSON held.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def check_place(path: str | os.PathLike[str]) -> None:
    """Find out, without writing anything, that a work folder can't be at `path`: a folder of other things is none.

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
        if stranger := _stranger_in(folder):
            raise OutputError(f"{path}: is no work folder of attar's: it holds '{stranger}'; name another one")
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: the work folder cannot be made: {error}") from error


def _stranger_in(folder: Path) -> str | None:
    """Return the name of something in a folder that isn't attar's; None where the folder is attar's."""
    if not folder.exists():
        return None
    marker = folder / MARKER
    if marker.is_file() and not marker.is_symlink() and read_file(marker, error=OutputError) == MARK:
        return None
    return next((path.name for path in sorted(folder.iterdir()) if not is_temporary(path.name)), None)


def _read(path: Path, most: int) -> bytes:
    """Return a record's content; attar writes no links."""
    if path.is_symlink():
        raise ValueError(f"{path}: is a link")
    return read_file(path, error=OutputError, most_bytes=most)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
