"""What several commands share: loading either kind of file, progress, JSON, tables."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import onnx_ir as ir
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment

from ..errors import ModelError, printable
from ..files import open_file
from ..files.limits import limits, set_limits

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Threads = Annotated[int, typer.Option(min=0, help="Threads to run networks with; 0 is all cores.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing file of another kind; an input never is.")]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        callback=lambda given: _limit_memory(given),
        help="Bytes that a file's tensors may take, such as 16GB; without it 256 MiB and 256 times the file's size, at "
        "most 8 GiB.",
    ),
]
MaxNodes = Annotated[
    int, typer.Option(min=1, callback=lambda given: _limit_nodes(given), help="Operators that a network may have.")
]
Samples = Annotated[
    int | None, typer.Option(min=1, help="Take so many: of files a choice by the seed, of a generator the first.")
]
AskedTask = Annotated[
    Literal["classify", "regress", "detect", "segment"] | None,
    typer.Option(
        metavar="TASK",
        help="What the network is for: classify, regress, detect or segment. Without it: a classifier if it ends in "
        "Softmax or Sigmoid, has class names, or labels are class numbers; else a regression, judged by its output "
        "error.",
    ),
]
AskedMetric = Annotated[
    str | None,
    typer.Option(
        help="Of labels: top-1 (of a classifier without it), top-5, r2 (of measured values), pixel-accuracy (of a "
        "segmentation), or a module:function of (outputs, labels), which runs that code."
    ),
]
Data = Annotated[str, typer.Option(help="A folder of images, .npz, .npy or module:function (runs that code).")]


def _limit_memory(given: str | None) -> str | None:
    from ..compression.budget import parse_size

    set_limits(replace(limits(), memory_bytes=None if given is None else parse_size(given, name="max-memory")))
    return given


def _limit_nodes(given: int) -> int:
    set_limits(replace(limits(), nodes=given))
    return given


def is_attar(path: Path) -> bool:
    """Tell an `.attar` file from others by its first bytes.

    Raises:
        ModelError: `path` is no file that can be read.
    """
    from ..container import FILE

    with open_file(path, error=ModelError) as file:
        return FILE.fits(file)


def size_of(path: Path) -> int:
    """Return the bytes of a file; those of an ONNX file with the files beside it that hold its weights."""
    if is_attar(path):
        return path.stat().st_size
    from ..graph.external import bytes_on_disk

    return bytes_on_disk(path)


def load_either(path: Path) -> ir.Model:
    """Return the network of an ONNX or an `.attar` file."""
    if is_attar(path):
        from ..runtime.opened import Opened

        return Opened(path).model
    from ..graph import load

    return load(path)


def print_json(document: Any) -> None:
    """Print one JSON object to standard output."""
    print(json.dumps(document, indent=1))


def say(line: str) -> None:
    """Print a line in which names of strangers may stand."""
    print(printable(line))


class _Console(Console):
    """A console on which no text is obeyed, wherever it came from: reports escape names, and here nothing is left."""

    def render(self, renderable: Any, options: Any = None) -> Iterator[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else "\n".join(map(printable, text.split("\n"))), style, control)


def console() -> Console:
    """Return a console that breaks no line, which is the terminal's to do; when piped, it is wide."""
    made = _Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
    made.on_broken_pipe = _raise_again  # rich would end the process with exit status 1
    return made


def _raise_again() -> None:
    raise  # the error that is being handled


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """Yield a `progress(phase, share)` that draws a bar with the time left; silent where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda phase, share: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(phase: str, share: float) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(escape(printable(phase)), total=1.0)
            bar.update(tasks[phase], completed=share)

        yield show
