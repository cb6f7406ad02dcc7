"""Places in the arena for the tensors of a program that is laid out, and the order in which its operators run."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...plan.arena import ArenaPlan, plan_arena
from ...plan.buffers import aligned, packed_bytes
from ...plan.program import Program as Flow
from ...plan.program import Step
from ..integer.program import Extreme, ParametricRelu, Product, Requantize, ScaleShift, Sum, Table
from .layout import Laid
from .physical import Physical, Placed

ALIGNMENT = 16  # of offsets: a register of most processors
IN_PLACE = (ScaleShift, Product, Sum, Requantize, Table, ParametricRelu, Extreme)  # number by number


@dataclass(frozen=True)
class Planned:
    """A program laid out, its operators in the order of the plan.

    Attributes:
        offsets: by tensor whose memory it is. arena_bytes: of all of them.
    """

    placed: tuple[Placed, ...]
    inputs: tuple[Laid, ...]
    outputs: tuple[Laid, ...]
    offsets: Mapping[str, int]
    plan: ArenaPlan

    @property
    def arena_bytes(self) -> int:
        return self.plan.arena_bytes


def planned(program: Physical, *, seed: int = 0) -> Planned:
    """Return the program with a place for every tensor; nothing shares bytes but what docs/integer.md allows."""
    by_name = {placed.output.name: placed for placed in program.placed}
    plan = plan_arena(flow_of(program), alignment=ALIGNMENT, seed=seed)
    offsets = {buffer.name: buffer.offset for buffer in plan.buffers}
    placed = tuple(by_name[name] for name in plan.order)
    return Planned(placed, program.inputs, program.outputs, offsets, plan)


def flow_of(program: Physical) -> Flow:
    """Return what the planner has to know: who reads and writes which memory, and how much."""
    every = [*program.inputs, *(tensor for placed in program.placed for tensor in (*placed.inputs, placed.output))]
    sizes = {tensor.root: aligned(stored_bytes(tensor), ALIGNMENT) for tensor in every}
    steps = tuple(_step(placed) for placed in program.placed)
    inputs = tuple(dict.fromkeys(tensor.root for tensor in program.inputs))
    outputs = tuple(dict.fromkeys(tensor.root for tensor in program.outputs))
    return Flow(steps, sizes, inputs, outputs)


def stored_bits(tensor: Laid) -> int:
    """Return the bits that a number takes in memory: 4, 8 or 16."""
    return next(width for width in (4, 8, 16) if tensor.format.bits <= width)


def stored_bytes(tensor: Laid) -> int:
    """Return the bytes of a tensor in memory."""
    elements = 1
    for extent in tensor.shape:
        elements *= extent
    return packed_bytes(elements, stored_bits(tensor))


def _step(placed: Placed) -> Step:
    reads = tuple(dict.fromkeys(tensor.root for tensor in placed.inputs))
    over = tuple(dict.fromkeys(tensor.root for tensor in placed.inputs if _may_lie_over(placed, tensor)))
    return Step(placed.output.name, reads, (placed.output.root,), over)


def _may_lie_over(placed: Placed, tensor: Laid) -> bool:
    same = tensor.shape == placed.output.shape and stored_bits(tensor) == stored_bits(placed.output)
    return isinstance(placed.operator, IN_PLACE) and same
