"""Cut a network at inner tensors: a face network at its feature layer, a detector before its boxes."""

import difflib

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass, ShapeInferencePass

from ..errors import ModelError


def cut(model: ir.Model, outputs: list[str]) -> ir.Model:
    """Return a copy of `model` whose outputs are the tensors named, without what they don't need.

    Raises:
        ModelError: no tensor has that name; the error suggests the nearest.
    """
    copy = model.clone()
    values = _tensors(copy)
    for name in outputs:
        if name not in values:
            near = difflib.get_close_matches(name, values, n=3)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise ModelError(f"no tensor '{name}' to cut at among the {len(values)} of the network{hint}")
    copy.graph.outputs[:] = [values[name] for name in outputs]
    RemoveUnusedNodesPass()(copy)
    copy.graph.inputs[:] = [value for value in copy.graph.inputs if value.uses() or value.is_graph_output()]
    ShapeInferencePass()(copy)  # an inner tensor may lack the type that an output needs
    return copy


def _tensors(model: ir.Model) -> dict[str, ir.Value]:
    return {value.name: value for node in model.graph for value in node.outputs if value.name}
