"""Bring a network to an opset that has what is written: scales by channel from 13 on, 4 and 16 bits from 21 on."""

import onnx
import onnx_ir as ir

from ....errors import ModelError, first_line
from ....graph import serialize

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
