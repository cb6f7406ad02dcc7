"""The types of integers that a file holds: 4, 8 or 16 bits, the least that a width fits."""

import ml_dtypes
import numpy as np
import onnx_ir as ir

from ....numerics.accumulators import signed_bits
from ....numerics.formats import Format
from ..lower import Lowered
from ..program import Weighted

TYPES = {  # of integers, by width and sign
    (4, True): (ir.DataType.INT4, ml_dtypes.int4),
    (8, True): (ir.DataType.INT8, np.int8),
    (8, False): (ir.DataType.UINT8, np.uint8),
    (16, True): (ir.DataType.INT16, np.int16),
    (16, False): (ir.DataType.UINT16, np.uint16),
}
WIDTHS = (4, 8, 16)


def activation_width(form: Format) -> int:
    """Return the width of the type that an activation is stored in.

    8 bits at least: onnxruntime 1.32 hands activations of 4 bits to operators of its own that do not know them.
    """
    return max(_stored(form.bits), 8)


def without_sign(form: Format) -> Format:
    """Return the unsigned format of as many bits that means the same numbers: its integers are q - the least of q."""
    return Format(form.bits, False, form.scale, form.zero - form.low)


def weight_width(done: Lowered, output: str) -> int:
    """Return the width of the type that the weights of the step with this output are stored in."""
    operators = {operator.output: operator for operator in done.program.operators}
    found, integers = operators.get(output), done.chosen[output][0]
    planned = found.weight_bits if isinstance(found, Weighted) else 0
    return _stored(max(planned, signed_bits(int(integers.min(initial=0)), int(integers.max(initial=0)))))


def all_widths(done: Lowered) -> set[int]:
    """Return the widths of all types that a program takes in a file."""
    held = {activation_width(tensor.format) for tensor in done.program.tensors.values()}
    return held | {weight_width(done, output) for output in done.chosen}


def _stored(bits: int) -> int:
    return next(width for width in WIDTHS if bits <= width)
