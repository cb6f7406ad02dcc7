"""Bring constants up: what Constant operators and the bodies of If, Loop and Scan hold becomes a top-level initializer.

A body may read every value of the graph around it, so that nothing changes but the place where the numbers are kept.
"""

from collections import Counter
from collections.abc import Iterator

import onnx_ir as ir

from .operators import constant_of, is_default_domain

SMALLEST = 16  # shorter vectors are shapes, axes and scalars, which some operators want to find beside them


def hoist_constants(model: ir.Model) -> None:
    """Make every matrix, and every vector of 16 numbers or more, an initializer of the main graph, in place.

    What is an output of its body stays there, and so does the body of an operator that ONNX doesn't define.
    """
    taken = Counter(value.name for graph in model.graphs() for value in _values(graph))
    for graph in (model.graph, *_bodies(model.graph)):
        for node in graph:
            if _is_constant(node):
                _lift(model, node, taken)
        if graph is not model.graph:
            _move_up(model, graph, taken)


def is_large(tensor: ir.TensorProtocol) -> bool:
    """Whether a constant can be a layer's weights."""
    return tensor.size >= SMALLEST or len(tensor.shape) >= 2


def _values(graph: ir.Graph) -> Iterator[ir.Value]:
    yield from {id(value): value for value in (*graph.inputs, *graph.initializers.values())}.values()
    yield from (value for node in graph for value in node.outputs)


def _bodies(graph: ir.Graph) -> Iterator[ir.Graph]:
    for node in graph:
        if not is_default_domain(node):
            continue
        for attribute in node.attributes.values():
            if attribute.type == ir.AttributeType.GRAPH:
                yield attribute.as_graph()
                yield from _bodies(attribute.as_graph())


def _is_constant(node: ir.Node) -> bool:
    return node.op_type == "Constant" and is_default_domain(node) and not node.outputs[0].is_graph_output()


def _lift(model: ir.Model, node: ir.Node, taken: Counter[str]) -> None:
    old = node.outputs[0]
    tensor = constant_of(old)
    if tensor is None or not is_large(tensor):
        return
    name = _unique(old.name, taken)
    copy = _named(tensor, name)
    value = ir.Value(name=name, shape=copy.shape, type=ir.TensorType(copy.dtype), const_value=copy)
    value.metadata_props.update(old.metadata_props)
    old.replace_all_uses_with(value)
    node.graph.remove(node, safe=True)
    model.graph.register_initializer(value)


def _move_up(model: ir.Model, graph: ir.Graph, taken: Counter[str]) -> None:
    for value in tuple(graph.initializers.values()):
        fixed = value.is_graph_input() or value.is_graph_output() or value.const_value is None
        if not fixed and is_large(value.const_value):
            del graph.initializers[value.name]
            name = _unique(value.name, taken)
            if name != value.name:
                value.const_value = _named(value.const_value, name)
            value.name = name
            model.graph.register_initializer(value)


def _named(tensor: ir.TensorProtocol, name: str) -> ir.TensorProtocol:
    """Return a copy of another name; a tensor that came from a protobuf would write the name into it."""
    return ir.tensor(tensor.numpy(), dtype=tensor.dtype, name=name)


def _unique(name: str, taken: Counter[str]) -> str:
    """Return `name`, or one like it where other values of any graph are called so too."""
    if taken[name] < 2:
        return name
    taken[name] -= 1
    number = next(n for n in range(1, taken.total() + 2) if not taken[f"{name}_{n}"])
    taken[f"{name}_{number}"] += 1
    return f"{name}_{number}"
