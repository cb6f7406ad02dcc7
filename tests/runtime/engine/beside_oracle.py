"""Run a program in the engine and in the oracle."""

import numpy as np

from attar.runtime.engine import KERNELS, Machine
from attar.runtime.engine.build import section_of
from attar.runtime.integer import Program, run_integers

from .programs import Draw


def machine(program: Program, *, kernels: str = KERNELS[-1], threads: int = 1) -> Machine:
    """Return an engine that is ready to run a program whose constants are all in its section."""
    made = Machine(section_of(program), kernels=kernels, threads=threads)
    made.ready()
    return made


def assert_equal(program: Program, draw: Draw, *, kernels: str = KERNELS[-1], threads: int = 1) -> None:
    """Two samples of random integers give the same integers."""
    assert_answers(machine(program, kernels=kernels, threads=threads), program, draw)


def assert_answers(made: Machine, program: Program, draw: Draw) -> None:
    """The same of an engine that is ready."""
    inputs = {
        name: draw.integers(program.tensors[name].format, 2, program.tensors[name].shape) for name in program.inputs
    }
    found = made.run_integers(inputs)
    wanted = run_integers(program, inputs).outputs
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name].reshape(values.shape), values)
