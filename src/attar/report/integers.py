"""What a network became that computes in integers: how its activations were calibrated, the memory that it takes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class IntegerRun:
    """A program in a file.

    Attributes:
        arithmetic: "affine" or "fixed-point". calibration: what was taken, a method and whether biases were corrected.
            damages: to the output on the search's samples, by what was tried. operators: of the program.
        program_bytes: of its chunk in the file.
        arena_bytes: of all activations. lower_bound_bytes: what no arena can be smaller than, in this order.
        outside: why an operator runs in floats, in onnxruntime, by the tensor that it makes; empty where none does.
        memory_bytes: of everything the engine takes on this machine, weights as its kernels want them included.
    """

    arithmetic: str
    calibration: str
    damages: Mapping[str, float]
    operators: int
    outside: Mapping[str, str]
    arena_bytes: int
    lower_bound_bytes: int
    memory_bytes: int
    program_bytes: int

    @classmethod
    def nothing(cls, arithmetic: str, reasons: Mapping[str, str]) -> "IntegerRun":
        """Return what there is to say of a file whose layers all stay in floats: it got no program."""
        return cls(arithmetic, "nothing", {}, 0, reasons, 0, 0, 0, 0)
