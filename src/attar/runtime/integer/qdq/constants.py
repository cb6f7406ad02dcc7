"""Constants behind DequantizeLinear: their integers and steps, through whatever only moves them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from ....graph.operators import is_default_domain
from ..steps import numbers
from .parameters import BITS, Parameters, is_dequantizer, is_quantizer, parameters_of, refusal


@dataclass(frozen=True, eq=False)
class OnGrid:
    """Numbers that are integers times steps.

    Attributes:
        integers: int64, zero points taken off. steps: float32, of the same shape or broadcast to it.
        zeros: int64, the zero points as if the type were signed: 0 is in the middle of an unsigned one.
        node: the DequantizeLinear.
    """

    integers: np.ndarray
    steps: np.ndarray
    zeros: np.ndarray
    node: ir.Node

    def values(self) -> np.ndarray:
        """Return the numbers, float64 and exact."""
        return self.integers * self.steps.astype(np.float64)


class Constants:
    """Reads constants; each once."""

    def __init__(self) -> None:
        self._found: dict[ir.Value, np.ndarray | OnGrid | None] = {}

    def on_grid(self, value: ir.Value) -> OnGrid | None:
        """Return a constant that a DequantizeLinear made; None of all else."""
        found = self._read(value)
        return found if isinstance(found, OnGrid) else None

    def _read(self, value: ir.Value) -> np.ndarray | OnGrid | None:
        if value not in self._found:
            self._found[value] = self._computed(value)
        return self._found[value]

    def _computed(self, value: ir.Value) -> np.ndarray | OnGrid | None:
        values, node = numbers(value), value.producer()
        if values is not None or node is None or not node.inputs or node.inputs[0] is None:
            return values
        is_pair = is_quantizer(node) or is_dequantizer(node)
        if not is_pair and not (node.op_type in MOVES and is_default_domain(node)):
            return None
        source = self._read(node.inputs[0])
        if source is None or not is_pair:
            return None if source is None else _moved(source, node)
        parameters = parameters_of(node)
        if isinstance(source, OnGrid):
            source = source.values()
        return _dequantized(source, parameters) if is_dequantizer(node) else _quantized(source, parameters)


def _dequantized(integers: np.ndarray, parameters: Parameters) -> OnGrid:
    if integers.dtype.kind == "f":
        raise refusal(parameters.node, f"its integers are {integers.dtype} numbers")
    zeros, steps = (_along(parameters, integers, values) for values in (parameters.zeros, parameters.scales))
    bits, signed = BITS.get(parameters.dtype, (0, True))
    middle = 0 if signed else 2 ** (bits - 1)
    return OnGrid(integers.astype(np.int64) - zeros, steps, zeros - middle, parameters.node)


def _quantized(values: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Return what a QuantizeLinear makes of constants: half to even of one float32 division, saturated."""
    if parameters.dtype not in BITS or not np.isfinite(values).all():
        raise refusal(parameters.node, f"constants as {parameters.dtype.name}, or ones that are not finite")
    bits, signed = BITS[parameters.dtype]
    low = -(2 ** (bits - 1)) if signed else 0
    zeros, steps = (_along(parameters, values, each) for each in (parameters.zeros, parameters.scales))
    return np.clip(np.rint(values.astype(np.float32) / steps) + zeros, low, low + 2**bits - 1).astype(np.int64)


def _along(parameters: Parameters, values: np.ndarray, each: np.ndarray) -> np.ndarray:
    """Return scales or zero points, broadcast to the shape of `values`."""
    wide = parameters.along(values.ndim, each)
    if any(extent not in (1, other) for extent, other in zip(wide.shape, values.shape, strict=True)):
        raise refusal(parameters.node, f"{each.size} scales along axis {parameters.axis} of {values.shape}")
    return np.broadcast_to(wide, values.shape)


def _moved(source: np.ndarray | OnGrid, node: ir.Node) -> np.ndarray | OnGrid | None:
    operand = numbers(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] is not None else None
    if len(node.inputs) > 1 and node.inputs[1] is not None and operand is None:
        return None  # a shape that is computed

    def move(values: np.ndarray) -> np.ndarray:
        return MOVES[node.op_type](values, node.attributes, operand)

    try:
        if isinstance(source, OnGrid):
            parts = {name: move(getattr(source, name)) for name in ("integers", "steps", "zeros")}
            return replace(source, **parts)
        return move(source)
    except (ValueError, IndexError) as error:  # of a shape that does not fit
        raise refusal(node, f"it cannot move its constant: {error}") from error


def _transposed(values: np.ndarray, attributes: Mapping, _: np.ndarray | None) -> np.ndarray:
    return values.transpose(attributes.get_ints("perm", tuple(reversed(range(values.ndim)))))


def _reshaped(values: np.ndarray, attributes: Mapping, shape: np.ndarray | None) -> np.ndarray:
    keeps_zero = not attributes.get_int("allowzero", 0)
    wanted = [] if shape is None else [int(extent) for extent in shape.reshape(-1)]
    return values.reshape([values.shape[i] if keeps_zero and not extent else extent for i, extent in enumerate(wanted)])


def _flattened(values: np.ndarray, attributes: Mapping, _: np.ndarray | None) -> np.ndarray:
    axis = attributes.get_int("axis", 1)
    return values.reshape(int(np.prod(values.shape[: axis or 0])), -1)


def _squeezed(values: np.ndarray, attributes: Mapping, axes: np.ndarray | None) -> np.ndarray:
    return np.squeeze(values, _axes(attributes, axes))


def _unsqueezed(values: np.ndarray, attributes: Mapping, axes: np.ndarray | None) -> np.ndarray:
    return np.expand_dims(values, _axes(attributes, axes) or ())


def _axes(attributes: Mapping, axes: np.ndarray | None) -> tuple[int, ...] | None:
    given = attributes.get_ints("axes", None) if axes is None else axes.reshape(-1)
    return None if given is None else tuple(int(axis) for axis in given)


MOVES: dict[str, Callable[[np.ndarray, Mapping, np.ndarray | None], np.ndarray]] = {
    "Identity": lambda values, _, __: values,
    "Transpose": _transposed,
    "Reshape": _reshaped,
    "Flatten": _flattened,
    "Squeeze": _squeezed,
    "Unsqueeze": _unsqueezed,
}
