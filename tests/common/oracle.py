"""What the numpy oracle answers in the place of the engine, for a file whose programs are at hand."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import numpy as np

from attar.container import AttarFile
from attar.runtime.ends import finished, from_plain
from attar.runtime.engine.parts import Parts
from attar.runtime.integer import Program, run


def standing_in(program: Program) -> SimpleNamespace:
    """Return what has a program's inputs and outputs as the engine has, and computes with numpy."""
    ports = [tuple(SimpleNamespace(name=name) for name in names) for names in (program.inputs, program.outputs)]
    return SimpleNamespace(inputs=ports[0], outputs=ports[1], run=lambda inputs: run(program, inputs).outputs)


def answers_of_oracle(
    file: AttarFile, programs: Sequence[Program], inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return outputs by name."""
    machines = [standing_in(program) for program in programs]
    if file.in_parts:
        return Parts(machines, file.model()).run(inputs)
    ends, found = from_plain(file.outputs or ()), machines[0].run(inputs)
    return finished(ends, found) if ends else found
