"""Make inner tensors visible as outputs, so that whoever runs the graph can see a layer's inputs."""

import onnx_ir as ir

MULTIPLYING = ("Conv", "ConvTranspose", "Gemm", "MatMul")  # each has its data as the first operand


def layer_inputs(model: ir.Model, names: list[str]) -> dict[str, str]:
    """Return, for weight layers read by one operator as second operand, the name of the tensor that they multiply."""
    found = {}
    for name in names:
        uses = model.graph.initializers[name].uses()
        if (
            len(uses) != 1
            or uses[0].node.op_type not in MULTIPLYING
            or uses[0].idx != 1
            or uses[0].node.inputs[0] is None
        ):
            continue
        value = uses[0].node.inputs[0]
        if value.is_initializer() or uses[0].node.graph is not model.graph:
            continue  # nothing that flows, or nothing that can be seen from outside
        if not uses[0].node.attributes.get_int("transA", 0):  # its samples would lie along the second axis
            found[name] = value.name
    return found


def expose(model: ir.Model, tensors: list[str]) -> ir.Model:
    """Return a copy of `model` whose outputs are exactly the tensors named, inner ones and graph inputs alike."""
    copy = model.clone()
    values = {value.name: value for value in copy.graph.inputs}
    values |= {value.name: value for node in copy.graph for value in node.outputs if value.name}
    copy.graph.outputs[:] = [values[name] for name in tensors]
    return copy
