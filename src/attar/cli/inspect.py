"""attar inspect: what is inside a network or a compressed file."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ModelError
from ..files.limits import MAX_NODES
from ._common import Json, MaxMemory, MaxNodes, console, is_attar, print_json, size_of

if TYPE_CHECKING:
    from ..container import AttarFile
    from ..runtime.engine import Machine
    from ..runtime.engine.parts import Parts

EXAMPLES = """
[bold]Examples[/]

  attar inspect model.onnx

  attar inspect model.attar --json
"""


def command(
    file: Annotated[Path, typer.Argument(help="An .onnx or .attar file.")],
    max_memory: MaxMemory = None,
    max_nodes: MaxNodes = MAX_NODES,
    json: Json = False,
) -> None:
    """List every tensor: shape, parameters, MACs, bytes, coder, bits per weight, sparsity, distinct values."""
    from ..graph import load
    from ..report.layers import rows_of_file, rows_of_model
    from ..report.terminal import chunks_text, rows_table, size
    from ..runtime.engine.whole import open_whole

    if not file.exists():
        raise ModelError(f"{file}: does not exist")
    size_bytes = size_of(file)
    facts: dict = {"file": str(file), "size_bytes": size_bytes}
    if is_attar(file):
        opened = open_whole(file)
        rows = rows_of_file(opened)
        facts |= {"chunks": dict(opened.chunk_sizes), "provenance": opened.provenance, "has_graph": opened.has_graph}
        facts |= {"program": _program(opened)}
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


def _program(file: "AttarFile") -> dict | None:
    """Return what the programs of a file hold: operators by kind, memory on this machine, and what runs in floats."""
    if not file.programs:
        return None
    from ..runtime.engine import Machine

    machines = [Machine(program) for program in file.programs]
    kinds = Counter(kind for machine in machines for kind, _, _ in machine.operators)
    facts = {
        "operators": dict(kinds),
        "arena_bytes": sum(machine.arena_bytes for machine in machines),
        "memory_bytes": sum(machine.memory_bytes for machine in machines),
    }
    if not file.in_parts:
        return {**facts, **_ports(machines[0]), "parts": 1, "in_floats": {}}
    from ..runtime.engine.parts import Parts

    whole = Parts(machines, file.model())
    floats = Counter(node.op_type for nodes in whole.between for node in nodes)
    return {**facts, **_ports(whole), "parts": len(machines), "in_floats": dict(floats)}


def _ports(machine: "Machine | Parts") -> dict[str, dict[str, list[int]]]:
    return {name: {port.name: list(port.shape) for port in getattr(machine, name)} for name in ("inputs", "outputs")}


def _program_text(program: dict) -> str:
    memory = (
        f"an arena of {program['arena_bytes']:,} bytes, {program['memory_bytes']:,} with weights as kernels want them"
    )
    operators = _counted(program["operators"]) or "no operators"
    if not program["in_floats"]:
        return f"runs in integers, all of it: {operators}; {memory}"
    parts = f"{program['parts']} part" + "s" * (program["parts"] > 1)
    return (
        f"runs in integers, in {parts}: {operators}; {memory}\n"
        f"runs in floats, in onnxruntime, which has to be installed: {_counted(program['in_floats'])}"
    )


def _counted(kinds: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())
