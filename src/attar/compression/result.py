"""What `attar.compress` returns: the file's bytes, what was measured on them, and how they came about."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..container import AttarFile, write_bytes
from ..container import open as open_file
from ..errors import OutputError
from ..evaluate import Measurement
from ..report.document import Report, to_json
from .verdict import Limit


@dataclass(frozen=True)
class Result:
    """A compressed network.

    Attributes:
        data: the bytes of the `.attar` file. measurement: what the verdict's samples said, None without data.
        limits: every limit of the budget against its measurement. report: all that the terminal prints, as data.
    """

    data: bytes
    measurement: Measurement | None
    limits: tuple[Limit, ...]
    report: Report

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return len(self.data)

    @property
    def met(self) -> bool:
        """Whether every limit of the budget holds."""
        return all(limit.met for limit in self.limits)

    @property
    def file(self) -> AttarFile:
        """The compressed file, open."""
        return open_file(self.data)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file, atomically, and its report beside it as `<path>.json`; read both back; return the path.

        Raises:
            OutputError: it cannot be written, or what is on disk is not what was measured.
        """
        target = Path(path)
        if report_path(target).exists() and not report_path(target).is_file():  # found out before the first byte
            raise OutputError(f"{report_path(target)}: the report cannot be written: it exists and is not a file")
        write_bytes(target, self.data)
        if target.read_bytes() != self.data:
            raise OutputError(f"{target}: the bytes on disk are not the {self.size_bytes} that were measured")
        write_bytes(report_path(target), (json.dumps(self.to_json(), indent=1) + "\n").encode())
        return target

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return to_json(self.report)


def report_path(target: Path) -> Path:
    """Return where the report of the file at `target` stands."""
    return target.with_name(target.name + ".json")
