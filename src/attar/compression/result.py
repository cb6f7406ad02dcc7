"""What `attar.compress` returns: the file's bytes, what was measured on them, and how they came about."""

import html
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._content import ByContent
from ..container import AttarFile
from ..container import open as open_file
from ..errors import BudgetError, OutputError
from ..evaluate import Measurement, Task
from ..report.document import CurvePoint, Report, to_json
from ..report.short import result_lines
from .outputs import outputs_at
from .verdict import Limit


@dataclass(frozen=True, eq=False, repr=False)
class Result(ByContent):
    """A compressed network; two are equal where their bytes and what was measured are.

    Attributes:
        data: the bytes of the `.attar` file. measurement: what the verdict's samples said, None without data.
        limits: every limit of the budget against its measurement. report: all that the terminal prints, as data.
        picker: makes the result of another point of the run, None where there are no points.
        inputs: files and folders that the run read, none of which `save` replaces.
    """

    data: bytes
    measurement: Measurement | None
    limits: tuple[Limit, ...]
    report: Report = field(compare=False)
    picker: Callable[[int | str], "Result"] | None = field(default=None, repr=False, compare=False)
    inputs: tuple[Path, ...] = field(default=(), repr=False, compare=False)

    @property
    def points(self) -> tuple[CurvePoint, ...]:
        """Every network that the run made along its slope, the smallest first, as the search's samples saw it."""
        return self.report.points

    def pick(self, wanted: int | str) -> "Result":
        """Return the result of another point, measured: by its number, or the largest of at most a size ("48kB").

        Raises:
            BudgetError: there is no such point, or the run made no curve to pick from.
        """
        if self.picker is None:
            raise BudgetError(f"pick {wanted}: this run has no curve of points to pick from")
        return replace(self.picker(wanted), inputs=self.inputs)

    def __repr__(self) -> str:
        """Return size, quality and budget in a few lines; the bytes are in `data`."""
        return "attar.Result: " + "\n  ".join(result_lines(self.report))

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        first, *others = (html.escape(line) for line in result_lines(self.report))
        return "<br>".join([f"<b>{first}</b>", *others])

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind, when pickled, the run with its network and its samples."""
        return {**self.__dict__, "picker": None}

    @property
    def task(self) -> Task | None:
        """What the network was taken for, and why; None where nothing was judged."""
        return self.report.task

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

    def load_into(self, module: Any) -> Any:
        """Give the torch module that was compressed the file's weights, under its own names, and return it.

        What has become two matrices is their product; a batch normalization that a layer took in becomes the identity.

        Raises:
            ModelError: a compressed tensor is none of the module's parameters; the module is then as it was.
        """
        module.load_state_dict(self.state_dict(module))
        return module

    def state_dict(self, module: Any) -> dict[str, Any]:
        """Return what `load_into` gives a torch module, which stays as it is.

        Raises:
            ModelError: a compressed tensor is none of the module's parameters.
        """
        from ..graph.torch_module import state_of

        changed = {change.name: [row.name for row in change.now] for change in self.report.changes}
        return state_of(module, self.file.model(), changed=changed)

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write the file, atomically, and its report beside it as `<path>.json`; read both back; return the path.

        An existing file that is no `.attar` file, or no report, is replaced only with `force`; one that the run has
        read never is. A link is followed, and a file that is replaced keeps its mode.

        Raises:
            OutputError: it cannot be written, or what is on disk is not what was measured.
        """
        target = Path(path)
        file, report = outputs_at(target, self.inputs, force=force)
        for output in (file, report):  # found out before the first byte
            output.check()
        file.write(self.data)
        if target.read_bytes() != self.data:
            raise OutputError(f"{target}: the bytes on disk are not the {self.size_bytes} that were measured")
        report.write((json.dumps(self.to_json(), indent=1) + "\n").encode())
        return target

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return to_json(self.report)
