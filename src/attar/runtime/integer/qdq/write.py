"""A network in floats with formats as a QDQ model, which other runtimes run in integers or imitate in floats."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass, ShapeInferencePass

from ....graph.flow import sources
from ....graph.operators import output_channel_axis
from ....numerics.formats import Format
from ..lower import Lowered, lowered
from ..schemes import FixedPoint, Scheme
from ..steps import Step
from ..weights import Given
from .biases import stored
from .clips import limits_for
from .opset import ALL_TYPES, BY_CHANNEL, at_opset
from .softmax import with_softmax
from .widths import TYPES, activation_width, all_widths, weight_width


def to_qdq(
    model: ir.Model,
    formats: Mapping[str, Format],
    scheme: Scheme = FixedPoint(),
    *,
    weights: Given | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> ir.Model:
    """Return a QDQ model with the formats, the weights' integers and the biases of the program that `lower` makes.

    Every tensor of the program passes QuantizeLinear and DequantizeLinear, in 8 or 16 bits; widths below are kept by a
    Clip to the ends of the format. Weights take 4, 8 or 16 bits. Opset 13 at least; 21 where 4 or 16 bits occur.
    Arguments and errors are those of `lower`; `model` is untouched.
    """
    source = at_opset(model, BY_CHANNEL)
    done = lowered(source, formats, scheme, weights=weights, shapes=shapes)
    if any(width != 8 for width in all_widths(done)):
        source = at_opset(model, ALL_TYPES)
        done = lowered(source, formats, scheme, weights=weights, shapes=shapes)
    with_softmax(done.model, source)
    writer = _Writer(done)
    writer.weights()
    writer.activations()
    return _finished(writer.model, source)


class _Writer:
    """Puts pairs into the prepared network of a program."""

    def __init__(self, done: Lowered) -> None:
        self.model, self._done = done.model, done
        self._operators = {operator.output: operator for operator in done.program.operators}
        graph = done.model.graph
        named = {value.name for node in graph for value in node.outputs}
        self._taken = named | set(graph.initializers) | {value.name for value in graph.inputs}

    def weights(self) -> None:
        """Put integers behind all weights and biases."""
        for step in self._done.steps:
            if step.output.name in self._done.chosen:
                self._weights_of(step)

    def activations(self) -> None:
        """Put a pair behind every tensor of the program."""
        graph, program = self.model.graph, self._done.program
        values = {value.name: value for value in graph.inputs}
        values |= {value.name: value for node in graph for value in node.outputs}
        moved = {step.output.name for step in self._done.steps if step.keeps_format}
        for name, tensor in program.tensors.items():
            if name in values:  # not one that lowering put between two operators
                self._pair(values[name], tensor.format, is_new=name not in moved)

    def _weights_of(self, step: Step) -> None:
        integers, scales = self._done.chosen[step.output.name]
        node, width = step.node, weight_width(self._done, step.output.name)
        scales = scales * _taken_factor(node)
        axis = output_channel_axis(node, 1, integers.ndim)
        self._behind_pair(node, 1, integers, scales, TYPES[width, True], axis)
        reader, position = _bias_place(step)
        if reader is not None:
            source = self._done.program.tensors[step.inputs[0].name].format
            bias, units = stored(self._operators[step.output.name].bias, scales.astype(np.float64) * source.scale)
            self._behind_pair(reader, position, bias, units, (ir.DataType.INT32, np.int32), 0)

    def _behind_pair(
        self,
        node: ir.Node,
        position: int,
        integers: np.ndarray,
        scales: np.ndarray,
        kind: tuple[ir.DataType, type],
        axis: int,
    ) -> None:
        """Let input `position` of `node` read a DequantizeLinear of integers, which gets the constant's name."""
        graph, old = self.model.graph, node.inputs[position]
        name = old.name
        is_last = len(old.uses()) == 1
        if is_last and old.is_initializer():
            del graph.initializers[name]
            self._taken.discard(name)
        elif is_last:
            old.name = self._free(f"{name}/float")
            self._taken.discard(name)
        is_one = (scales == scales[0]).all()
        operands = [
            self._initializer(f"{name}/integers", integers, kind),
            self._initializer(f"{name}/scale", scales[0] if is_one else scales, (ir.DataType.FLOAT, np.float32)),
        ]
        attributes = [] if is_one else [ir.AttrInt64("axis", axis)]
        result = self._node("DequantizeLinear", operands, self._free(name), attributes)
        graph.insert_before(node, result.producer())
        node.replace_input_with(position, result)

    def _pair(self, value: ir.Value, form: Format, *, is_new: bool) -> None:
        """Put QuantizeLinear and DequantizeLinear behind `value`, whose readers read what comes out."""
        graph, name, uses = self.model.graph, value.name, list(value.uses())
        width = activation_width(form)
        is_output = value.is_graph_output()
        if is_output:
            value.name = self._free(f"{name}/float")
            self._taken.discard(name)
        last = self._clipped(value, name, form) if is_new and form.bits != width else value
        kind = TYPES[width, form.signed]
        operands = [
            self._initializer(f"{name}/scale", np.asarray(form.scale), (ir.DataType.FLOAT, np.float32)),
            self._initializer(f"{name}/zero", np.asarray(form.zero), kind),
        ]
        integers = self._node("QuantizeLinear", [last, *operands], self._free(f"{name}/quantized"))
        result = self._node(
            "DequantizeLinear", [integers, *operands], self._free(name if is_output else f"{name}/dequantized")
        )
        clip = [] if last is value else [last.producer()]
        self._insert_behind(value, [*clip, integers.producer(), result.producer()])
        for use in uses:
            use.node.replace_input_with(use.idx, result)
        for number, output in enumerate(graph.outputs):
            if output is value:
                graph.outputs[number] = result
        result.type = ir.TensorType(ir.DataType.FLOAT)

    def _clipped(self, value: ir.Value, name: str, form: Format) -> ir.Value:
        """Return the result of a Clip to the ends of a format."""
        kind = (ir.DataType.FLOAT, np.float32)
        low, high = (np.asarray(limit) for limit in limits_for(form))
        ends = [self._initializer(f"{name}/low", low, kind), self._initializer(f"{name}/high", high, kind)]
        return self._node("Clip", [value, *ends], self._free(f"{name}/clipped"))

    def _insert_behind(self, value: ir.Value, nodes: list[ir.Node]) -> None:
        if value.producer() is None:
            self.model.graph.insert_before(self.model.graph[0], nodes)
        else:
            self.model.graph.insert_after(value.producer(), nodes)

    def _node(self, kind: str, inputs: list[ir.Value], name: str, attributes: list[ir.Attr] = ()) -> ir.Value:
        """Return the result, called `name`, of a new operator."""
        return ir.Node("", kind, inputs, list(attributes), outputs=[ir.Value(name=name)], name=name).outputs[0]

    def _initializer(self, name: str, values: np.ndarray, kind: tuple[ir.DataType, type]) -> ir.Value:
        dtype, array = kind
        free = self._free(name)
        tensor = ir.Tensor(np.asarray(values).astype(array, order="C"), dtype=dtype, name=free)
        value = ir.Value(name=free, shape=tensor.shape, type=ir.TensorType(dtype), const_value=tensor)
        self.model.graph.register_initializer(value)
        return value

    def _free(self, name: str) -> str:
        """Return `name`, or one like it where it is taken."""
        found, number = name, 1
        while found in self._taken:
            found, number = f"{name}/{number}", number + 1
        self._taken.add(found)
        return found


def _bias_place(step: Step) -> tuple[ir.Node | None, int]:
    """Return who reads the bias of a layer, and at which position; none where it has none."""
    node = step.node
    if step.bias is not None:
        (use,) = node.outputs[0].uses()
        return use.node, 1 - use.idx
    has_bias = node.op_type != "MatMul" and len(node.inputs) > 2 and node.inputs[2] is not None
    return (node, 2) if has_bias else (None, 0)


def _taken_factor(node: ir.Node) -> np.float32:
    """Return a Gemm's alpha, which the weights' scale takes; beta is in the integers of the bias."""
    alpha = np.float32(node.attributes.get_float("alpha", 1.0))
    for name in ("alpha", "beta"):
        node.attributes.pop(name, None)
    return alpha


def _finished(model: ir.Model, source: ir.Model) -> ir.Model:
    """Return the model with the shapes that the source leaves free, and what is no longer read taken out."""
    given = {value.name: value.shape for value in sources(source.graph)}
    for node in model.graph:
        for value in node.outputs:
            value.shape = None
    for value in model.graph.inputs:
        value.shape = given.get(value.name, value.shape)
    RemoveUnusedNodesPass()(model)
    ShapeInferencePass(check_type=False, strict_mode=False)(model)
    return model
