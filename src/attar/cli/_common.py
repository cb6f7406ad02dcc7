"""What several commands share: loading either kind of file, progress, JSON, tables."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import onnx_ir as ir
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..errors import OutputError

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


def console() -> Console:
    """Return a console for tables; when piped, it is wide."""
    made = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=200)
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
                tasks[phase] = bar.add_task(phase, total=1.0)
            bar.update(tasks[phase], completed=share)

        yield show


def check_output(output: Path, inputs: Iterable[Path | str | None]) -> None:
    """Find out before the work, not after it, that `output` can't be written or is one of the inputs.

    Raises:
        OutputError: so it is.
    """
    try:
        if not output.parent.is_dir():
            raise OutputError(f"{output}: the folder {output.parent} does not exist")
        if output.is_dir():
            raise OutputError(f"{output}: is a folder")
        if output.exists() and any(Path(i).exists() and output.samefile(i) for i in inputs if i is not None):
            raise OutputError(f"{output}: is one of the inputs, which would be lost")
    except (OSError, ValueError) as error:
        raise OutputError(f"{output}: cannot be written: {getattr(error, 'strerror', None) or error}") from error
