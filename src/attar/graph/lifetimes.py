"""Which tensors flow through a network, how large they are for one sample, who reads them, and which may share memory.

Weights and what is computed of weights alone don't flow: an engine holds them elsewhere. A view (Reshape, Flatten, ...)
moves nothing, so it is another name of the tensor that it shows, and no step of its own.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx_ir as ir

from ..errors import ModelError
from .flow import Flow, sources, subgraphs
from .operators import is_default_domain
from .sizes import inferred

VIEWS = frozenset({"Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
SHAPES_ONLY = frozenset({"Shape", "Size"})  # they read no numbers, and what they say is known beforehand
RANDOM = frozenset({"RandomNormal", "RandomUniform"})  # without inputs, and yet no constants
# Each output number depends on the input numbers in the same place alone (and on constants), so it may replace them.
# fmt: off
ELEMENTWISE = frozenset({
    "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BatchNormalization", "BitwiseAnd",
    "BitwiseNot", "BitwiseOr", "BitwiseXor", "Cast", "Ceil", "Celu", "Clip", "Cos", "Cosh", "DequantizeLinear", "Div",
    "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "IsInf",
    "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or",
    "PRelu", "Pow", "QuantizeLinear", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin",
    "Sinh", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor",
})
# fmt: on


@dataclass(frozen=True)
class Tensor:
    """A tensor that flows. width_bits: of one number in the file. is_float: whether the width may be chosen."""

    name: str
    shape: tuple[int, ...]
    width_bits: int
    is_float: bool

    @property
    def elements(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Operator:
    """One step.

    Attributes:
        name: of its first output, since operators need no name. op_type: what it is.
        reads, writes: tensors, views replaced by what they show.
        over: of `reads`, those over which the only output may be written number by number, once nobody else wants them.
        parts: what the output holds end to end, where it is a Concat of whole memory ranges; None for other numbers.
    """

    name: str
    op_type: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    over: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Activations:
    """All that flows through a network while it runs on one sample.

    Attributes:
        tensors: by name; views have none of their own. operators: in the order of the graph.
        inputs, outputs: tensors that the caller writes before the first step, and reads after the last.
        views: tensor that a view shows, by the view's name.
    """

    tensors: Mapping[str, Tensor]
    operators: tuple[Operator, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    views: Mapping[str, str]


def activations(model: ir.Model, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Activations:
    """Return what flows through `model` for one sample: an open first axis of an input counts 1.

    What an operator needs for itself (the inside of an If or a Loop, the scratch memory of a kernel) is not in it.

    Args:
        shapes: of inputs, by name, where the file leaves more open than the first axis.

    Raises:
        ModelError: a shape or a type isn't known, or `shapes` names no input or doesn't fit one.
    """
    sized = inferred(_without_inner_shapes(model), _sample_shapes(model, shapes or {}))
    return _Survey(sized.graph).result()


def _without_inner_shapes(model: ir.Model) -> ir.Model:
    """Return a copy that has forgotten inner shapes: those of the file may be for another number of samples."""
    copy = model.clone()
    for node in copy.graph:
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = None
    return copy


def _sample_shapes(model: ir.Model, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    inputs = {value.name: value for value in model.graph.inputs if not value.is_initializer()}
    for name, shape in shapes.items():
        if name not in inputs:
            raise ModelError(f"no input '{name}' in the network; it has {', '.join(inputs) or 'none'}")
        _check_fits(inputs[name], shape)
    return {name: shapes.get(name) or _one_sample(value) for name, value in inputs.items()}


def _check_fits(value: ir.Value, shape: tuple[int, ...]) -> None:
    own = value.shape
    fits = own is None or (len(own) == len(shape) and all(_same(a, b) for a, b in zip(own, shape, strict=True)))
    if not fits or any(extent < 1 for extent in shape):
        raise ModelError(f"input '{value.name}' has shape {_text(own)}, which {_text(shape)} does not fit")


def _same(own: int | ir.SymbolicDim, wanted: int) -> bool:
    return not isinstance(own, int) or own == wanted


def _one_sample(value: ir.Value) -> tuple[int, ...]:
    shape = list(value.shape) if value.shape is not None else []
    if shape and not isinstance(shape[0], int):
        shape[0] = 1
    unknown = value.shape is None or not all(isinstance(extent, int) for extent in shape)
    if unknown:
        raise ModelError(f"input '{value.name}': its shape {_text(value.shape)} is not known beyond the first axis")
    return tuple(shape)


def _text(shape: ir.Shape | tuple[int, ...] | None) -> str:
    return "?" if shape is None else "x".join(str(extent) for extent in shape) or "scalar"


class _Survey:
    """One walk through a graph whose shapes are inferred."""

    def __init__(self, graph: ir.Graph) -> None:
        self.graph = graph
        self.flow = Flow(graph)
        self.tensors: dict[str, Tensor] = {}
        self.views: dict[str, str] = {}
        self.operators: list[Operator] = []

    def result(self) -> Activations:
        inputs = sources(self.graph)
        for value in inputs:
            self._add(value)
        for node, reads in self.flow.reads.items():
            self._visit(node, reads)
        outputs = self._flowing(self.graph.outputs)
        return Activations(self.tensors, tuple(self.operators), tuple(v.name for v in inputs), outputs, self.views)

    def _visit(self, node: ir.Node, reads: tuple[ir.Value, ...]) -> None:
        flowing = () if _is(node, SHAPES_ONLY) else self._flowing(reads)
        if not flowing and not _is(node, RANDOM):
            return  # what comes of constants is a constant
        made = [value for value in node.outputs if value.name]
        if self._shows(node, made):
            self.views[made[0].name] = self._storage(node.inputs[0])
            return
        for value in made:
            self._add(value)
        over, parts = self._shared(node, made)
        if made:
            self.operators.append(
                Operator(made[0].name, node.op_type, flowing, tuple(value.name for value in made), over, parts)
            )

    def _flowing(self, values: tuple[ir.Value, ...] | list[ir.Value]) -> tuple[str, ...]:
        """Return the tensors that are behind values, once each; constants are left out."""
        found = (self._storage(value) for value in values if value is not None)
        return tuple(dict.fromkeys(name for name in found if name is not None))

    def _storage(self, value: ir.Value) -> str | None:
        name = self.views.get(value.name, value.name)
        return name if name in self.tensors else None

    def _shows(self, node: ir.Node, made: list[ir.Value]) -> bool:
        """Whether the only output of `node` shows its first input."""
        return _is(node, VIEWS) and len(made) == 1 and self._storage(node.inputs[0]) is not None

    def _shared(self, node: ir.Node, made: list[ir.Value]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the tensors over which `node` may write, and those that may lie inside its output."""
        if len(made) != 1 or any(subgraphs(node)):
            return (), ()
        if _is(node, ELEMENTWISE):
            elements = self.tensors[made[0].name].elements
            return tuple(n for n in self._flowing(node.inputs) if self.tensors[n].elements == elements), ()
        return (), self._parts(node, made[0])

    def _parts(self, node: ir.Node, output: ir.Value) -> tuple[str, ...]:
        """Return the inputs of a Concat if its output holds each of them in one piece, and none of them twice."""
        if not _is(node, frozenset({"Concat"})):
            return ()
        shape, axis = self.tensors[output.name].shape, node.attributes.get_int("axis", 0)
        names = [self._storage(value) for value in node.inputs]
        in_pieces = math.prod(shape[: axis % len(shape)]) != 1
        return () if in_pieces or None in names or len(set(names)) < len(names) else tuple(names)

    def _add(self, value: ir.Value) -> None:
        shape, dtype = value.shape, value.dtype
        if shape is None or not all(isinstance(extent, int) and extent >= 0 for extent in shape):
            raise ModelError(f"tensor '{value.name}'{_maker(value)}: its shape {_text(shape)} is not known")
        if dtype is None or dtype in (ir.DataType.UNDEFINED, ir.DataType.STRING):
            raise ModelError(f"tensor '{value.name}'{_maker(value)}: the width of its numbers is not known")
        self.tensors[value.name] = Tensor(value.name, tuple(shape), dtype.bitwidth, dtype.is_floating_point())


def _is(node: ir.Node, kinds: frozenset[str]) -> bool:
    return node.op_type in kinds and is_default_domain(node)


def _maker(value: ir.Value) -> str:
    node = value.producer()
    return "" if node is None else f" of {node.op_type}"


def nested(model: ir.Model) -> Iterator[str]:
    """Yield the kinds of operators that run graphs of their own, whose inner tensors nobody plans."""
    yield from (node.op_type for node in model.graph if any(True for _ in subgraphs(node)))
