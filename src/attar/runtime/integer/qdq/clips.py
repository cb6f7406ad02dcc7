"""Widths between those of ONNX's types: a Clip in front of a QuantizeLinear keeps the integers within fewer bits."""

import numpy as np
import onnx_ir as ir

from ....numerics.formats import FEWEST_BITS, Format
from ..lowering.site import clamp_limits
from ..steps import limits_of


def narrowed(node: ir.Node, form: Format) -> Format | None:
    """Return the format of fewer bits that a Clip leaves of `form`; None of all else.

    Its limits have to be the ends of that format, and nobody else may read what it clips.
    """
    limits = limits_of(node) if node.op_type == "Clip" else None
    if limits is None or len(node.inputs[0].uses()) != 1 or node.outputs[0].is_graph_output():
        return None
    ends = clamp_limits(form, limits)
    for bits in range(FEWEST_BITS, form.bits):
        narrow = Format(bits, form.signed, form.scale, form.zero)
        if (narrow.low, narrow.high) == ends and narrow.low <= narrow.zero <= narrow.high:
            return narrow
    return None


def limits_for(form: Format) -> tuple[np.float32, np.float32]:
    """Return the numbers at both ends of a format, what a Clip in front of a wider type is given."""
    low, high = ((end - form.zero) * form.scale for end in (form.low, form.high))
    return np.float32(low), np.float32(high)
