"""A folder of pictures: which files take part, and what their subfolders say of their classes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import DataError
from ..images import CONFIG_NAME
from .label_table import TABLE_NAME

IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".webp", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff", ".avif"),
)
_OWN_FILES = (CONFIG_NAME, TABLE_NAME, "config.json")
_LITTER = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information")  # what systems leave in folders
_LITTER_FILES = ("thumbs.db", "desktop.ini")
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing", "eval", "dev"}
_NAMED = 3  # of many files


@dataclass(frozen=True)
class Pictures:
    """The pictures of a folder, sorted; the subfolders right below it; and what was left out."""

    folder: Path
    files: list[Path]
    subfolders: list[str]
    notes: list[str]

    @classmethod
    def of(cls, folder: Path) -> "Pictures":
        """List a folder and all below it; hidden files and what systems leave behind take no part.

        Raises:
            DataError: there is no picture.
        """
        seen, hidden, others = [], [], []
        for file in _walk(folder):
            relative = file.relative_to(folder)
            is_picture = file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()
            if _is_litter(relative):
                hidden += [relative] if is_picture else []
            elif is_picture:
                seen.append(file)
            elif str(relative) not in _OWN_FILES and file.name.lower() not in _LITTER_FILES:
                others.append(relative)
        notes = [*_note(folder, hidden, "hidden"), *_note(folder, others, "no images")]
        if not seen:
            nothing = f"{folder}: no images ({', '.join(IMAGE_SUFFIXES)}) in this folder or below"
            raise DataError("; ".join([nothing, *notes]))
        below = sorted(path.name for path in folder.iterdir() if path.is_dir() and not _is_litter(Path(path.name)))
        return cls(folder, sorted(seen), below, notes)

    def classes(self) -> tuple[np.ndarray, list[str]] | None:
        """Return the number of every picture's subfolder, in alphabetical order, and their names; None without any.

        Raises:
            DataError: pictures stand beside the subfolders, or these are parts of a data set.
        """
        firsts = [file.relative_to(self.folder).parts for file in self.files]
        loose = [parts[0] for parts in firsts if len(parts) == 1]
        names = sorted({parts[0] for parts in firsts if len(parts) > 1})
        if not names:
            return None
        if loose:
            raise DataError(
                f"{self.folder}: {_some(loose)} beside the subfolders {_some(names)} {_is(loose)} of no class; "
                f"move {'it' if len(loose) == 1 else 'them'}, or write labels into {TABLE_NAME}"
            )
        if {name.lower() for name in names} <= _SPLITS:
            raise DataError(f"{self.folder}: its subfolders {_some(names)} are parts, not classes; give one of them")
        numbers = {name: i for i, name in enumerate(names)}
        return np.array([numbers[parts[0]] for parts in firsts], np.int64), names

    @property
    def empty(self) -> list[str]:
        """Subfolders without a picture."""
        filled = {file.relative_to(self.folder).parts[0] for file in self.files}
        return [name for name in self.subfolders if name not in filled]


def _walk(folder: Path) -> Iterator[Path]:
    """Yield all files, through links to folders as well, every folder once."""
    entered = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        yield from (Path(place) / name for name in files)


def _is_litter(path: Path) -> bool:
    return any(part.startswith(".") or part in _LITTER for part in path.parts)


def _note(folder: Path, paths: list[Path], what: str) -> list[str]:
    if not paths:
        return []
    return [f"{folder}: {len(paths)} {'file' if len(paths) == 1 else 'files'} left out ({what}): {_some(paths)}"]


def _some(names: list) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _is(names: list) -> str:
    return "is" if len(names) == 1 else "are"
