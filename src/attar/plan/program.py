"""What the solvers of memory know of a network: operators, what they read and write, and bytes; no graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from ..errors import PlanError
from .buffers import Buffer, aligned, packed_bytes

if TYPE_CHECKING:
    from ..graph.lifetimes import Activations, Operator


@dataclass(frozen=True)
class Step:
    """One operator.

    Attributes:
        name: of the operator, unique. reads, writes: tensors.
        over: tensors of `reads` over which the first of `writes` may be written if they die here and are as large.
        inside: tensors of `reads` that may lie inside the first of `writes` if they die here, with their places in it.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    over: tuple[str, ...] = ()
    inside: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Program:
    """Operators in an order that works, and the bytes of what they hand on.

    Attributes:
        steps: the operators. sizes: bytes by tensor, multiples of the alignment.
        inputs: tensors that hold something before the first step. outputs: those that still do after the last.
    """

    steps: tuple[Step, ...]
    sizes: Mapping[str, int]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The operators' names in the order of the program."""
        return tuple(step.name for step in self.steps)

    @cached_property
    def kept(self) -> frozenset[str]:
        """The outputs, to look a name up among many."""
        return frozenset(self.outputs)

    @cached_property
    def used_inputs(self) -> tuple[str, ...]:
        """The inputs that an operator reads or that are handed through."""
        read = {name for step in self.steps for name in step.reads} | set(self.outputs)
        return tuple(name for name in self.inputs if name in read)

    def ordered(self, order: Sequence[str]) -> "Program":
        """Return the same operators in another order.

        Raises:
            PlanError: `order` leaves one out, has one twice, or lets one run before what it reads is there.
        """
        by_name = {step.name: step for step in self.steps}
        if sorted(order) != sorted(by_name):
            raise PlanError(f"the order names {len(order)} operators, not each of the network's {len(by_name)} once")
        changed = Program(tuple(by_name[name] for name in order), self.sizes, self.inputs, self.outputs)
        changed.check_order()
        return changed

    def check_order(self) -> None:
        """Raises PlanError where an operator reads what is not there yet."""
        there = set(self.inputs)
        for step in self.steps:
            missing = [name for name in step.reads if name not in there]
            if missing:
                raise PlanError(f"operator '{step.name}' reads '{missing[0]}' before it is made")
            there.update(step.writes)

    def lifetimes(self) -> dict[str, Buffer]:
        """Return every tensor's first and last step, all at offset 0; an input that nobody reads needs no memory."""
        end = max(len(self.steps) - 1, 0)
        first, last = dict.fromkeys(self.used_inputs, 0), {}
        for index, step in enumerate(self.steps):
            first.update((name, index) for name in step.writes)
            last.update((name, index) for name in (*step.reads, *step.writes))
        last.update((name, end) for name in self.outputs)
        return {name: Buffer(name, self.sizes[name], first[name], last[name]) for name in first}

    def peak_bytes(self) -> int:
        """Return the most that is live at one step, if all that may share memory does: no arena can be smaller."""
        return max(self.live_bytes(), default=sum(self.sizes[name] for name in self.used_inputs))

    def live_bytes(self) -> list[int]:
        """Return what is live at every step, if all that may share memory does."""
        lives = self.lifetimes()
        changes = [0] * (len(self.steps) + 2)
        for life in lives.values():
            changes[life.first] += life.size_bytes
            changes[life.last + 1] -= life.size_bytes
        live = list(accumulate(changes[: len(self.steps)]))
        return [bytes_ - self._shared(index, lives) for index, bytes_ in enumerate(live)]

    def _shared(self, index: int, lives: Mapping[str, Buffer]) -> int:
        step = self.steps[index]
        return shared_bytes(step, self.sizes, [n for n in step.reads if self.dies(n, index, lives)])

    def dies(self, name: str, index: int, lives: Mapping[str, Buffer]) -> bool:
        """Whether nobody wants the tensor any more after step `index`."""
        return lives[name].last == index and name not in self.kept


def shared_bytes(step: Step, sizes: Mapping[str, int], dying: Sequence[str]) -> int:
    """Return the bytes that the output of `step` shares with inputs, those that die there being `dying`."""
    if not step.writes:
        return 0
    own = sizes[step.writes[0]]
    if any(name in dying and sizes[name] >= own for name in step.over):
        return own
    return sum(sizes[name] for name, _ in step.inside if name in dying)


def in_bytes(flow: "Activations", bits: int | Mapping[str, int] = 8, *, alignment: int = 1) -> Program:
    """Return the program of a network whose floating point activations are stored with `bits` bits.

    Args:
        bits: for all, or by tensor; those not named have the width of the file, as integers always do.
    """
    stored = {name: _Stored(width_of(flow, name, bits), tensor.elements) for name, tensor in flow.tensors.items()}
    sizes = {name: aligned(each.size_bytes, alignment) for name, each in stored.items()}
    steps = tuple(_step(operator, stored, alignment) for operator in flow.operators)
    return Program(steps, sizes, flow.inputs, flow.outputs)


def width_of(flow: "Activations", name: str, bits: int | Mapping[str, int]) -> int:
    """Return the bits of one number of a tensor."""
    tensor = flow.tensors[name]
    chosen = bits if isinstance(bits, int) else bits.get(name, tensor.width_bits)
    return chosen if tensor.is_float else tensor.width_bits


@dataclass(frozen=True)
class _Stored:
    """Numbers side by side, each of `width` bits."""

    width: int
    elements: int

    @property
    def size_bytes(self) -> int:
        return packed_bytes(self.elements, self.width)

    @property
    def is_whole(self) -> bool:
        """Whether the last number ends where a byte does."""
        return 8 * self.size_bytes == self.width * self.elements


def _step(operator: "Operator", stored: Mapping[str, _Stored], alignment: int) -> Step:
    output = operator.writes[0]
    # A wider output would overtake the numbers that are still to be read.
    over = tuple(name for name in operator.over if stored[name].width >= stored[output].width)
    return Step(operator.name, operator.reads, operator.writes, over, _inside(operator, stored, alignment))


def _inside(operator: "Operator", stored: Mapping[str, _Stored], alignment: int) -> tuple[tuple[str, int], ...]:
    """Return the parts that may lie inside the output, and where; none if one has another width or ends inside a byte.

    A part begins, and but for the last one ends, at multiples of the alignment.
    """
    parts = [stored[name] for name in operator.parts]
    if not all(part.is_whole and part.width == stored[operator.writes[0]].width for part in parts):
        return ()
    starts = accumulate((part.size_bytes for part in parts), initial=0)
    return tuple(
        (name, start)
        for name, part, start in zip(operator.parts, parts, starts, strict=False)
        if start % alignment == 0 and (part.size_bytes % alignment == 0 or name == operator.parts[-1])
    )
