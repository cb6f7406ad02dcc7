"""Networks in integers: formats from samples, a program from formats, and the oracle that defines what it computes."""

from .accumulators import Accumulator
from .calibrate import calibrate
from .lower import lower
from .oracle import Run, run, run_integers
from .program import Program, Tensor
from .schemes import Affine, DropSign, FixedPoint, KeepSign, LeastSquares, MinMax, Percentile, Ristretto

__all__ = [
    "Accumulator",
    "Affine",
    "DropSign",
    "FixedPoint",
    "KeepSign",
    "LeastSquares",
    "MinMax",
    "Percentile",
    "Program",
    "Ristretto",
    "Run",
    "Tensor",
    "calibrate",
    "lower",
    "run",
    "run_integers",
]
