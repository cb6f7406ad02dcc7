"""Which file an output may replace: one of its own kind that is no input of the run, or any other where forced to."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import OutputError
from .reading import open_file
from .writing import mode_of, write_atomically


class Kind(NamedTuple):
    """A kind of file: what one is called, and whether an open file is one (any error says that it isn't)."""

    name: str
    fits: Callable[[BinaryIO], bool]


@dataclass(frozen=True)
class Output:
    """A file to write, held against what stands there: before the work, and again when it is written.

    Attributes:
        inputs: tells the files of the run and folders of them, none of which is ever replaced; asked only where
            something would be.
        force: whether a file of another kind may be replaced.
    """

    path: Path
    kind: Kind
    inputs: Callable[[], Iterable[Path]] = tuple
    force: bool = False

    def check(self) -> None:
        """Find out, without writing anything, that the output can't be written or would destroy something.

        Raises:
            OutputError: so it is.
        """
        try:
            target = self.path.resolve()
            if target.is_dir():
                raise ValueError("it is a folder")
            exists = mode_of(target) is not None
            if not exists:
                _check_folder(target.parent)
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links in a circle
            raise OutputError(f"{self.path}: cannot be written: {_reason(error)}") from error
        if exists:
            self._check_replaced(target)

    def write(self, data: bytes) -> None:
        """Write the file, atomically, if it still may be.

        Raises:
            OutputError: as `check`, or the disk refuses.
        """
        self.check()
        write_atomically(self.path, data)

    def _check_replaced(self, target: Path) -> None:
        own = target.stat()
        for file in files_in(self.inputs()):
            if os.path.samestat(own, file):
                raise OutputError(f"{self.path}: is one of the inputs, which would be lost")
        if not self.force and own.st_size and not _fits(self.kind, target):
            raise OutputError(f"{self.path}: exists and is not {self.kind.name}; --force (force=True) replaces it")


def files_in(paths: Iterable[Path]) -> Iterator[os.stat_result]:
    """Yield what the system says of every file among the paths and in the folders among them."""
    for path in paths:
        found = _stat(path)
        if found and stat.S_ISDIR(found.st_mode):
            for folder, _, names in os.walk(path):
                yield from filter(None, (_stat(Path(folder, name)) for name in names))
        elif found:
            yield found


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _fits(kind: Kind, path: Path) -> bool:
    try:
        with open_file(path, error=OutputError) as file:
            return kind.fits(file)
    except Exception:  # parsers of such files raise what they like: it is another one
        return False


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ValueError(f"the folder {folder} does not exist")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"nothing may be written into the folder {folder}")


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
