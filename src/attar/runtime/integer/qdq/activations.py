"""Take QuantizeLinear and DequantizeLinear of all tensors that flow out of a network; what stays are their formats.

A tensor gets its format where it is computed. A second format of the same tensor becomes a Clip without limits, which
lowering makes a Requantize. Rounding to a grid commutes with whatever only moves numbers, picks the largest or joins
tensors, so that a QuantizeLinear behind those speaks of the tensors in front.
"""

from dataclasses import replace

import onnx_ir as ir

from ....errors import ModelError
from ....graph.flow import sources
from ....numerics.affine import affine
from ....numerics.formats import MOST_BITS, Format
from ..steps import CLAMPING, Step, limits_of
from .clips import narrowed
from .parameters import BITS, is_dequantizer, is_quantizer, parameters_of, refusal

READS_SHAPES = ("Shape", "Size")
INTEGER_OPERATORS = ("ConvInteger", "MatMulInteger", "DynamicQuantizeLinear")


def take_formats(model: ir.Model) -> dict[str, Format]:
    """Strip `model`, in place, of the pairs around activations, and return the formats that they tell, by tensor.

    Raises:
        ModelError: an operator computes with integers itself, a pair does not fit together, or a tensor is read in
            integers and in floats.
    """
    stripping = _Stripping(model.graph)
    for value in sources(model.graph):
        stripping.settle(value)
    for node in list(model.graph):
        stripping.visit(node)
    stripping.keep_apart()
    return {value.name: form for value, form in stripping.forms.items() if value.name is not None}


def flowing_values(graph: ir.Graph) -> set[ir.Value]:
    """Return all values that depend on what a caller gives."""
    found = set(sources(graph))
    for node in graph:
        if any(value in found for value in node.inputs):
            found.update(node.outputs)
    return found


class _Stripping:
    """The formats so far, by tensor; a tensor of integers is known by the tensor of numbers that replaced it."""

    def __init__(self, graph: ir.Graph) -> None:
        self.forms: dict[ir.Value, Format] = {}
        self._graph, self._flowing = graph, flowing_values(graph)

    def visit(self, node: ir.Node) -> None:
        """Take `node` out where it is one of a pair; tell the formats of what it computes otherwise."""
        if node.graph is None or not any(value in self._flowing for value in node.outputs):
            return  # taken out already, or in front of weights
        if is_quantizer(node):
            self._quantizer(node)
        elif is_dequantizer(node):
            self._dequantizer(node)
        elif _keeps_format(node) and node.inputs[0] in self.forms:
            self.forms |= dict.fromkeys(node.outputs, self.forms[node.inputs[0]])
        else:
            _refuse_integers(node)
            for value in node.outputs:
                self.settle(value)

    def settle(self, value: ir.Value) -> None:
        """Give `value`, which has just been computed, the format that its readers ask for; none where nobody does."""
        wanted = _wishes(value)
        if not wanted:
            return
        if _is_integer(value):
            _check_readers(value)
        form = wanted[0] if len(wanted) == 1 else _meeting(wanted)
        clip = value.producer()
        narrow = narrowed(clip, form) if clip is not None and clip.inputs[0] not in self.forms else None
        if narrow is not None:
            source = clip.inputs[0]
            value.replace_all_uses_with(source)
            self._graph.remove(clip, safe=True)
            value, form = source, narrow
        self.forms[value], value.type = form, ir.TensorType(ir.DataType.FLOAT)

    def keep_apart(self) -> None:
        """Put a Clip without limits behind tensors whose rounding lowering would fuse away."""
        for value in list(self.forms):
            node = value.producer()
            if node is not None and node.op_type in CLAMPING and self._would_be_fused(node, value):
                self._requantize(value, self.forms[value], value.name)

    def _quantizer(self, node: ir.Node) -> None:
        source, result = node.inputs[0], node.outputs[0]
        form = parameters_of(node).format()
        _check_readers(result)
        if source not in self.forms:
            raise refusal(node, f"nothing is known of what computes its input '{source.name}'")
        held = _holds(form, self.forms[source])
        self._replace(node, source if held else self._insert("Clip", source, form, _name(result)))

    def _dequantizer(self, node: ir.Node) -> None:
        source = node.inputs[0]
        if source not in self.forms:
            raise refusal(node, f"its input '{source.name}' comes from no QuantizeLinear")
        found = self.forms[source]
        form = _read_as(node, found)
        if not _holds(form, found):
            raise refusal(
                node,
                f"it reads scale {form.scale:g}, zero point {form.zero}, "
                f"of integers with scale {found.scale:g}, zero point {found.zero}",
            )
        self._replace(node, source)

    def _replace(self, node: ir.Node, source: ir.Value) -> None:
        """Let `source` stand for the result of `node`; an output of the network keeps its name."""
        result = node.outputs[0]
        is_output, name = result.is_graph_output(), result.name
        if is_output and (source.is_graph_output() or source.producer() is None):
            source = self._insert("Identity", source, self.forms[source], name)
        result.replace_all_uses_with(source, replace_graph_outputs=True)
        self._graph.remove(node, safe=True)
        if is_output:
            result.name, source.name = None, name

    def _insert(self, kind: str, source: ir.Value, form: Format, name: str | None) -> ir.Value:
        """Return the result of a new operator that reads `source`, right behind it."""
        node = ir.Node("", kind, [source], outputs=[ir.Value(name=name, shape=source.shape)])
        if source.producer() is None:
            self._graph.insert_before(self._graph[0], node)
        else:
            self._graph.insert_after(source.producer(), node)
        result = node.outputs[0]
        result.type, self.forms[result] = ir.TensorType(ir.DataType.FLOAT), form
        return result

    def _requantize(self, value: ir.Value, form: Format, name: str) -> None:
        """Put a Clip without limits between `value` and its reader; the Clip's result gets the name."""
        (use,) = value.uses()
        result = self._insert("Clip", value, form, f"{name}/before")
        use.node.replace_input_with(use.idx, result)
        value.name, result.name = result.name, name

    def _would_be_fused(self, node: ir.Node, value: ir.Value) -> bool:
        uses = value.uses()
        if len(uses) != 1 or value.is_graph_output():
            return False
        follower = uses[0].node
        if follower.op_type == "Add":
            return node.op_type == "MatMul"
        return limits_of(follower) is not None and self.forms.get(follower.outputs[0]) != self.forms[value]


def _read_as(node: ir.Node, written: Format) -> Format:
    """Return the format that a DequantizeLinear reads; without a zero point it takes integers of any type."""
    parameters = parameters_of(node)
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        return parameters.format()
    if parameters.scales.size != 1:
        raise refusal(node, f"{parameters.scales.size} scales of an activation; one is known")
    return replace(written, scale=float(parameters.scales[0]), zero=0)


def _name(integers: ir.Value) -> str | None:
    """Return the name of the numbers that some integers stand for, their own where nobody asks."""
    readers = (use.node for use in integers.uses())
    return next((node.outputs[0].name for node in readers if is_dequantizer(node)), integers.name)


def _keeps_format(node: ir.Node) -> bool:
    return node.op_type == "Split" or Step(node, (), node.outputs[0]).keeps_format


def _wishes(value: ir.Value) -> list[Format]:
    """Return the formats that readers of `value` ask for, each once; readers behind what only moves it count too.

    Raises:
        ModelError: some readers ask for a format, others take the numbers as floats.
    """
    formats: dict[Format, None] = {}
    seen, open_values, plain = {value}, [value], []
    while open_values:
        for use in open_values.pop().uses():
            node, is_data = use.node, use.idx == 0
            if (is_quantizer(node) or is_dequantizer(node)) and is_data:
                formats[parameters_of(node).format()] = None
            elif node.op_type == "Concat" or (_keeps_format(node) and is_data):
                open_values += [output for output in node.outputs if output not in seen]
                seen.update(node.outputs)
            elif node.op_type not in READS_SHAPES:
                plain.append(node)
    if formats and plain:
        raise refusal(plain[0], f"it is left in float: it reads '{value.name}' in floats, others read it in integers")
    outputs = [found for found in seen if found.is_graph_output() and not _is_integer(found)]
    if formats and outputs:
        raise ModelError(f"output '{outputs[0].name}': it is left in float, while others read it in integers")
    return list(formats)


def _is_integer(value: ir.Value) -> bool:
    return value.dtype is not None and value.dtype in BITS


def _meeting(formats: list[Format]) -> Format:
    """Return 16 bits over the ranges of all formats, from which each is rounded."""
    low = min((form.low - form.zero) * form.scale for form in formats)
    high = max((form.high - form.zero) * form.scale for form in formats)
    return affine(low, high, bits=MOST_BITS)


def _holds(wide: Format, form: Format) -> bool:
    """Whether every integer of `form` is one of `wide` and means the same number."""
    same = wide.scale == form.scale and wide.zero == form.zero
    return same and wide.low <= form.low and form.high <= wide.high


def _check_readers(integers: ir.Value) -> None:
    """Refuse operators that compute with integers; those that only move them may."""
    for use in integers.uses():
        if is_dequantizer(use.node) and use.idx == 0:
            continue
        if not _keeps_format(use.node) or use.node.op_type == "Pad" or use.idx:
            raise refusal(use.node, f"it computes with the integers of '{integers.name}'; only what moves them may")
        for value in use.node.outputs:
            _check_readers(value)


def _refuse_integers(node: ir.Node) -> None:
    if node.op_type.startswith("QLinear") or node.op_type in INTEGER_OPERATORS:
        raise refusal(node, "it computes with integers itself; QuantizeLinear and DequantizeLinear alone are read")
