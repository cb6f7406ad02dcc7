"""Cut a network where operators cannot run in integers: parts that can, and what lies between them, in floats.

Operators fall into stages: a part in integers has an even number, what has to wait for it and runs in floats the next
odd one. Nothing of a stage waits for a later one, so that stages run in the order of their numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from ...graph.extract import extract
from ...graph.flow import Flow
from .endings import is_softmax
from .refusals import Probed

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
FLOAT = ir.DataType.FLOAT


@dataclass(frozen=True)
class Cut:
    """A network in parts.

    Attributes:
        parts: networks to run in integers, in order; what they read and make has the names that it has in the whole.
        outside: why an operator runs in floats, by the name of what it makes first; empty where all run in integers.
    """

    parts: tuple[ir.Model, ...]
    outside: Mapping[str, str]


def cut(model: ir.Model, probed: Probed) -> Cut:
    """Return the parts of a network; the reasons are those of `probed`, and of what is not worth a part by itself."""
    flow = Flow(model.graph)
    outside = _by_node(flow, {**probed.refused, **probed.handed})
    handed = {value.name: probed.handed[value.name] for value in model.graph.outputs if value.name in probed.handed}
    inside = {node for node in flow.reads if node not in outside and _names(node) & probed.inside}
    if not outside and not handed:
        return Cut((model,), {})
    while True:
        stages = _Stages(flow, inside, set(outside), model.graph.outputs)
        parts = [stages.part(model, number, probed.shapes) for number in stages.of_integers()]
        fresh = _not_worth_it(parts) | _ends_in_shares(parts)
        if not fresh:
            reasons = {_first(node): why for node, why in outside.items()}
            return Cut(tuple(part.model for part in parts), reasons | handed)
        outside |= fresh
        inside -= set(fresh)


@dataclass(frozen=True)
class _Part:
    """A stage in integers: its operators, what they make for others, and the network that they are."""

    nodes: tuple[ir.Node, ...]
    outputs: tuple[ir.Value, ...]
    model: ir.Model


class _Stages:
    """The stage of every operator, and what one stage wants of another."""

    def __init__(self, flow: Flow, inside: set[ir.Node], outside: set[ir.Node], outputs: Sequence[ir.Value]) -> None:
        self._flow = flow
        self._placed = inside | outside  # all other operators run wherever somebody needs them
        self._number: dict[ir.Node, int] = {}
        for node, reads in flow.reads.items():
            makers = [value.producer() for value in reads if value.producer() is not None]
            least = max((self._number[maker] for maker in makers), default=0)
            is_other = node in self._placed and least % 2 != (node in outside)
            self._number[node] = least + is_other
        self._wanted: dict[int, list[ir.Value]] = {}
        self._demand(outputs)

    def of_integers(self) -> list[int]:
        """Return the numbers of the stages in integers."""
        return sorted(number for number in self._wanted if number % 2 == 0)

    def part(self, model: ir.Model, number: int, shapes: Mapping[str, tuple[int, ...]]) -> _Part:
        """Return a stage as a network of its own."""
        outputs, needed = self._wanted[number], self._needed(number)
        given = {name: (FLOAT, len(shape) + 1) for name, shape in shapes.items()}  # what is read is looked up in it
        return _Part(tuple(needed), tuple(outputs), extract(model, self._flow, needed, outputs, given))

    def _demand(self, outputs: Iterable[ir.Value]) -> None:
        """Find what every stage has to make: the last one first, since it wants something of those before."""
        self._want(outputs)
        for number in range(max(self._number.values(), default=0) + 1, -1, -1):
            if number in self._wanted:
                self._want(self._read(self._needed(number)))

    def _want(self, values: Iterable[ir.Value]) -> None:
        for value in values:
            node = value.producer()
            if node is None:
                continue
            number = self._number[node]
            is_placed_nowhere = node not in self._placed and number % 2 == 0
            wanted = self._wanted.setdefault(number + is_placed_nowhere, [])
            if value not in wanted:
                wanted.append(value)

    def _needed(self, number: int) -> list[ir.Node]:
        given = {value for node in self._placed if self._number[node] != number for value in node.outputs}
        return self._flow.needed(self._wanted[number], given)

    def _read(self, nodes: list[ir.Node]) -> list[ir.Value]:
        """Return what operators read and don't make themselves."""
        made = {value for node in nodes for value in node.outputs}
        read = dict.fromkeys(value for node in nodes for value in self._flow.reads[node] if value not in made)
        return [value for value in read if not value.is_initializer()]


def _by_node(flow: Flow, refused: Mapping[str, str]) -> dict[ir.Node, str]:
    found = {}
    for node in flow.reads:
        names = _names(node) & refused.keys()
        if names:
            found[node] = refused[min(names)]
    return found


def _not_worth_it(parts: Sequence[_Part]) -> dict[ir.Node, str]:
    """Return the operators of parts without weights: going back and forth would cost more than it saves."""
    idle = [part for part in parts if not any(node.op_type in WEIGHTED for node in part.nodes)]
    reason = "it stands between operators in floats, and no layer with weights beside it"
    return {node: f"operator {node.op_type} '{_first(node)}': {reason}" for part in idle for node in part.nodes}


def _ends_in_shares(parts: Sequence[_Part]) -> dict[ir.Node, str]:
    """Return each Softmax that ends a part: in floats it costs little, and nothing is rounded."""
    ends = [value.producer() for part in parts for value in part.outputs]
    reason = "a Softmax at the end of a part runs in floats"
    return {node: f"operator {node.op_type} '{_first(node)}': {reason}" for node in ends if is_softmax(node)}


def _names(node: ir.Node) -> set[str]:
    return {value.name for value in node.outputs}


def _first(node: ir.Node) -> str:
    return node.outputs[0].name
