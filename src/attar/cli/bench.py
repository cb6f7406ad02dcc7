"""attar bench: how long files take to load and to run, and what memory they need, side by side."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

from ..report.names import shown
from ._common import Json, console, is_attar, print_json, size_of
from ._runners import runner_of

EXAMPLES = """
[bold]Examples[/]

  attar bench model.attar

  attar bench model.attar model_int8.onnx --threads 1 --threads 2

  attar bench model.attar model_int8.onnx --against onnxruntime,openvino --json

  attar bench model.attar --layers
"""


def command(
    files: Annotated[list[Path], typer.Argument(help="Files with a program (.attar), or ONNX files for the peers.")],
    against: Annotated[str, typer.Option(help="Peers that run the ONNX files, with commas between.")] = "onnxruntime",
    threads: Annotated[list[int] | None, typer.Option(min=1, max=64, help="May be repeated; 1 without it.")] = None,
    turns: Annotated[int, typer.Option(min=1, help="Of every file, one after the other.")] = 5,
    runs: Annotated[int, typer.Option(min=1, help="In every turn.")] = 6,
    data: Annotated[
        str | None, typer.Option(help="Samples of which the first is run, in place of random ones.")
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Time every operator of a program, too.")] = False,
    json: Json = False,
) -> None:
    """Time files in fresh processes, turn by turn: medians, ratios to the first one, loading, peak memory.

    Batch 1, random inputs; integers that look something up are valid ones. A file with a program runs on attar's
    engine, an ONNX file in the peers; a QDQ model runs on the engine as well (`--against attar,onnxruntime`).
    """
    from ..evaluate.latency import Entrant, compete

    runtimes = [(file, runtime) for file in files for runtime in _runtimes(file, against)]
    with TemporaryDirectory() as folder:
        inputs = {file: _saved_inputs(file, data, Path(folder) / f"{place}.npz") for place, file in enumerate(files)}
        entrants = [
            Entrant(str(file), runtime, count, inputs=inputs[file])
            for count in threads or [1]
            for file, runtime in runtimes
        ]
        timings = compete(entrants, turns=turns, runs=runs, layers=layers)
    rows = [_row(timing, timings) for timing in timings]
    if json:
        print_json({"runs": turns * runs, "files": rows})
    else:
        _print(rows)


def _saved_inputs(file: Path, data: str | None, place: Path) -> str:
    """Save one sample of inputs for a file and return where; nothing where normal numbers will do."""
    from ..evaluate import load_data
    from ..evaluate.trial_inputs import inputs_of, trial_inputs

    if data is not None:
        runner = runner_of(file, 1)
        samples = load_data(data, runner.inputs, preprocessing=runner.preprocessing, class_names=runner.class_names)
        arrays = {name: values[:1] for name, values in samples.inputs.items()}
    elif not is_attar(file):
        arrays = trial_inputs(file)
    else:
        from .. import container

        opened = container.open(file)
        arrays = inputs_of(opened.model()) if opened.in_parts else None
    if arrays is None:
        return ""
    np.savez(place, **arrays)
    return str(place)


def _runtimes(file: Path, against: str) -> list[str]:
    from ..errors import DataError, ModelError

    if not file.is_file():
        raise ModelError(f"{file}: does not exist")
    if is_attar(file):
        return ["attar"]
    found = [name.strip() for name in against.split(",")]
    for name in found:
        if name not in ("attar", "onnxruntime", "openvino"):
            raise DataError(f"--against {name}: attar, onnxruntime and openvino are known")
    return found


def _row(timing: Any, timings: list[Any]) -> dict[str, Any]:
    """Return one file's figures; its ratio is to the first file with as many threads."""
    first = next(other for other in timings if other.entrant.threads == timing.entrant.threads)
    return {
        "file": timing.entrant.file,
        "runtime": timing.entrant.runtime,
        "threads": timing.entrant.threads,
        "size_bytes": size_of(Path(timing.entrant.file)),
        "milliseconds": 1e3 * timing.median_seconds,
        "ratio": timing.median_seconds / first.median_seconds,
        "load_milliseconds": 1e3 * timing.median_load_seconds,
        "peak_bytes": timing.peak_bytes,
        "layers": list(timing.layers),
    }


def _print(rows: list[dict[str, Any]]) -> None:
    from ..report.listing import Listing

    table = Listing("file", "runtime", ">threads", ">bytes", ">ms", ">ratio", ">load ms", ">peak MB")
    for row in rows:
        table.add_row(
            shown(row["file"]),
            row["runtime"],
            str(row["threads"]),
            f"{row['size_bytes']:,}",
            f"{row['milliseconds']:.2f}",
            f"{row['ratio']:.2f}",
            f"{row['load_milliseconds']:.1f}",
            f"{row['peak_bytes'] / 1e6:.1f}",
        )
    out = console()
    out.print(table)
    for row in rows:
        if row["layers"]:
            out.print(_layers(row))


def _layers(row: dict[str, Any]) -> Any:
    from ..report.listing import Listing

    total = sum(layer["seconds"] for layer in row["layers"])
    heads = (">", "operator", "kernels", ">elements", ">ms", ">share", "slower because of")
    table = Listing(*heads, title=shown(row["file"]))
    for number, layer in enumerate(row["layers"]):
        share = f"{100 * layer['seconds'] / total:.1f} %"
        cells = (f"{layer['elements']:,}", f"{1e3 * layer['seconds']:.3f}", share)
        table.add_row(str(number), layer["operator"], layer["kernels"], *cells, layer["slower"])
    return table
