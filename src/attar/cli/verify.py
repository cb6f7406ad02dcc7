"""attar verify: is this file whole, does it decode, does it still answer right?"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ..errors import ModelError
from ..files.limits import MAX_NODES
from ._common import (
    AskedMetric,
    AskedTask,
    Json,
    MaxMemory,
    MaxNodes,
    Samples,
    Threads,
    load_either,
    print_json,
    say,
)
from ._images import takes_images
from ._runners import WORDS, runners_of

if TYPE_CHECKING:
    from ..evaluate import Dataset, Metric, Task
    from ..runtime import Session

EXAMPLES = """
[bold]Examples[/]

  attar verify model.attar

  attar verify model.attar --against model.onnx --data test.npz
"""


@takes_images
def command(
    file: Annotated[Path, typer.Argument(help="An .attar file.")],
    against: Annotated[Path | None, typer.Option(help="The original, to compare answers with; runs in floats.")] = None,
    data: Annotated[str | None, typer.Option(help="Samples: a folder, .npz, .npy or module:function.")] = None,
    task: AskedTask = None,
    metric: AskedMetric = None,
    samples: Samples = None,
    threads: Threads = 0,
    max_memory: MaxMemory = None,
    max_nodes: MaxNodes = MAX_NODES,
    json: Json = False,
    images: Any = None,
) -> None:
    """Check all checksums, decode every tensor, and, where samples are given, run the file and measure its answers.

    Of a file with a program that is what runs in integers, as with `attar run`; its graph in floats is shown beside it.
    """
    from ..runtime.engine import Engine
    from ..runtime.engine.whole import open_whole

    opened = open_whole(file)
    opened.check()
    if opened.programs:
        Engine(opened, threads=threads)  # takes every constant and brings every weight into the kernels' layout
    facts: dict[str, Any] = {
        "file": str(file),
        "size_bytes": opened.size_bytes,
        "tensors": len(opened.entries),
        "parameters": sum(int(np.prod(entry.shape)) for entry in opened.entries),
        "has_graph": opened.has_graph,
    }
    if data is not None or against is not None:
        facts |= _answers(file, against, data, (task, metric), threads, asked=images, samples=samples)
    if json:
        print_json(facts)
    else:
        _print(facts)


def _answers(
    file: Path,
    against: Path | None,
    data: str | None,
    judged_by: tuple[str | None, str | None],
    threads: int,
    **how: Any,
) -> dict[str, Any]:
    """Run the file in every way in which it runs, and the original where there is one, on the samples."""
    from ..errors import DataError
    from ..evaluate import default_metric, metric_of
    from ..report.document import to_plain

    if data is None:
        raise DataError("--against needs samples to compare answers on: give --data")
    said, metric = judged_by[0], metric_of(judged_by[1])
    runners = runners_of(file, threads)
    samples = runners[0].load(data, runners[-1].inputs, **how)
    answers = {runner.kind: runner.run(samples.inputs) for runner in runners}
    first, *others = answers
    original = None
    if against is not None:
        names = list(answers[runners[-1].kind])
        original = _original(against, names, threads).run_all(samples.inputs)
    known = list(answers[runners[-1].kind].values()) if original is None else original
    task = runners[-1].task_of(known, samples.labels, said=said, metric=judged_by[1])
    judged = samples, task, metric or default_metric(task)
    found = {kind: _compared(list(own.values()), original, against, *judged) for kind, own in answers.items()}
    facts = {"samples": len(samples), "task": to_plain(task), "runs": first}
    facts |= {} if against is None else {"against": str(against)}
    return {**facts, **found[first], **{kind: found[kind] for kind in others}}


def _compared(
    outputs: list[np.ndarray],
    original: list[np.ndarray] | None,
    against: Path | None,
    samples: "Dataset",
    task: "Task",
    metric: "Metric | None",
) -> dict[str, Any]:
    from ..evaluate import compare
    from ..evaluate.measurement import check_classes
    from ..report.document import to_plain

    if against is not None:
        _check_comparable(against, original, outputs, samples)
    check_classes(samples, task)
    known = outputs if original is None else original
    measured = to_plain(compare(known, outputs, samples.labels, task=task, metric=metric, source=samples.source))
    facts = {"outputs_sha256": fingerprint(outputs)}
    if against is not None:
        return {**facts, "measurement": measured}
    return {**facts, "metric": measured["metric"], "value": measured["after"]}


def _original(against: Path, outputs: Sequence[str], threads: int) -> "Session":
    """Return the original ready to run, cut at the outputs of the file where it was compressed with --outputs."""
    from ..graph import cut
    from ..runtime import Session

    model = load_either(against)
    own = [value.name for value in model.graph.outputs]
    return Session(model if own == list(outputs) else cut(model, list(outputs)), threads=threads)


def _check_comparable(against: Path, original: list[np.ndarray], outputs: list[np.ndarray], samples: "Dataset") -> None:
    """Refuse another network; rows that are not one for each sample may differ in number, as their data do."""
    shapes, own = ([list(array.shape) for array in arrays] for arrays in (original, outputs))
    fixed = [[each if each[:1] == [len(samples)] else each[1:] for each in found] for found in (shapes, own)]
    if fixed[0] != fixed[1] or [array.ndim for array in original] != [array.ndim for array in outputs]:
        raise ModelError(f"{against}: is another network: its outputs have shapes {shapes}, those of the file {own}")


def fingerprint(outputs: list[np.ndarray]) -> str:
    """Return the SHA-256 of all outputs' bytes: equal exactly where every bit is."""
    digest = hashlib.sha256()
    for array in outputs:
        is_text = array.dtype.kind == "O"  # whose bytes in memory are where it lies
        digest.update(repr(array.tolist()).encode() if is_text else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _print(facts: dict[str, Any]) -> None:
    say(f"{facts['file']}: {facts['size_bytes']:,} bytes, whole: {facts['tensors']} tensors decode")
    say(f"{facts['parameters']:,} parameters{'' if facts['has_graph'] else ', weights only, no graph'}")
    if "task" in facts:
        from ..evaluate import Task

        say(Task(**facts["task"]).line)
    if "runs" in facts:
        _print_answers(facts, facts["samples"], facts["task"]["kind"], WORDS["program"] if "graph" in facts else "")
    if "graph" in facts:
        _print_answers(facts["graph"], facts["samples"], facts["task"]["kind"], WORDS["graph"])


def _print_answers(facts: dict[str, Any], samples: int, kind: str, which: str) -> None:
    if which:
        say(f"{which}:")
    indent = "  " if which else ""
    for line in _lines(facts, samples, kind):
        say(indent + line)


def _lines(facts: dict[str, Any], samples: int, kind: str) -> Iterator[str]:
    yield f"outputs on {samples:,} samples: sha256 {facts['outputs_sha256']}"
    if facts.get("value") is not None:
        yield f"{facts['metric']} {facts['value']:.2f}"
    measured = facts.get("measurement")
    if not measured:
        return
    if measured["metric"]:
        yield f"{measured['metric']} {measured['before']:.2f} -> {measured['after']:.2f}"
    if measured["drop"] is not None:
        low, high = measured["drop_interval"]
        what = "predicted drop of r2" if kind == "regress" else "predicted drop"
        word = "drop" if measured["metric"] else f"{what} (no labels)"
        yield f"{word} {measured['drop']:.2f} points, 95 % of {low:.2f} to {high:.2f}"
    if measured["agreement"] is not None:
        yield f"same answer on {measured['agreement']:.2f} % of the samples"
    error = measured["relative_error"]
    yield "relative output error " + ("beyond measure" if error is None else f"{error:.4g} %")
