"""Functions that exporters spell out: several operators that together are a function of one number.

x Sigmoid(x), the GELU with an Erf or a Tanh, Clip(x + 3, 0, 6) x / 6, x Tanh(Softplus(x)) are found by one rule:
operators that work number by number, beside constants that are single numbers, whose pieces nobody else reads, and into
which a single tensor flows.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ...graph.operators import is_default_domain
from .functions import FUNCTIONS
from .operands import flowing, limits_of, numbers

ARITHMETIC: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Pow": np.power,
}


@dataclass(frozen=True)
class Function:
    """A function of one number: the tensor that flows in, and its operators in their order, the last one included."""

    source: ir.Value
    pieces: tuple[ir.Node, ...]

    @property
    def needs_table(self) -> bool:
        """Whether one of its operators is nothing but a table by itself."""
        return any(_is_function(node) for node in self.pieces)

    def values(self, x: np.ndarray) -> np.ndarray:
        """Return the function of x, float64; NaN where it has no value."""
        held = {self.source: x}
        with np.errstate(all="ignore"):
            for node in self.pieces:
                held[node.outputs[0]] = _piece_values(node, held)
        return held[self.pieces[-1].outputs[0]]


def functions(
    nodes: Sequence[ir.Node], is_taken_in: Callable[[ir.Value], bool], rounded: Container[str] = ()
) -> dict[ir.Node, Function]:
    """Return the functions among `nodes` (in topological order), each as large as can be, by its last operator.

    A Clip without limits is no piece of one: it stands where a format changes.

    is_taken_in: whether the only operator that reads a tensor goes into the one in front; it is no function's then.
    rounded: names of tensors that no function takes in, since they are rounded to a format of their own.
    """
    place = {node: number for number, node in enumerate(nodes)}
    kinds = {node: _kinds(node) for node in nodes if _is_piece(node)}  # once: a chain is walked from each of its links
    found: dict[ir.Node, Function] = {}
    taken: set[ir.Node] = set()
    for node in reversed(nodes):
        function = None if node in taken or node not in kinds else _grown(node, place, kinds, is_taken_in, rounded)
        if function is not None:
            found[node] = function
            taken |= set(function.pieces)
    return found


def _grown(
    last: ir.Node,
    place: Mapping[ir.Node, int],
    kinds: Mapping[ir.Node, frozenset[str]],
    is_taken_in: Callable[[ir.Value], bool],
    rounded: Container[str],
) -> Function | None:
    """Return the largest function that ends with `last`; None where there is none.

    Of the tensors that flow in, the one that is made last is taken in first: whatever else it depends on comes before.
    """
    pieces, sources, best, worth = {last}, set(flowing(last)), None, set(kinds[last])
    while True:
        latest = max(sources, key=lambda value: place.get(value.producer(), -1))
        fits = len(sources) == 1 and latest.shape is not None and latest.shape == last.outputs[0].shape
        if fits and _are_worth_a_table(worth) and not is_taken_in(latest):
            best = Function(latest, tuple(sorted(pieces, key=place.__getitem__)))
        node = latest.producer()
        if latest.name in rounded or node not in kinds or not _is_read_by(latest, pieces):
            return best
        pieces.add(node)
        worth |= kinds[node]
        sources = sources - {latest} | set(flowing(node))


def _is_piece(node: ir.Node) -> bool:
    if not is_default_domain(node) or not any(flowing(node)):
        return False
    if node.op_type in ARITHMETIC:
        flows = set(flowing(node))
        return all(value in flows or _scalar(value) is not None for value in node.inputs)
    return node.op_type in FUNCTIONS or limits_of(node) not in (None, (-np.inf, np.inf))


def _kinds(node: ir.Node) -> frozenset[str]:
    """Return what a piece is of that which makes a function worth a table."""
    is_product = node.op_type == "Mul" and len(list(flowing(node))) == 2
    facts = {"function": _is_function(node), "product": is_product, "clamp": limits_of(node) is not None}
    return frozenset(kind for kind, is_so in facts.items() if is_so)


def _are_worth_a_table(kinds: set[str]) -> bool:
    """Whether these are more than sums and products with constants and a clamp, which need no table."""
    return "function" in kinds or {"product", "clamp"} <= kinds


def _is_function(node: ir.Node) -> bool:
    """Whether `node` by itself is a function that only a table computes."""
    return is_default_domain(node) and (node.op_type in FUNCTIONS or (node.op_type == "Pow" and _is_piece(node)))


def _is_read_by(value: ir.Value, nodes: set[ir.Node]) -> bool:
    return not value.is_graph_output() and all(use.node in nodes for use in value.uses())


def _scalar(value: ir.Value | None) -> np.ndarray | None:
    values = numbers(value)
    return None if values is None or values.size != 1 else values.astype(np.float64).reshape(())


def _piece_values(node: ir.Node, held: Mapping[ir.Value, np.ndarray]) -> np.ndarray:
    if node.op_type in ARITHMETIC:
        left, right = (held[value] if value in held else _scalar(value) for value in node.inputs)
        return ARITHMETIC[node.op_type](left, right)
    x = held[next(flowing(node))]
    limits = limits_of(node)
    return FUNCTIONS[node.op_type](x, node) if limits is None else np.clip(x, *limits)
