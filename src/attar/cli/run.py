"""attar run: give a compressed file an input, see what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ._common import Json, Threads, check_output, is_attar, load_either, print_json

EXAMPLES = """
[bold]Examples[/]

  attar run model.attar --input cat.png

  attar run model.attar --input samples.npz --output answers.npz

  attar run integers.attar --input samples.npz --threads 1

  attar run integers.attar --input samples.npz --graph
"""
SHOWN = 8  # samples printed for a person; all of them go to --output and --json


def command(
    file: Annotated[Path, typer.Argument(help="An .attar (or .onnx) file.")],
    input: Annotated[str, typer.Option("--input", help="An image, a folder of images, .npz or .npy.")],
    output: Annotated[Path | None, typer.Option(help="Write all outputs to this .npz.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many classes to name.")] = 3,
    graph: Annotated[bool, typer.Option("--graph", help="Run the graph in floats even if a program is there.")] = False,
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Run a file on samples and print its answers; classes by name where the file knows them.

    A file with a program runs in integers on attar's own engine, another one in floats in onnxruntime.
    """
    from ..evaluate.data import load_inputs
    from ..evaluate.measurement import is_classifier
    from ..report.document import to_plain

    if output is not None:
        check_output(output, [file, input])
    runner = _runner(file, threads, graph=graph)
    samples = load_inputs(input, runner.inputs, preprocessing=runner.preprocessing)
    answers = runner.run(samples.inputs)
    class_names, outputs = runner.class_names, list(answers.values())
    if output is not None:
        _save(output, answers)
    if is_classifier(outputs):
        answers = [best_classes(row.ravel(), class_names, top) for row in outputs[0]]
        _show_classes(answers, as_json=json)
    elif json:
        print_json({name: to_plain(values.tolist()) for name, values in answers.items()})
    else:
        for name, values in answers.items():
            print(f"{name}: {values.dtype} {values.shape}{_range(values)}")


@dataclass(frozen=True)
class Runner:
    """What runs a file: the inputs that it wants, a way to run it, and what it knows of images and classes."""

    inputs: Mapping[str, Any]
    run: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
    preprocessing: Mapping[str, Any] | None
    class_names: list[str] | None


def _runner(file: Path, threads: int, *, graph: bool) -> Runner:
    if not graph and _has_program(file):
        return _engine(file, threads)
    from ..compression.metadata import read_metadata
    from ..runtime import Session

    model = load_either(file)
    session = Session(model, threads=threads)
    return Runner(
        session.inputs,
        lambda inputs: dict(zip(session.outputs, session.run_all(inputs), strict=True)),
        *read_metadata(model),
    )


def _has_program(file: Path) -> bool:
    from .. import container

    return is_attar(file) and bool(container.open(file, graph=False).programs)


def _engine(file: Path, threads: int) -> Runner:
    from ..runtime.engine import Engine

    engine = Engine(file, threads=threads)
    inputs = {port.name: ((None, *port.shape), np.dtype(np.float32)) for port in engine.machine.inputs}
    return Runner(inputs, engine, engine.preprocessing, engine.class_names)


def _range(values: np.ndarray) -> str:
    is_number = values.size and values.dtype.kind in "fiu"
    return f", {values.min():.4g} to {values.max():.4g}" if is_number else ""


def best_classes(scores: np.ndarray, class_names: list[str] | None, top: int) -> list[dict[str, Any]]:
    """Return the `top` classes of one row of scores, best first, with their probabilities."""
    from ..evaluate.fidelity import probabilities

    p = probabilities(scores[None])[0]
    order = np.argsort(-p, kind="stable")[:top]
    named = class_names if class_names and len(class_names) == len(p) else [str(i) for i in range(len(p))]
    return [{"class": int(i), "name": named[i], "probability": float(p[i])} for i in order]


def _show_classes(answers: list[list[dict[str, Any]]], *, as_json: bool) -> None:
    if as_json:
        print_json({"answers": answers})
        return
    for number, answer in enumerate(answers[:SHOWN]):
        print(f"{number}: " + ", ".join(f"{a['name']} {100 * a['probability']:.1f} %" for a in answer))
    if len(answers) > SHOWN:
        print(f"... and {len(answers) - SHOWN} more samples")


def _save(path: Path, outputs: dict[str, np.ndarray]) -> None:
    import io

    from ..container import write_bytes

    buffer = io.BytesIO()
    np.savez(buffer, **outputs)
    write_bytes(path, buffer.getvalue())
