"""Names that attar makes up: none may be in use already, be it by a value, a node or inside of a branch."""

from collections.abc import Iterator

import onnx_ir as ir


def taken_names(model: ir.Model) -> set[str]:
    """Return every name in a network: of values, initializers and nodes, in branches and functions too."""
    names = set(model.graph.initializers)
    for graph in model.graphs():
        names |= set(graph.initializers) | {value.name for value in (*graph.inputs, *graph.outputs)}
    for node in _nodes(model):
        names |= {node.name, *(value.name for value in (*node.inputs, *node.outputs) if value is not None)}
    for function in model.functions.values():
        names |= {value.name for value in function.inputs}
    return {name for name in names if name}


def fresh_name(wanted: str, taken: set[str]) -> str:
    """Return `wanted`, or one like it where that is taken, and take it."""
    name, number = wanted, 0
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name


def _nodes(model: ir.Model) -> Iterator[ir.Node]:
    yield from ir.traversal.RecursiveGraphIterator(model.graph)
    for function in model.functions.values():
        yield from function.all_nodes()
