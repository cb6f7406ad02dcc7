"""Make inner tensors visible as outputs, so that whoever runs the graph can see them."""

import onnx_ir as ir


def expose(model: ir.Model, tensors: list[str]) -> ir.Model:
    """Return a copy of `model` whose outputs are exactly the tensors named, inner ones and graph inputs alike."""
    copy = model.clone()
    values = {value.name: value for value in copy.graph.inputs}
    values |= {value.name: value for node in copy.graph for value in node.outputs if value.name}
    copy.graph.outputs[:] = [values[name] for name in tensors]
    return copy
