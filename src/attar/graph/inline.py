"""Put the bodies of model functions where they are called, so that the weights in them are weights of the network."""

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import InlinePass, NameFixPass

from ..errors import ModelError, first_line


def inline_functions(model: ir.Model) -> ir.Model:
    """Return `model` with its functions inlined; one whose operators mean something else in the model's opsets stays.

    Raises:
        ModelError: functions that call each other in a circle, or calls that don't fit.
    """
    if not any(_fits(model, function) for function in model.functions.values()):
        return model
    copy = model.clone()
    fitting = [function for function in copy.functions.values() if _fits(copy, function)]
    for function in fitting:
        function.opset_imports.update({d: v for d, v in copy.opset_imports.items() if d in function.opset_imports})
    try:
        InlinePass(lambda function: function in fitting)(copy)
    except (ir.passes.PassError, ir.passes.InvariantError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"the functions of the network cannot be inlined: {first_line(error)}") from error
    NameFixPass()(copy)  # the bodies of branches keep their names, which the callers' may be too
    return copy


def _fits(model: ir.Model, function: ir.Function) -> bool:
    """Whether every operator of `function` is the same one in the opsets of `model`."""
    if any(a.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS) for a in function.attributes.values()):
        return False
    ours, theirs = model.opset_imports, function.opset_imports
    moved = {domain for domain, version in theirs.items() if ours.get(domain, version) != version}
    nodes = (node for node in function.all_nodes() if node.domain in moved)
    return all(_since(node, ours[node.domain]) == _since(node, theirs[node.domain]) for node in nodes)


def _since(node: ir.Node, version: int) -> int | None:
    """Return the version that brought the operator as it is in `version`, or the version itself of unknown ones."""
    try:
        return onnx.defs.get_schema(node.op_type, version, node.domain).since_version
    except onnx.defs.SchemaError:
        return version
