"""Put plain numbers where constants stand behind DequantizeLinear; weights keep their integers beside them.

Weights and operands become float32 initializers under the name of the DequantizeLinear's result. A bias becomes
float64, so that what it was in units of the accumulator can be told from it exactly: files hold the product of the two
scales rounded to float32.
"""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from ....graph.operators import is_default_domain, is_weight_position, output_channel_axis
from ....numerics.formats import Format
from ..weights import Given
from .biases import numbers_of
from .constants import Constants, OnGrid
from .parameters import refusal

BIAS = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2}  # the position of the bias


def take_weights(model: ir.Model, formats: Mapping[str, Format]) -> Given:
    """Strip `model`, in place, of DequantizeLinear of constants; return integers and steps of the weights, by name.

    Raises:
        ModelError: weights have a zero point, or scales that differ along other axes than that of the outputs.
    """
    taking = _Taking(model, formats)
    places = [
        (node, position)
        for node in model.graph
        if not taking.is_moved_on(node)
        for position, value in enumerate(node.inputs)
        if value is not None and taking.constants.on_grid(value) is not None
    ]
    biases = dict.fromkeys(place for place in places if _is_bias(*place))
    for place in biases:  # what a bias counts in is told by the weights, which are to be there still
        taking.bias(*place)
    for place in places:
        if place not in biases:
            taking.constant(*place)
    RemoveUnusedNodesPass()(model)
    return taking.given


class _Taking:
    """Replaces constants; remembers the weights among them."""

    def __init__(self, model: ir.Model, formats: Mapping[str, Format]) -> None:
        self.constants = Constants()
        self.given: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._model, self._formats = model, formats
        self._plain: dict[tuple[str, int | None], ir.Value] = {}

    def is_moved_on(self, node: ir.Node) -> bool:
        """Whether `node` is one of those between a constant and its reader."""
        return self.constants.on_grid(node.outputs[0]) is not None

    def constant(self, node: ir.Node, position: int) -> None:
        """Replace an input of `node`; it is kept with its integers where it holds weights."""
        value = node.inputs[position]
        held, axis = self.constants.on_grid(value), None
        if is_weight_position(node, position):
            axis = output_channel_axis(node, position, held.integers.ndim)
        if (value.name, axis) not in self._plain:
            is_first = value.name not in {name for name, _ in self._plain}
            name = value.name if is_first else f"{value.name}/{node.outputs[0].name}"
            if axis is not None:
                self.given[name] = held.integers, _steps(held, node, position)
            self._plain[value.name, axis] = self._initializer(name, held.values().astype(np.float32))
        node.replace_input_with(position, self._plain[value.name, axis])

    def bias(self, node: ir.Node, position: int) -> None:
        """Replace a bias by its numbers in float64."""
        value = node.inputs[position]
        held, layer = self.constants.on_grid(value), _layer(node, position)
        units = self._units(layer)
        if units is not None and units.size not in (1, held.integers.size):
            units = None  # one number for all outputs, or a bias that does not fit; lowering will tell
        if units is not None:
            units = np.broadcast_to(units, held.integers.size).reshape(held.integers.shape)
        values = numbers_of(held.integers, held.steps, units)
        if node.op_type == "Add":  # its first operand tells inference the type, which is not to be that of the bias
            node.replace_input_with(0, node.inputs[1 - position])
            position = 1
        node.replace_input_with(position, self._initializer(f"{value.name}/{node.outputs[0].name}", values))

    def _units(self, layer: ir.Node) -> np.ndarray | None:
        """Return what the accumulator of a layer counts in, (outputs,) or (1,), exact; None where it is not known."""
        attributes, form = layer.attributes, self._formats.get(layer.inputs[0].name)
        held = self.constants.on_grid(layer.inputs[1])
        if form is None or held is None or not is_weight_position(layer, 1):
            return None
        if attributes.get_float("alpha", 1.0) != 1 or attributes.get_float("beta", 1.0) != 1:
            return None
        return _steps(held, layer, 1).astype(np.float64) * form.scale

    def _initializer(self, name: str, values: np.ndarray) -> ir.Value:
        tensor = ir.tensor(np.ascontiguousarray(values), name=name)
        value = ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor)
        self._model.graph.initializers.pop(name, None)
        self._model.graph.register_initializer(value)
        return value


def _steps(held: OnGrid, node: ir.Node, position: int) -> np.ndarray:
    """Return the step of every output channel (outputs,), or the only one (1,)."""
    name, steps, zeros = node.inputs[position].name, held.steps, held.zeros.reshape(-1)
    if zeros.any():
        zero = int(zeros[np.argmax(zeros != 0)])
        raise refusal(node, f"its weights '{name}' have zero point {zero}, once they are signed; 0 alone is known")
    if steps.size == 0 or (steps == steps.reshape(-1)[0]).all():
        return steps.reshape(-1)[:1]
    axis = output_channel_axis(node, position, steps.ndim)
    rows = None if axis is None else np.moveaxis(steps, axis, 0).reshape(steps.shape[axis], -1)
    if rows is None or not (rows == rows[:, :1]).all():
        raise refusal(node, f"the scales of its weights '{name}' differ along other axes than that of the outputs")
    return rows[:, 0]


def _is_bias(node: ir.Node, position: int) -> bool:
    return is_default_domain(node) and _layer(node, position) is not None


def _layer(node: ir.Node, position: int) -> ir.Node | None:
    """Return the layer whose bias is input `position` of `node`: its own, or that of a MatMul with an Add behind."""
    if BIAS.get(node.op_type) == position:
        return node
    if node.op_type != "Add":
        return None
    other = node.inputs[1 - position]
    producer = other.producer() if other is not None else None
    return producer if producer is not None and producer.op_type == "MatMul" else None
