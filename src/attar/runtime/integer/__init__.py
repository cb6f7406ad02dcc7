"""Networks in integers: formats from samples, a program from formats, and the oracle that defines what it computes."""

from .accumulators import Accumulator
from .calibrate import Observed, calibrate, observe
from .lower import lower
from .oracle import Run, run, run_integers
from .program import Program, Tensor
from .qdq import from_qdq, to_qdq
from .schemes import Affine, DropSign, Extrapolated, FixedPoint, KeepSign, LeastSquares, MinMax, Percentile, Ristretto

__all__ = [
    "Accumulator",
    "Affine",
    "DropSign",
    "Extrapolated",
    "FixedPoint",
    "KeepSign",
    "LeastSquares",
    "MinMax",
    "Observed",
    "Percentile",
    "Program",
    "Ristretto",
    "Run",
    "Tensor",
    "calibrate",
    "from_qdq",
    "lower",
    "observe",
    "run",
    "run_integers",
    "to_qdq",
]
