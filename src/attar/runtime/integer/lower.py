"""From a network and the formats of its activations to the program that computes it in integers."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ...errors import ModelError, RecipeError, first_line
from ...graph.operators import is_default_domain
from ...numerics.formats import Format
from ..ends import End
from .endings import ends_of
from .held import ends, held_constants, holds
from .lowering.constants import lower_norm, lower_parametric_relu
from .lowering.elementwise import lower_clamp, lower_concat, lower_extreme, lower_product, lower_sum, lower_table
from .lowering.moves import (
    lower_depth_to_space,
    lower_dropout,
    lower_gather,
    lower_pad,
    lower_reshape,
    lower_slice,
    lower_space_to_depth,
    lower_transpose,
)
from .lowering.pools import lower_average_pool, lower_max_pool
from .lowering.products import lower_conv, lower_gemm, lower_matmul
from .lowering.reductions import REDUCTIONS, lower_reduction
from .lowering.resize import lower_resize
from .lowering.site import MOST_TABLE_BITS, Rule, Site
from .lowering.softmax import lower_softmax
from .lowering.transposed import lower_conv_transpose
from .prepare import batch_of, prepare, sample_shape
from .program import Operator, Program, Tensor
from .schemes import FixedPoint, Scheme
from .steps import Refusal, Step, read_inputs, steps_of, without_table
from .weights import Given


def lower(
    model: ir.Model,
    formats: Mapping[str, Format],
    scheme: Scheme = FixedPoint(),
    *,
    weights: Given | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Program:
    """Return the program of a network; `model` is untouched.

    Batch normalizations are folded first. A Softmax at the very end is left out: the program ends in logits.

    Args:
        formats: of the tensors that `calibrate` looks at, under the same `weights`.
        scheme: how weights that were not given are quantized.
        weights: integers and step (one, or one for each output channel) of weights that already lie on a grid, by the
            initializer's name and in its shape; they are taken as they are.
        shapes: of one sample, by input; needed where the network leaves more than the batch free.

    Raises:
        ModelError: an operator that cannot run in integers, named with its output and the reason; or a format, a shape
            or a weight that is missing or does not fit.
        RecipeError: a width of weights outside 2 to 16.
    """
    return lowered(model, formats, scheme, weights=weights, shapes=shapes).program


@dataclass(frozen=True)
class Lowered:
    """A program beside the network that it was made from.

    Attributes:
        model: the network as it was prepared, in floats. steps: what became operators.
        chosen: the integers of weights, laid out as the network has them, and their steps, by the step's output.
        constants: of other constants the numbers that the program has, by the step's output.
        step_of: the step that each operator belongs to, by the operator's output.
        ends: what the network's outputs are of the program's.
    """

    program: Program
    model: ir.Model
    steps: tuple[Step, ...]
    chosen: Given
    constants: Mapping[str, np.ndarray]
    step_of: Mapping[str, Step]
    ends: tuple[End, ...]


def lowered(
    model: ir.Model,
    formats: Mapping[str, Format],
    scheme: Scheme = FixedPoint(),
    *,
    weights: Given | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    rounded: Container[str] = (),
    coarsens: bool = False,
) -> Lowered:
    """Return the program of a network and what it was made from; arguments and errors as of `lower`.

    Args:
        rounded: names of tensors that are part of the program, whatever could be made one of what is around them.
        coarsens: whether given weights of a channel that is bias and little else may get a coarser scale.
    """
    given = dict(weights or {})
    prepared = prepare(model, shapes, kept=given)
    steps = steps_of(prepared, rounded)
    builder = Builder(prepared, read_inputs(prepared, steps), formats, scheme, given, coarsens)
    for step in steps:
        builder.add(step)
    builder.check_held()
    found = builder.chosen, builder.constants, builder.step_of
    return Lowered(builder.program(), prepared, tuple(builder.steps), *found, ends_of(model, prepared))


class Builder:
    """Collects tensors and operators, step by step; `lowered` uses it."""

    def __init__(
        self,
        model: ir.Model,
        inputs: list[ir.Value],
        formats: Mapping[str, Format],
        scheme: Scheme,
        given: Given,
        coarsens: bool,
    ) -> None:
        self._model, self._batch, self._inputs = model, batch_of(model), inputs
        self._formats, self._scheme, self._given, self._coarsens = formats, scheme, given, coarsens
        self._tensors: dict[str, Tensor] = {}
        self._operators: list[Operator] = []
        self.steps: list[Step] = []
        self.step_of: dict[str, Step] = {}
        self.chosen: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.constants: dict[str, np.ndarray] = {}
        for value in inputs:
            self._declare(value, self._format(value))

    def add(self, step: Step) -> None:
        """Lower one step; a function of integers that are too wide for a table as the steps that it was made of.

        Raises:
            Refusal: it cannot run in integers, for whatever reason.
            RecipeError: as `lower`.
        """
        try:
            self._add(step)
        except (Refusal, RecipeError, MemoryError):
            raise
        except (ModelError, ValueError) as error:  # a tensor without a shape, a factor that no multiplier holds
            raise step.refusal(str(error)) from error
        except Exception as error:  # whatever else a rule stumbles over is this step's, never the network's
            raise step.refusal(f"its lowering failed with {type(error).__name__}: {first_line(error)}") from error

    def _add(self, step: Step) -> None:
        rule = _rule(step)
        inputs = tuple(self._tensor(step, value) for value in step.inputs)
        if not inputs:
            raise step.refusal("it computes with constants alone")
        pieces = self._pieces(step, inputs[0].format)
        for piece in pieces:
            self.add(piece)
        if not pieces:
            made = self._lowered(step, rule, inputs)
            self.steps.append(step)
            self._operators += made
            self.step_of |= dict.fromkeys((operator.output for operator in made), step)

    def check_held(self) -> None:
        """Raises Refusal where a constant that joins a tensor lies beyond the tensor's format."""
        for each in held_constants(self.steps):
            form = self._tensors[each.root].format
            if not holds(form, each.value):
                raise each.refusal(*ends(form))

    def program(self) -> Program:
        """Return what was collected, tensors in the order in which they are written."""
        inputs = tuple(value.name for value in self._inputs)
        order = [*inputs, *(operator.output for operator in self._operators)]
        outputs = tuple(dict.fromkeys(value.name for value in self._model.graph.outputs))
        strange = [name for name in outputs if name not in self._tensors]
        if strange:
            raise ModelError(f"output '{strange[0]}': no step computes it; it is handed out as it comes in")
        return Program({name: self._tensors[name] for name in order}, tuple(self._operators), inputs, outputs)

    def _pieces(self, step: Step, form: Format) -> list[Step]:
        """Return the steps that take the place of a table which is too wide; none where there is a table."""
        pieces = without_table(step) if form.bits > MOST_TABLE_BITS else []
        return pieces if all(piece.output.name in self._formats for piece in pieces) else []

    def _lowered(self, step: Step, rule: Rule, inputs: tuple[Tensor, ...]) -> tuple[Operator, ...]:
        form = inputs[0].format if step.keeps_format else self._format(step.output)
        output, found = self._declare(step.output, form), (self.chosen, self.constants, self._coarsens)
        return rule(Site(step, inputs, output, self._scheme, self._given, self._tensors, *found))

    def _tensor(self, step: Step, value: ir.Value) -> Tensor:
        if value.name not in self._tensors:
            raise step.refusal(f"its input '{value.name}' is no tensor of samples in floats")
        return self._tensors[value.name]

    def _declare(self, value: ir.Value, form: Format) -> Tensor:
        self._tensors[value.name] = Tensor(value.name, sample_shape(value, self._batch), form)
        return self._tensors[value.name]

    def _format(self, value: ir.Value) -> Format:
        if value.name not in self._formats:
            raise ModelError(f"tensor '{value.name}': no format is known; calibrate with the same weights given")
        return self._formats[value.name]


def _rule(step: Step) -> Rule:
    if step.function is not None:
        return lower_table
    kind = step.node.op_type
    if kind not in RULES or not is_default_domain(step.node):
        raise step.refusal("no integer arithmetic is known for it")
    return RULES[kind]


RULES: dict[str, Rule] = {
    "Conv": lower_conv,
    "ConvTranspose": lower_conv_transpose,
    "Gemm": lower_gemm,
    "MatMul": lower_matmul,
    "BatchNormalization": lower_norm,
    "Add": lower_sum,
    "Sub": lower_sum,
    "Mul": lower_product,
    "Div": lower_product,
    "PRelu": lower_parametric_relu,
    "Max": lower_extreme,
    "Min": lower_extreme,
    "Concat": lower_concat,
    "Relu": lower_clamp,
    "Clip": lower_clamp,
    "Softmax": lower_softmax,
    "MaxPool": lower_max_pool,
    "AveragePool": lower_average_pool,
    "Pad": lower_pad,
    "DepthToSpace": lower_depth_to_space,
    "SpaceToDepth": lower_space_to_depth,
    "Resize": lower_resize,
    "Upsample": lower_resize,
    "Slice": lower_slice,
    "Gather": lower_gather,
    "Transpose": lower_transpose,
    "Dropout": lower_dropout,
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"), lower_reshape),
    **dict.fromkeys(REDUCTIONS, lower_reduction),
}
