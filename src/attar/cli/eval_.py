"""attar eval: how good is this network on these samples?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..files.limits import MAX_NODES
from ._common import (
    AskedMetric,
    AskedTask,
    Data,
    Json,
    MaxMemory,
    MaxNodes,
    Samples,
    Threads,
    print_json,
    say,
)
from ._images import takes_images
from ._runners import WORDS, runners_of

if TYPE_CHECKING:
    import numpy as np

    from ..evaluate import Dataset, Metric, Task

EXAMPLES = """
[bold]Examples[/]

  attar eval model.onnx --data test.npz

  attar eval model.attar --data photos/ --metric top-5
"""


@takes_images
def command(
    model: Annotated[Path, typer.Argument(help="An .onnx or .attar file.")],
    data: Data,
    task: AskedTask = None,
    metric: AskedMetric = None,
    samples: Samples = None,
    threads: Threads = 0,
    max_memory: MaxMemory = None,
    max_nodes: MaxNodes = MAX_NODES,
    json: Json = False,
    images: Any = None,
) -> None:
    """Measure a network's metric on labelled samples, with its 95 % interval.

    Of a file with a program that is what runs in integers, as with `attar run`; its graph in floats is shown beside it.
    """
    from ..errors import DataError
    from ..evaluate import default_metric, metric_of
    from ..evaluate.measurement import check_classes
    from ..report.document import to_plain

    asked = metric_of(metric)
    runners = runners_of(model, threads)
    given = runners[0].load(data, runners[-1].inputs, asked=images, samples=samples)
    if given.labels is None:
        no_labels = f"{given.source}: no labels to measure {metric or 'anything'} with"
        raise DataError("; ".join([no_labels, *given.notes]))
    answers = {runner.kind: list(runner.run(given.inputs).values()) for runner in runners}
    taken = runners[-1].task_of(answers[runners[-1].kind], given.labels, said=task, metric=metric)
    check_classes(given, taken)
    used = asked or default_metric(taken)
    if used is None:
        raise DataError(f"{taken.line}: no metric is built in for that; give --metric module:function")
    found = {kind: _measured(outputs, given, taken, used) for kind, outputs in answers.items()}
    first, *others = found
    if json:
        facts = {"model": str(model), "task": to_plain(taken), "metric": used.name, "samples": len(given)}
        facts["runs"] = first
        print_json({**facts, **found[first], **{kind: found[kind] for kind in others}})
        return
    say(taken.line)
    for kind, facts in found.items():
        low, high = facts["interval"]
        which = f" ({WORDS[kind]})" if others else ""
        say(f"{used.name} {facts['value']:.2f} on {len(given):,} samples, 95 % of {low:.2f} to {high:.2f}{which}")


def _measured(outputs: "list[np.ndarray]", given: "Dataset", task: "Task", metric: "Metric") -> dict[str, Any]:
    from ..evaluate.uncertainty import mean_interval

    points = metric.points(task, outputs, given.labels, source=given.source)
    return {"value": float(points.mean()), "interval": list(mean_interval(points))}
