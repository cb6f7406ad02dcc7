"""Widths of activations in memory, as Ge et al. 2017 allocate them: eqs. 4 to 6 and the traffic that follows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ActivationWidth:
    """One tensor of the integer network: how many numbers it has, and the bits of each."""

    name: str
    elements: int
    bits: int


@dataclass(frozen=True)
class MemoryUse:
    """What widths come to. All bytes are per sample.

    Attributes:
        shared_bytes: one buffer for the largest output, E_m of eq. 6. ping_pong_bytes: the most of two in a row.
        weight_bytes: read once for an inference: fp32 numbers, or the coded streams of the file.
        activation_bytes: written and read by all operators. error: E_c; None where nothing was run.
        drop: in points, predicted from the original's softmax on the same samples; None where it can't be said.
        accumulator_bits: the widest sum of products, eq. 4; None in floats.
    """

    name: str
    shared_bytes: int
    ping_pong_bytes: int
    weight_bytes: int
    activation_bytes: int
    error: float | None
    drop: float | None
    accumulator_bits: int | None

    @property
    def traffic_bytes(self) -> int:
        """Bytes that one inference moves to and from memory."""
        return self.weight_bytes + self.activation_bytes


@dataclass(frozen=True)
class Allocation:
    """Activation widths that were searched.

    Attributes:
        widths: of every tensor, in the order of the program. uses: in floats, at 8 bits, and at these widths.
        evaluations: runs of the integer oracle. samples: that it ran on.
    """

    widths: tuple[ActivationWidth, ...]
    uses: tuple[MemoryUse, ...]
    evaluations: int
    samples: int
