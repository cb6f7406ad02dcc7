"""Labels of pictures from a `labels.csv`, as people and spreadsheets write it: file and label in every row."""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from ...errors import DataError
from ...files import read_file

TABLE_NAME = "labels.csv"
MAX_BYTES = 1 << 28
_DELIMITERS = (",", ";", "\t")
_FILE_COLUMNS = ("file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "path", "name")
_LABEL_COLUMNS = ("label", "labels", "class", "class_id", "class_name", "category", "target", "y")


def read_table(table: Path, folder: Path, files: Sequence[Path]) -> tuple[list[str], list[str]]:
    """Return the label of every one of `files`, as text, and notes on rows that name none of them.

    Raises:
        DataError: the table can't be read, or has no label for a file, or two.
    """
    rows = _columns(table, _rows(table, _text(table)))
    wanted = {_plain(file.relative_to(folder).as_posix()): file for file in files}
    named = _Names(folder, wanted)
    labels: dict[str, str] = {}
    strangers = []
    for name, label in rows:
        key = named.find(name)
        if key is None:
            strangers.append(name)
        elif labels.setdefault(key, label) != label:
            raise DataError(f"{table}: two labels for image '{key}': {labels[key]} and {label}")
    missing = next((key for key in wanted if key not in labels), None)
    if missing is not None:
        raise DataError(f"{table}: no label for image '{missing}'")
    notes = [f"{table}: {len(strangers)} of its rows name no image: '{strangers[0]}', ..."] if strangers else []
    return [labels[key] for key in wanted], notes


class _Names:
    """Finds the picture that a row means, by its path in the folder, an absolute one, or a name that is there once."""

    def __init__(self, folder: Path, known: Iterable[str]) -> None:
        self._known = set(known)
        self._roots = [_plain(root.as_posix()) + "/" for root in (folder.resolve(), folder.absolute(), folder)]
        self._roots.append(_plain(folder.resolve().name) + "/")
        last = {name: PurePosixPath(name).name for name in self._known}
        count = Counter(last.values())
        self._by_last = {own: name for name, own in last.items() if count[own] == 1}

    def find(self, text: str) -> str | None:
        name = _plain(text)
        if name in self._known:
            return name
        inside = (name.removeprefix(root) for root in self._roots if name.startswith(root))
        return next((rest for rest in inside if rest in self._known), self._by_last.get(PurePosixPath(name).name))


def _plain(name: str) -> str:
    """One spelling of a path: slashes, no dots in front, composed letters."""
    return unicodedata.normalize("NFC", PurePosixPath(name.strip().replace("\\", "/")).as_posix())


def _text(table: Path) -> str:
    data = read_file(table, error=DataError, most_bytes=MAX_BYTES)
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except ValueError as error:
        raise DataError(f"{table}: cannot be read: {error}") from error


def _rows(table: Path, text: str) -> list[list[str]]:
    """Split the text at the delimiter that all its rows have: a comma, semicolon or tab."""
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep="):  # a line for spreadsheets
        text = rest
    tried = []
    for delimiter in _DELIMITERS:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True))
        except csv.Error as error:
            raise DataError(f"{table}: {error}") from error
        rows = [cells for cells in map(_cells, rows) if cells]
        if rows and all(len(row) == len(rows[0]) >= 2 for row in rows):
            return rows
        tried.append(rows)
    short = next((row for row in tried[0] if len(row) < 2), ["nothing"])
    raise DataError(f"{table}: not one file and one label in every row: '{short[0]:.60}'")


def _cells(row: list[str]) -> list[str]:
    """Return the cells of a row without the empty ones at its end."""
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _columns(table: Path, rows: list[list[str]]) -> list[tuple[str, str]]:
    """Return (file, label) of every row; a first row of names says which columns they are."""
    titles = [cell.lower() for cell in rows[0]]
    files, labels = (
        next((titles.index(name) for name in names if name in titles), None)
        for names in (_FILE_COLUMNS, _LABEL_COLUMNS)
    )
    if files is not None and labels is not None and not _is_whole(rows[0][labels]):
        return [(row[files], row[labels]) for row in rows[1:]]
    if len(titles) != 2:
        raise DataError(f"{table}: {len(titles)} columns, and no first row that calls two of them file and label")
    has_title = not PurePosixPath(titles[0]).suffix and not _is_whole(titles[1])
    return [(row[0], row[1]) for row in rows[has_title:]]


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
