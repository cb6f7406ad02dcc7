"""attar inspect: what is inside a network or a compressed file."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ModelError
from ._common import Json, console, is_attar, print_json

EXAMPLES = """
[bold]Examples[/]

  attar inspect model.onnx

  attar inspect model.attar --json
"""


def command(
    file: Annotated[Path, typer.Argument(help="An .onnx or .attar file.")],
    json: Json = False,
) -> None:
    """List every tensor: shape, parameters, MACs, bytes, coder, bits per weight, sparsity, distinct values."""
    from .. import container
    from ..graph import load
    from ..report.layers import rows_of_file, rows_of_model
    from ..report.terminal import chunks_text, rows_table, size

    if not file.exists():
        raise ModelError(f"{file}: does not exist")
    size_bytes = file.stat().st_size
    facts: dict = {"file": str(file), "size_bytes": size_bytes}
    if is_attar(file):
        opened = container.open(file)
        rows = rows_of_file(opened)
        facts |= {"chunks": dict(opened.chunk_sizes), "provenance": opened.provenance, "has_graph": opened.has_graph}
    else:
        rows = rows_of_model(load(file))
    if json:
        print_json({**facts, "tensors": [dataclasses.asdict(row) for row in rows]})
        return
    out = console()
    out.print(rows_table(rows))
    total = sum(row.parameters for row in rows)
    macs = sum(row.macs or 0 for row in rows)
    out.print(f"{size(size_bytes)} on disk ({size_bytes:,} bytes), {total:,} parameters, {macs:,} MACs a sample")
    if "chunks" in facts:
        out.print("  " + chunks_text(facts["chunks"]))
