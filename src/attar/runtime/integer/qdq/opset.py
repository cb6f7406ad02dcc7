"""Bring a network to an opset that has what is written: scales by channel from 13 on, 4 and 16 bits from 21 on."""

from collections.abc import Mapping

import numpy as np
import onnx
import onnx_ir as ir

from ....errors import ModelError, first_line
from ....graph import serialize
from ....numerics.formats import Format
from ..endings import is_softmax
from ..operands import only_reader

BY_CHANNEL, ALL_TYPES = 13, 21
IR_VERSION = {ALL_TYPES: 10}  # the first that has the types


def at_opset(model: ir.Model, opset: int) -> ir.Model:
    """Return `model` converted to `opset`, itself where it has that or a later one.

    Raises:
        ModelError: onnx cannot convert one of its operators.
    """
    found = model.opset_imports.get("", model.opset_imports.get("ai.onnx", 0))
    if found >= opset:
        return model
    try:
        proto = onnx.version_converter.convert_version(onnx.load_from_string(serialize(model)), opset)
    except Exception as error:  # the converter raises a family of types without a common base
        raise ModelError(
            f"the network cannot be converted from opset {found} to {opset}: {first_line(error)}"
        ) from error
    converted = ir.from_proto(proto)
    converted.ir_version = max(converted.ir_version, model.ir_version, IR_VERSION.get(opset, 0))
    return converted


def with_new_names(model: ir.Model, formats: Mapping[str, Format]) -> dict[str, Format]:
    """Return `formats` with those of tensors that a conversion put in: of a Softmax over several axes, made of three.

    The last of the three, a Reshape, gets a constant for its extents, in place.
    """
    found = dict(formats)
    for node in model.graph:
        reader = only_reader(node.outputs[0]) if is_softmax(node) and node.outputs[0].name not in found else None
        if reader is None or reader.op_type != "Reshape" or reader.outputs[0].name not in found:
            continue
        found[node.outputs[0].name] = found[reader.outputs[0].name]
        extents = tuple(reader.outputs[0].shape or ())[1:]
        if all(isinstance(extent, int) for extent in extents):
            tensor = ir.tensor(np.array([-1, *extents]), name=f"{reader.outputs[0].name}/extents")
            value = ir.Value(name=tensor.name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor)
            model.graph.register_initializer(value)
            reader.replace_input_with(1, value)
    return found
