"""How values flow through a graph: who reads what (subgraphs included), what a value needs, what depends on it."""

from collections.abc import Container, Iterable, Iterator

import onnx_ir as ir


def sources(graph: ir.Graph) -> list[ir.Value]:
    """Return the inputs that a caller has to give; an old file lists its weights among the inputs too."""
    return [value for value in graph.inputs if not value.is_initializer()]


def steady_outputs(graph: ir.Graph) -> set[str]:
    """Return the names of outputs that depend on no input: initializers handed out, and what is made of them."""
    given = sources(graph)
    flowing = Flow(graph).behind(given) | set(given)
    return {value.name for value in graph.outputs if value not in flowing}


class Flow:
    """The wiring of one graph; a node with subgraphs counts as one that also reads what its subgraphs capture.

    Attributes:
        reads: the graph's values that a node reads, by node in topological order.
        readers: the nodes that read a value; nothing for a value that nobody reads.
    """

    def __init__(self, graph: ir.Graph) -> None:
        self.reads: dict[ir.Node, tuple[ir.Value, ...]] = {}
        self.readers: dict[ir.Value, list[ir.Node]] = {}
        for node in graph:
            self.reads[node] = tuple(dict.fromkeys(value for value in _read_by(node) if value.graph is graph))
            for value in self.reads[node]:
                self.readers.setdefault(value, []).append(node)

    def needed(self, outputs: Iterable[ir.Value], given: Container[ir.Value]) -> list[ir.Node]:
        """Return, in topological order, the nodes that make `outputs` out of `given`, graph inputs and initializers."""
        found: set[ir.Node] = set()
        open_values = list(outputs)
        while open_values:
            value = open_values.pop()
            node = None if value in given else value.producer()
            if node is not None and node not in found:
                found.add(node)
                open_values += self.reads[node]
        return [node for node in self.reads if node in found]

    def behind(self, values: Iterable[ir.Value]) -> set[ir.Value]:
        """Return all values that depend on one of `values`, themselves left out."""
        found: set[ir.Value] = set()
        open_values = list(values)
        while open_values:
            for node in self.readers.get(open_values.pop(), ()):
                fresh = [value for value in node.outputs if value not in found]
                found.update(fresh)
                open_values += fresh
        return found


def _read_by(node: ir.Node) -> Iterator[ir.Value]:
    yield from (value for value in node.inputs if value is not None)
    for graph in subgraphs(node):
        yield from graph.outputs  # a branch may hand an outer value through
        for inner in graph:
            yield from _read_by(inner)


def subgraphs(node: ir.Node) -> Iterator[ir.Graph]:
    """Yield the graphs that a node holds as attributes."""
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            yield attribute.as_graph()
        elif attribute.type == ir.AttributeType.GRAPHS:
            yield from attribute.as_graphs()
