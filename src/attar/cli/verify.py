"""attar verify: is this file whole, does it decode, does it still answer right?"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ..errors import ModelError
from ._common import Json, Threads, load_either, print_json

if TYPE_CHECKING:
    from ..runtime import Session

EXAMPLES = """
[bold]Examples[/]

  attar verify model.attar

  attar verify model.attar --against model.onnx --data test.npz
"""


def command(
    file: Annotated[Path, typer.Argument(help="An .attar file.")],
    against: Annotated[Path | None, typer.Option(help="The original, to compare answers with.")] = None,
    data: Annotated[str | None, typer.Option(help="Samples: a folder, .npz, .npy or module:function.")] = None,
    metric: Annotated[str, typer.Option(help="top-1, top-5 or module:function.")] = "top-1",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Check all checksums, decode every tensor, run the network, and measure it where samples are given."""
    from .. import container

    opened = container.open(file)
    opened.check()
    facts: dict[str, Any] = {
        "file": str(file),
        "size_bytes": opened.size_bytes,
        "tensors": len(opened.entries),
        "parameters": sum(int(np.prod(entry.shape)) for entry in opened.entries),
        "has_graph": opened.has_graph,
    }
    if data is not None or against is not None:
        facts |= _answers(file, against, data, metric, threads)
    if json:
        print_json(facts)
    else:
        _print(facts)


def _answers(file: Path, against: Path | None, data: str | None, metric: str, threads: int) -> dict[str, Any]:
    """Run the file, and the original where there is one, on the samples."""
    from ..compression.metadata import read_metadata
    from ..errors import DataError
    from ..evaluate import compare, load_data, metric_of
    from ..report.document import to_plain
    from ..runtime import Session

    if data is None:
        raise DataError("--against needs samples to compare answers on: give --data")
    model = load_either(file)
    session = Session(model, threads=threads)
    preprocessing, class_names = read_metadata(model)
    samples = load_data(data, session.inputs, preprocessing=preprocessing, class_names=class_names)
    outputs = session.run_all(samples.inputs)
    facts: dict[str, Any] = {"samples": len(samples), "outputs_sha256": fingerprint(outputs)}
    original = outputs
    if against is not None:
        original = _original(against, session.outputs, threads).run_all(samples.inputs)
        _check_comparable(against, original, outputs)
    measured = to_plain(compare(original, outputs, samples.labels, metric=metric_of(metric), source=samples.source))
    if against is not None:
        return {**facts, "against": str(against), "measurement": measured}
    return {**facts, "metric": measured["metric"], "value": measured["after"]}


def _original(against: Path, outputs: Sequence[str], threads: int) -> "Session":
    """Return the original ready to run, cut at the outputs of the file where it was compressed with --outputs."""
    from ..graph import cut
    from ..runtime import Session

    model = load_either(against)
    own = [value.name for value in model.graph.outputs]
    return Session(model if own == list(outputs) else cut(model, list(outputs)), threads=threads)


def _check_comparable(against: Path, original: list[np.ndarray], outputs: list[np.ndarray]) -> None:
    shapes, own = ([list(array.shape) for array in arrays] for arrays in (original, outputs))
    if shapes != own:
        raise ModelError(f"{against}: is another network: its outputs have shapes {shapes}, those of the file {own}")


def fingerprint(outputs: list[np.ndarray]) -> str:
    """Return the SHA-256 of all outputs' bytes: equal exactly where every bit is."""
    digest = hashlib.sha256()
    for array in outputs:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _print(facts: dict[str, Any]) -> None:
    print(f"{facts['file']}: {facts['size_bytes']:,} bytes, whole: {facts['tensors']} tensors decode")
    print(f"{facts['parameters']:,} parameters{'' if facts['has_graph'] else ', weights only, no graph'}")
    if "outputs_sha256" in facts:
        print(f"outputs on {facts['samples']:,} samples: sha256 {facts['outputs_sha256']}")
    if facts.get("value") is not None:
        print(f"{facts['metric']} {facts['value']:.2f}")
    measured = facts.get("measurement")
    if measured:
        if measured["metric"]:
            print(f"{measured['metric']} {measured['before']:.2f} -> {measured['after']:.2f}")
        if measured["drop"] is not None:
            low, high = measured["drop_interval"]
            word = "drop" if measured["metric"] else "predicted drop (no labels)"
            print(f"{word} {measured['drop']:.2f} points, 95 % of {low:.2f} to {high:.2f}")
        if measured["agreement"] is not None:
            print(f"same answer on {measured['agreement']:.2f} % of the samples")
        print(f"relative output error {measured['relative_error']:.4g} %")
