"""Take some operators of a network out as a network of its own, with no more than the weights that they read."""

from collections.abc import Mapping, Sequence

import onnx_ir as ir

from .flow import Flow

Described = tuple[ir.DataType, int]  # element type and number of axes


def extract(
    model: ir.Model, flow: Flow, nodes: Sequence[ir.Node], outputs: Sequence[ir.Value], given: Mapping[str, Described]
) -> ir.Model:
    """Return the network of `nodes`; what they read and don't make themselves becomes an input.

    Tensors are shared with `model`, not copied.

    Args:
        nodes: operators of the model's graph in topological order.
        outputs: values that they make.
        given: types of inner values that become inputs, which the graph may not tell; by name.
    """
    made = {value for node in nodes for value in node.outputs}
    read = dict.fromkeys(value for node in nodes for value in flow.reads[node] if value not in made)
    graph = ir.GraphView(
        [value for value in read if not value.is_initializer()],
        outputs,
        nodes=nodes,
        initializers=[value for value in read if value.is_initializer()],
        opset_imports=model.graph.opset_imports,
        name=model.graph.name,
    ).clone()
    for value in graph.inputs:
        if value.name in given:
            _describe(value, *given[value.name])
    return ir.Model(graph, ir_version=model.ir_version, functions=tuple(model.functions.values()))


def _describe(value: ir.Value, dtype: ir.DataType, rank: int) -> None:
    value.type = ir.TensorType(dtype)
    value.shape = ir.Shape([None] * rank)
