"""attar inspect: what is inside a network or a compressed file."""

import dataclasses
from collections import Counter
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
        facts |= {"program": _program(opened.program)}
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
    if facts.get("program"):
        out.print(_program_text(facts["program"]))


def _program(section: bytes | None) -> dict | None:
    """Return what a program section holds: its operators by kind, and the memory that it runs in on this machine."""
    if section is None:
        return None
    from ..runtime.engine import Machine

    machine = Machine(section)
    kinds = Counter(kind for kind, _, _ in machine.operators)
    ports = {name: {port.name: list(port.shape) for port in getattr(machine, name)} for name in ("inputs", "outputs")}
    memory = {"arena_bytes": machine.arena_bytes, "memory_bytes": machine.memory_bytes}
    return {"operators": dict(kinds), **ports, **memory}


def _program_text(program: dict) -> str:
    operators = ", ".join(f"{count} {kind}" for kind, count in program["operators"].items())
    memory = (
        f"an arena of {program['arena_bytes']:,} bytes, {program['memory_bytes']:,} with weights as kernels want them"
    )
    return f"runs in integers, all of it: {operators or 'no operators'}; {memory}"
