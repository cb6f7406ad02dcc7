"""attar eval: how good is this network on these samples?"""

from pathlib import Path
from typing import Annotated

import typer

from ._common import Data, Json, Threads, load_either, print_json

EXAMPLES = """
[bold]Examples[/]

  attar eval model.onnx --data test.npz

  attar eval model.attar --data photos/ --metric top-5
"""


def command(
    model: Annotated[Path, typer.Argument(help="An .onnx or .attar file.")],
    data: Data,
    metric: Annotated[str, typer.Option(help="top-1, top-5 or module:function.")] = "top-1",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Measure a network's metric on labelled samples, with its 95 % interval."""
    from ..compression.metadata import read_metadata
    from ..errors import DataError
    from ..evaluate import load_data, metric_of
    from ..evaluate.measurement import score
    from ..evaluate.uncertainty import paired_interval
    from ..runtime import Session

    network = load_either(model)
    session = Session(network, threads=threads)
    preprocessing, class_names = read_metadata(network)
    samples = load_data(data, session.inputs, preprocessing=preprocessing, class_names=class_names)
    if samples.labels is None:
        raise DataError(f"{samples.source}: no labels to measure {metric} with")
    points = score(metric_of(metric), session.run_all(samples.inputs), samples.labels, source=samples.source)
    low, high = paired_interval(points)
    if json:
        facts = {"model": str(model), "metric": metric, "value": float(points.mean()), "interval": [low, high]}
        print_json({**facts, "samples": len(samples)})
    else:
        print(f"{metric} {points.mean():.2f} on {len(samples):,} samples, 95 % of {low:.2f} to {high:.2f}")
