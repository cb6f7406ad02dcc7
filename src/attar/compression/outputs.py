"""What a run of `compress` writes, an `.attar` file and its report, and what it reads and must not replace by that."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import container
from ..errors import OutputError
from ..evaluate.images import CONFIG_NAME
from ..files import Kind, Output
from ..graph.external import files_of_network
from ..report.document import is_report

REPORT = Kind("a report of attar's", lambda file: is_report(json.load(file)))


def outputs_at(target: Path, inputs: Sequence[Path], *, force: bool) -> tuple[Output, Output]:
    """Return the outputs of a run that writes to `target`: the file, and its report.

    Raises:
        OutputError: both would be one file.
    """
    beside = report_path(target)
    if os.path.realpath(beside) == os.path.realpath(target):
        raise OutputError(f"{beside}: is a link to {target}, which the report would replace")
    return (
        Output(target, container.FILE, lambda: read_for(inputs), force=force),
        Output(beside, REPORT, lambda: (target, *read_for(inputs)), force=force),
    )


def report_path(target: Path) -> Path:
    """Return where the report of the file at `target` stands."""
    return Path(f"{target}.json")


def inputs_of(*given: Any) -> tuple[Path, ...]:
    """Return where the things lie that a run was given: paths, module:function, or what is no file."""
    return tuple(Path(each).absolute() for each in given if isinstance(each, str | os.PathLike))


def read_for(inputs: Iterable[Path]) -> Iterator[Path]:
    """Yield the files and folders that are read for these: they themselves, external data, preprocessing, modules."""
    for path in inputs:
        module, colon, _ = path.name.partition(":")
        if colon:
            yield path.with_name(module.replace(".", "/") + ".py")
        yield from files_of_network(path)
        yield path.parent / CONFIG_NAME
