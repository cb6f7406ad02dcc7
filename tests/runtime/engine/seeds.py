"""Write small random programs as inputs of a fuzz target: `python -m tests.runtime.engine.seeds FOLDER`.

Of every kind of operator the shortest of many sections: alone, behind others, and with weights of the file's table.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from attar.runtime.engine.arena import planned
from attar.runtime.engine.physical import physical
from attar.runtime.engine.section import section
from attar.runtime.engine.stored import InTable
from attar.runtime.integer import Program
from attar.runtime.integer.channels import inputs_first
from attar.runtime.integer.program import Convolution, Dense, TransposedConvolution, Weighted

from .programs import RANDOM, Draw, turned, widest

DRAWS = 60
IN_TABLE = (Convolution, Dense, TransposedConvolution)


def sections(kind: str, way: str) -> Iterator[bytes]:
    """Yield sections of programs that take the operator in one way: "alone", "behind" or "in-table"."""
    for seed in range(DRAWS):
        draw = Draw(seed)
        program = RANDOM[kind](draw)
        if widest(program) > 48:
            continue
        if way == "in-table":
            yield in_table(program)
        else:
            yield section(planned(physical(turned(draw, program) if way == "behind" else program)))


def as_in_table(operator: Weighted) -> np.ndarray:
    """Return weights in an order that a graph may have them in: a dense layer's transposed."""
    if isinstance(operator, TransposedConvolution):
        return inputs_first(operator.weights, operator.groups)
    return operator.weights.T if isinstance(operator, Dense) else operator.weights


def bias_in_table(program: Program) -> np.ndarray:
    """Return the layer's bias in real numbers."""
    operator = program.operators[0]
    scales = np.broadcast_to(operator.scales, len(operator.weights))
    return (operator.bias * scales * np.float32(program.tensors["x"].format.scale)).astype(np.float32)


def in_table(program: Program) -> bytes:
    """Return the section of a layer whose weights and bias are tensors of a table; a dense one's lie transposed."""
    operator = replace(program.operators[0], source="w", bias_source="b")
    stored = {"w": InTable(0, as_in_table(operator), operator.scales), "b": InTable(1, numbers=bias_in_table(program))}
    return section(planned(physical(replace(program, operators=(operator,)))), stored)


def write_seeds(folder: Path) -> None:
    """Write the shortest of every kind and way, and one of average length."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, make in RANDOM.items():
        layer = isinstance(make(Draw(0)).operators[0], IN_TABLE)
        for way in ("alone", "behind", "in-table") if layer else ("alone", "behind"):
            found = sorted(set(sections(kind, way)), key=len)
            for name, data in (("short", found[len(found) // 10]), ("long", found[len(found) // 2])):
                if len(data) < 1500:
                    (folder / f"{kind.replace(' ', '-')}-{way}-{name}").write_bytes(data)


if __name__ == "__main__":
    write_seeds(Path(sys.argv[1]))
