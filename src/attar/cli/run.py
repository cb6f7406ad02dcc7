"""attar run: give a compressed file an input, see what it answers."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..files import Output
from ..files.limits import MAX_NODES
from ._common import AskedTask, Force, Json, MaxMemory, MaxNodes, Threads, print_json, say
from ._images import takes_images
from ._runners import runner_of

EXAMPLES = """
[bold]Examples[/]

  attar run model.attar --input cat.png

  attar run model.attar --input samples.npz --output answers.npz

  attar run integers.attar --input samples.npz --threads 1

  attar run integers.attar --input samples.npz --graph
"""
SHOWN = 8  # samples printed for a person; all of them go to --output and --json


@takes_images
def command(
    file: Annotated[Path, typer.Argument(help="An .attar (or .onnx) file.")],
    input: Annotated[str, typer.Option("--input", help="An image, a folder of images, .npz or .npy.")],
    output: Annotated[Path | None, typer.Option(help="Write all outputs to this .npz.")] = None,
    top: Annotated[
        int | None, typer.Option(min=1, help="How many classes to name, of a classifier; 3 without it.")
    ] = None,
    task: AskedTask = None,
    graph: Annotated[bool, typer.Option("--graph", help="Run the graph in floats even if a program is there.")] = False,
    threads: Threads = 0,
    force: Force = False,
    max_memory: MaxMemory = None,
    max_nodes: MaxNodes = MAX_NODES,
    json: Json = False,
    images: Any = None,
) -> None:
    """Run a file on samples and print its answers; classes by name where the file knows them.

    A file with a program runs in integers on attar's own engine, another one in floats in onnxruntime.
    """
    from ..compression.outputs import inputs_of, read_for
    from ..evaluate.data import load_inputs
    from ..evaluate.sources.numpy_file import ARRAYS
    from ..report.document import to_plain

    target = None
    if output is not None:
        target = Output(output, ARRAYS, lambda: read_for(inputs_of(file, input)), force=force)
        target.check()  # found out before the work, not after it
    runner = runner_of(file, threads, graph=graph)
    samples = load_inputs(input, runner.inputs, preprocessing=runner.preprocessing, asked=images)
    answers = runner.run(samples.inputs)
    if target:
        target.write(_packed(answers))
    outputs = list(answers.values())
    found = runner.task_of(outputs, samples.labels, said="classify" if top is not None and task is None else task)
    if found.classifies:
        chances = found.probabilities(outputs)
        best = [best_classes(row, runner.class_names, top or 3) for row in chances]
        _show_classes(best, as_json=json)
    elif json:
        print_json({name: to_plain(values.tolist()) for name, values in answers.items()})
    else:
        for name, values in answers.items():
            say(f"{name}: {values.dtype} {values.shape}{_range(values)}")
            _show_numbers(values)


def _range(values: np.ndarray) -> str:
    is_number = values.size and values.dtype.kind in "fiu"
    return f", {values.min():.4g} to {values.max():.4g}" if is_number else ""


def _show_numbers(values: np.ndarray) -> None:
    """Print what the first samples got, where that is a few numbers."""
    if values.ndim and values[:1].size <= SHOWN and values.dtype.kind in "fiu":
        for number, row in enumerate(values[:SHOWN]):
            say(f"  {number}: " + " ".join(f"{value:.6g}" for value in row.reshape(-1)))


def best_classes(p: np.ndarray, class_names: list[str] | None, top: int) -> list[dict[str, Any]]:
    """Return the `top` classes of one row of probabilities, best first."""
    order = np.argsort(-p, kind="stable")[:top]
    named = class_names if class_names and len(class_names) == len(p) else [str(i) for i in range(len(p))]
    return [{"class": int(i), "name": named[i], "probability": float(p[i])} for i in order]


def _show_classes(answers: list[list[dict[str, Any]]], *, as_json: bool) -> None:
    if as_json:
        print_json({"answers": answers})
        return
    for number, answer in enumerate(answers[:SHOWN]):
        say(f"{number}: " + ", ".join(f"{a['name']} {100 * a['probability']:.1f} %" for a in answer))
    if len(answers) > SHOWN:
        say(f"... and {len(answers) - SHOWN} more samples")


def _packed(outputs: dict[str, np.ndarray]) -> bytes:
    """Return the outputs as the bytes of an .npz."""
    import io

    buffer = io.BytesIO()
    np.savez(buffer, **outputs)
    return buffer.getvalue()
