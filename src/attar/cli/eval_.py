"""attar eval: how good is this network on these samples?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._common import Data, Json, Samples, Threads, print_json
from ._images import takes_images
from ._runners import WORDS, Runner, runners_of

if TYPE_CHECKING:
    from ..evaluate import Dataset

EXAMPLES = """
[bold]Examples[/]

  attar eval model.onnx --data test.npz

  attar eval model.attar --data photos/ --metric top-5
"""


@takes_images
def command(
    model: Annotated[Path, typer.Argument(help="An .onnx or .attar file.")],
    data: Data,
    metric: Annotated[str, typer.Option(help="top-1, top-5 or module:function.")] = "top-1",
    samples: Samples = None,
    threads: Threads = 0,
    json: Json = False,
    images: Any = None,
) -> None:
    """Measure a network's metric on labelled samples, with its 95 % interval.

    Of a file with a program that is what runs in integers, as with `attar run`; its graph in floats is shown beside it.
    """
    from ..errors import DataError

    runners = runners_of(model, threads)
    given = runners[0].load(data, runners[-1].inputs, asked=images, samples=samples)
    if given.labels is None:
        raise DataError(f"{given.source}: no labels to measure {metric} with")
    found = {runner.kind: _measured(runner, given, metric) for runner in runners}
    first, *others = found
    if json:
        facts = {"model": str(model), "metric": metric, "samples": len(given), "runs": first}
        print_json({**facts, **found[first], **{kind: found[kind] for kind in others}})
        return
    for kind, facts in found.items():
        low, high = facts["interval"]
        which = f" ({WORDS[kind]})" if others else ""
        print(f"{metric} {facts['value']:.2f} on {len(given):,} samples, 95 % of {low:.2f} to {high:.2f}{which}")


def _measured(runner: Runner, samples: "Dataset", metric: str) -> dict[str, Any]:
    from ..evaluate import metric_of
    from ..evaluate.measurement import check_classes, score
    from ..evaluate.uncertainty import paired_interval

    outputs = list(runner.run(samples.inputs).values())
    check_classes(samples, outputs)
    points = score(metric_of(metric), outputs, samples.labels, source=samples.source)
    return {"value": float(points.mean()), "interval": list(paired_interval(points))}
