"""A network in floats with formats as a QDQ model, which other runtimes run in integers or imitate in floats."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveInitializersFromInputsPass, RemoveUnusedNodesPass, ShapeInferencePass

from ....graph.flow import sources
from ....graph.operators import constant_of, output_channel_axis
from ....numerics.formats import Format
from ..channels import groups_of, outputs_first
from ..endings import ends_of
from ..lower import Lowered, lowered
from ..prepare import prepare
from ..schemes import FixedPoint, Scheme
from ..steps import Step
from ..weights import Given
from .biases import stored
from .clips import limits_for
from .opset import ALL_TYPES, BY_CHANNEL, at_opset, with_new_names
from .softmax import with_softmax, without_softmax
from .widths import TYPES, activation_width, all_widths, weight_width, without_sign


def to_qdq(
    model: ir.Model,
    formats: Mapping[str, Format],
    scheme: Scheme = FixedPoint(),
    *,
    weights: Given | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    unsigned: bool = True,
) -> ir.Model:
    """Return a QDQ model with the formats, the weights' integers and the biases of the program that `lower` makes.

    Every tensor of the program passes QuantizeLinear and DequantizeLinear, in 8 or 16 bits; widths below are kept by a
    Clip to the ends of the format. Weights take 4, 8 or 16 bits. Opset 13 at least; 21 where 4 or 16 bits occur.
    Other arguments and errors are those of `lower`; `model` is untouched.

    Args:
        unsigned: write signed activations as unsigned ones that mean the same numbers, with which onnxruntime has
            more operators in integers on x86; else as they are.
    """
    ends = ends_of(model, prepare(model, shapes, kept=weights or {}))
    plain = without_softmax(model, ends)
    RemoveInitializersFromInputsPass()(plain)  # integers take their place, which no caller could override
    source = at_opset(plain, BY_CHANNEL)
    done = lowered(source, with_new_names(source, formats), scheme, weights=weights, shapes=shapes)
    if any(width != 8 for width in all_widths(done)):
        source = at_opset(plain, ALL_TYPES)
        done = lowered(source, with_new_names(source, formats), scheme, weights=weights, shapes=shapes)
    with_softmax(done.model, ends)
    writer = _Writer(done, unsigned=unsigned)
    writer.weights()
    writer.activations()
    return _finished(writer.model, source)


class _Writer:
    """Puts pairs into the prepared network of a program."""

    def __init__(self, done: Lowered, *, unsigned: bool) -> None:
        self.model, self._done, self._unsigned = done.model, done, unsigned
        self._operators = {operator.output: operator for operator in done.program.operators}
        graph = done.model.graph
        named = {value.name for node in graph for value in node.outputs}
        self._taken = named | set(graph.initializers) | {value.name for value in graph.inputs}
        self._nodes = {node.name for node in graph}

    def weights(self) -> None:
        """Put integers behind all weights and biases; other constants become the numbers that the program has."""
        for step in self._done.steps:
            name = step.output.name
            if name in self._done.chosen:
                self._weights_of(step)
            elif name in self._done.constants:
                self._constant_of(step.node, self._done.constants[name])

    def activations(self) -> None:
        """Put a pair behind every tensor of the program."""
        graph, program = self.model.graph, self._done.program
        values = {value.name: value for value in graph.inputs}
        values |= {value.name: value for node in graph for value in node.outputs}
        moved = {step.output.name for step in self._done.steps if step.keeps_format}
        for name, tensor in program.tensors.items():
            if name in values:  # not one that lowering put between two operators
                form = without_sign(tensor.format) if self._unsigned else tensor.format
                self._pair(values[name], form, is_new=name not in moved)

    def _weights_of(self, step: Step) -> None:
        integers, scales = self._done.chosen[step.output.name]
        node, width = step.node, weight_width(self._done, step.output.name)
        scales = scales * _taken_factor(node)
        by_group = scales.reshape(groups_of(node), -1)
        if (by_group == by_group[0]).all():
            axis = output_channel_axis(node, 1, integers.ndim)
            self._behind_pair(node, 1, integers, by_group[0], TYPES[width, True], axis)
        else:
            self._behind_pair(node, 1, outputs_first(integers, len(by_group)), scales, TYPES[width, True], 0)
            self._in_groups(node, integers.shape, len(by_group))
        reader, position = _bias_place(step)
        if reader is not None:
            source = self._done.program.tensors[step.inputs[0].name].format
            bias, units = stored(self._operators[step.output.name].bias, scales.astype(np.float64) * source.scale)
            self._behind_pair(reader, position, bias, units, (ir.DataType.INT32, np.int32), 0)

    def _constant_of(self, node: ir.Node, numbers: np.ndarray) -> None:
        position = next(place for place, value in enumerate(node.inputs) if constant_of(value) is not None)
        name = self._given_up(node.inputs[position])
        node.replace_input_with(position, self._initializer(name, numbers, (ir.DataType.FLOAT, np.float32)))

    def _given_up(self, constant: ir.Value) -> str:
        """Return the name for what stands in for a constant that one of its readers no longer reads."""
        name = constant.name
        if len(constant.uses()) > 1:
            return name  # one like it, as others read it still
        if constant.is_initializer():
            del self.model.graph.initializers[name]
        else:
            constant.name = self._free(f"{name}/float")
        self._taken.discard(name)
        return name

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
        name = self._given_up(node.inputs[position])
        is_one = (scales == scales[0]).all()
        operands = [
            self._initializer(f"{name}/integers", integers, kind),
            self._initializer(f"{name}/scale", scales[0] if is_one else scales, (ir.DataType.FLOAT, np.float32)),
        ]
        attributes = [] if is_one else [ir.AttrInt64("axis", axis)]
        result = self._node("DequantizeLinear", operands, self._free(name), attributes)
        self.model.graph.insert_before(node, result.producer())
        node.replace_input_with(position, result)

    def _in_groups(self, node: ir.Node, shape: tuple[int, ...], groups: int) -> None:
        """Bring weights that lie behind their pair with all outputs first to the shape that a ConvTranspose takes.

        No axis of that shape counts the outputs of all groups, and a DequantizeLinear has scales along one axis alone.
        """
        rows, name = node.inputs[1], node.inputs[1].name
        rows.name = self._free(f"{name}/rows")
        self._nodes.discard(rows.producer().name)
        rows.producer().name = _one_like(rows.name, self._nodes)
        inputs, each, *kernel = shape
        by_group = self._reshaped(rows, (groups, each, inputs // groups, *kernel), self._free(f"{name}/groups"))
        order = ir.AttrInt64s("perm", [0, 2, 1, *range(3, len(shape) + 1)])
        turned = self._node("Transpose", [by_group], self._free(f"{name}/turned"), [order])
        weights = self._reshaped(turned, shape, name)
        self.model.graph.insert_before(node, [made.producer() for made in (by_group, turned, weights)])
        node.replace_input_with(1, weights)

    def _reshaped(self, value: ir.Value, shape: tuple[int, ...], name: str) -> ir.Value:
        wanted = self._initializer(f"{name}/shape", np.array(shape), (ir.DataType.INT64, np.int64))
        return self._node("Reshape", [value, wanted], name)

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
        """Return the result, called `name`, of a new operator, which is called so too where no other is."""
        node = ir.Node("", kind, inputs, list(attributes), outputs=[ir.Value(name=name)])
        node.name = _one_like(name, self._nodes)
        return node.outputs[0]

    def _initializer(self, name: str, values: np.ndarray, kind: tuple[ir.DataType, type]) -> ir.Value:
        dtype, array = kind
        free = self._free(name)
        tensor = ir.Tensor(np.asarray(values).astype(array, order="C"), dtype=dtype, name=free)
        value = ir.Value(name=free, shape=tensor.shape, type=ir.TensorType(dtype), const_value=tensor)
        self.model.graph.register_initializer(value)
        return value

    def _free(self, name: str) -> str:
        """Return a name for a tensor."""
        return _one_like(name, self._taken)


def _one_like(name: str, taken: set[str]) -> str:
    """Return `name`, or one like it where it is taken; from now on it is."""
    found, number = name, 1
    while found in taken:
        found, number = f"{name}/{number}", number + 1
    taken.add(found)
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
