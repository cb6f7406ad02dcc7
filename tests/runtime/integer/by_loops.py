"""What tests that go number by number share: the last step of an operator in Python's integers, random programs."""

import numpy as np

from attar.numerics.formats import Format
from attar.runtime.integer import Program, Tensor
from attar.runtime.integer.program import Accumulating, Operator


def rescaled(value: int, multiplier: int, shift: int) -> int:
    """Multiply, add half and shift."""
    return (int(value) * int(multiplier) + ((1 << int(shift)) >> 1)) >> int(shift)


def finished(operator: Accumulating, y: Tensor, total: int, entry: int = 0) -> int:
    """Return the integer that an accumulator becomes."""
    scaled = rescaled(total, operator.rescale.multipliers[entry], operator.rescale.shifts[entry])
    return min(max(y.format.zero + scaled, operator.low), operator.high)


def random_format(rng: np.random.Generator, bits: int) -> Format:
    """Return a format with any zero point, signed or not."""
    signed = bool(rng.integers(0, 2))
    low = -(2 ** (bits - 1)) if signed else 0
    return Format(bits, signed, float(2.0 ** rng.integers(-4, 2)), int(rng.integers(low, low + 2**bits)))


def random_integers(program: Program, seed: int, name: str = "x", samples: int = 2) -> np.ndarray:
    """Return integers of any value that the input's format has."""
    tensor = program.tensors[name]
    rng = np.random.default_rng((seed, 1))
    return rng.integers(tensor.format.low, tensor.format.high + 1, (samples, *tensor.shape))


def program_of(operator: Operator, **tensors: tuple[tuple[int, ...], Format]) -> Program:
    """Return the program of one operator, given the shape and format of all it reads and writes."""
    made = {name: Tensor(name, *held) for name, held in tensors.items()}
    return Program(made, (operator,), operator.inputs, (operator.output,))
