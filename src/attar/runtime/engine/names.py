"""Give the tensors of a section their names, which it leaves out: it is held beside a program of the same network.

In which order operators stand depends on how many bits tensors have. Both are walked from what they hand out, whose
names a section has, back to what comes in: an operator reads in one order everywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import ModelError
from ...numerics.formats import Format
from ..integer.program import Program
from .native import Machine
from .physical import Physical, physical
from .section import KINDS


def formats_of(machine: Machine, program: Program) -> dict[str, Format]:
    """Return the section's formats by the names that a program of the same network has; its own formats are not read.

    Raises:
        ModelError: operators, extents or names of the two differ.
    """
    found = {there.name: here.format for here, there in _pairs(machine, physical(program))}
    for operator in program.operators:
        if operator.output not in found:  # another name for the same memory
            found[operator.output] = found[operator.inputs[0]]
    return {name: found[name] for name in program.tensors}


def check_formats(machine: Machine, program: Program) -> None:
    """Hold a section's tensors against those of a program that is to compute the same numbers; signs may differ.

    Raises:
        ModelError: operators, extents, names or formats of the two differ.
    """
    for name, form in formats_of(machine, program).items():
        other = program.tensors[name].format
        if _meaning(form) != _meaning(other):
            raise ModelError(f"tensor '{name}': {_words(form)} in the program, {_words(other)} beside it")


@dataclass(frozen=True, eq=False)
class _Node:
    """What writes a tensor: an operator, or an input of the network, which has no kind.

    Attributes:
        name: in a section that of an input, else what it is called by its place. extents: those that are not 1.
    """

    name: str
    kind: type | None
    format: Format
    extents: tuple[int, ...]
    reads: tuple["_Node", ...] = ()

    def __str__(self) -> str:
        kind = f"input '{self.name}'" if self.kind is None else self.kind.__name__
        return f"{kind} {self.extents} of {len(self.reads)}"


def _pairs(machine: Machine, network: Physical) -> Iterator[tuple[_Node, _Node]]:
    """Yield what writes each tensor that outputs depend on, as the section has it and as the network has it."""
    names = [port.name for port in machine.outputs], [tensor.name for tensor in network.outputs]
    if names[0] != names[1]:
        raise ModelError(f"the program has outputs {', '.join(names[0])}; the graph {', '.join(names[1])}")
    left, seen = list(zip(_of_section(machine), _of_network(network), strict=True)), {}
    while left:
        here, there = left.pop()
        if seen.setdefault(there, here) is not here:
            raise ModelError(f"tensor '{there.name}': the program computes it twice, the graph once")
        is_other = here.kind is None and here.name != there.name
        if is_other or (here.kind, here.extents, len(here.reads)) != (there.kind, there.extents, len(there.reads)):
            raise ModelError(f"tensor '{there.name}': {there} in the graph, {here} in the program")
        left += [pair for pair in zip(here.reads, there.reads, strict=True) if seen.get(pair[1]) is not pair[0]]
        yield here, there


def _of_section(machine: Machine) -> list[_Node]:
    """Return what writes the outputs. Bytes are read as they were written last, from where they were written."""
    tensors, written = machine.tensors, {}
    inputs, outputs = machine.ends
    for port, number in zip(machine.inputs, inputs, strict=True):
        seen = tensors[number]
        written[seen.offset] = _Node(port.name, None, seen.format, _extents(seen.dims))
    for place, (kind, output, read) in enumerate(machine.wiring):
        seen, reads = tensors[output], tuple(written.get(tensors[number].offset) for number in read)
        if None in reads:
            raise ModelError(f"operator {place} of the program reads where nothing was written")
        written[seen.offset] = _Node(f"operator {place}", KINDS[kind], seen.format, _extents(seen.dims), reads)
    return [written[tensors[number].offset] for number in outputs]


def _of_network(network: Physical) -> list[_Node]:
    nodes = {laid.root: _Node(laid.name, None, laid.format, _extents(laid.dims)) for laid in network.inputs}
    for placed in network.placed:
        laid, reads = placed.output, tuple(nodes[each.root] for each in placed.inputs)
        nodes[laid.root] = _Node(laid.name, type(placed.operator), laid.format, _extents(laid.dims), reads)
    return [nodes[laid.root] for laid in network.outputs]


def _extents(dims: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(extent for extent in dims if extent > 1)


def _meaning(form: Format) -> tuple[int, float, int]:
    return form.bits, form.scale, form.zero - form.low


def _words(form: Format) -> str:
    return f"{form.bits} bits, scale {form.scale:g}, zero at {form.zero - form.low} of {2**form.bits - 1}"
