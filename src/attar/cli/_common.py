"""What several commands share: loading either kind of file, progress, JSON, tables."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import onnx_ir as ir
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

ATTAR_MAGIC = b"\x89ATR"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Threads = Annotated[int, typer.Option(min=0, help="Threads to run networks with; 0 is all cores.")]
Data = Annotated[str, typer.Option(help="A folder of images, .npz, .npy or module:function.")]


def is_attar(path: Path) -> bool:
    """Tell an `.attar` file from others by its first bytes."""
    try:
        with path.open("rb") as handle:
            return handle.read(len(ATTAR_MAGIC)) == ATTAR_MAGIC
    except OSError:
        return False


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


def console() -> Console:
    """Return a console for tables; when piped, lines are as wide as they need to be."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=200)


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
                tasks[phase] = bar.add_task(phase, total=1.0)
            bar.update(tasks[phase], completed=share)

        yield show
