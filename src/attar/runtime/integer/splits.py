"""A Split becomes Slices, so that every step of a network writes one tensor."""

import numpy as np
import onnx_ir as ir

from ...graph.names import fresh_name, taken_names
from ...graph.operators import is_default_domain

SLICE_BY_INPUTS = 10  # the first opset whose Slice reads where to cut


def take_apart(model: ir.Model) -> None:
    """Replace every Split of `model`, which is changed, whose parts have a known extent; others stay as they are."""
    by_inputs = model.opset_imports.get("", SLICE_BY_INPUTS) >= SLICE_BY_INPUTS
    taken = taken_names(model)
    for node in list(model.graph):
        if node.op_type == "Split" and is_default_domain(node) and (extents := _extents(node)):
            _replace(model.graph, node, extents, taken if by_inputs else None)


def _extents(node: ir.Node) -> list[int]:
    """Return how many cells each part has along the axis; none where one is not known."""
    axis = node.attributes.get_int("axis", 0)
    shapes = [output.shape for output in node.outputs]
    extents = [None if shape is None else shape[axis] for shape in shapes]
    return extents if all(isinstance(extent, int) for extent in extents) else []


def _replace(graph: ir.Graph, node: ir.Node, extents: list[int], taken: set[str] | None) -> None:
    """Put Slices in the place of a Split; where to cut, they read from tensors with names not `taken`, if given."""
    axis, ends = node.attributes.get_int("axis", 0), np.cumsum(extents).tolist()
    for output, extent, end in zip(list(node.outputs), extents, ends, strict=True):
        if not output.uses() and not output.is_graph_output():
            continue
        cut = {"starts": [end - extent], "ends": [end], "axes": [axis]}
        part = _slice(graph, node.inputs[0], output.name, cut, taken)
        graph.insert_before(node, part)
        part.outputs[0].shape, part.outputs[0].type = output.shape, output.type
        output.replace_all_uses_with(part.outputs[0], replace_graph_outputs=True)
        part.outputs[0].name, output.name = output.name, None
    graph.remove(node, safe=True)


def _slice(graph: ir.Graph, source: ir.Value, name: str, cut: dict[str, list[int]], taken: set[str] | None) -> ir.Node:
    if taken is None:
        return ir.node("Slice", [source], attributes=cut)
    fields = {fresh_name(f"{name}/{field}", taken): values for field, values in cut.items()}
    places = [ir.tensor(np.array(values, np.int64), name=field) for field, values in fields.items()]
    held = [
        ir.Value(name=place.name, const_value=place, shape=place.shape, type=ir.TensorType(place.dtype))
        for place in places
    ]
    for value in held:
        graph.register_initializer(value)
    return ir.node("Slice", [source, *held])
