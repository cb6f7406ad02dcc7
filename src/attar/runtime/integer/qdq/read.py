"""A QDQ model as a program: its formats and its weights' integers as the file says them, lowered like any network."""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx_ir as ir

from ....graph.operators import constant_of, is_weight_position
from ....numerics.formats import Format
from ..lower import lower
from ..prepare import prepare
from ..program import Program
from ..schemes import Affine
from ..steps import Step, read_inputs, steps_of
from ..weights import Given
from .activations import take_formats
from .logits import output_formats
from .weights import take_weights


@dataclass(frozen=True)
class Stripped:
    """What a QDQ model says: a network in floats, the formats of its tensors, integers and steps of its weights."""

    model: ir.Model
    formats: dict[str, Format]
    weights: Given


def from_qdq(model: ir.Model, *, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Program:
    """Return the program of a network whose tensors pass QuantizeLinear and DequantizeLinear; `model` is untouched.

    Sums that the last layer hands out in floats get 16 bits over all that they can be.

    Args:
        model: read with `load(..., fold=False)`: folding makes floats of weights, whose integers are wanted here.
        shapes: of one sample, by input; needed where the network leaves more than the batch free.

    Raises:
        ModelError: an operator is left in float or computes with integers itself, a pair does not fit together,
            weights have a zero point, or whatever `lower` refuses; it names the operator and the reason.
    """
    stripped = strip(model)
    prepared = prepare(stripped.model, shapes, kept=stripped.weights)
    steps = steps_of(prepared)
    formats = output_formats(prepared, steps, stripped.formats, stripped.weights) | stripped.formats
    _check_all_in_integers(prepared, steps, formats, stripped.weights)
    return lower(stripped.model, formats, Affine(), weights=stripped.weights, shapes=shapes)


def strip(model: ir.Model) -> Stripped:
    """Return the network in floats of a QDQ model and all that its pairs say; errors as of `from_qdq`."""
    copy = model.clone()
    formats = take_formats(copy)
    return Stripped(copy, formats, take_weights(copy, formats))


def _check_all_in_integers(
    prepared: ir.Model, steps: list[Step], formats: Mapping[str, Format], weights: Given
) -> None:
    readers = {value.name: step for step in reversed(steps) for value in step.inputs}
    for value in read_inputs(prepared, steps):
        if value.name not in formats:
            raise readers[value.name].refusal(f"it is left in float: input '{value.name}' passes no QuantizeLinear")
    for step in steps:
        _check_step(step, formats, weights)


def _check_step(step: Step, formats: Mapping[str, Format], weights: Given) -> None:
    if not step.keeps_format and step.output.name not in formats:
        raise step.refusal("it is left in float: its output passes no QuantizeLinear")
    for position, value in enumerate(step.node.inputs):
        if value is None or not is_weight_position(step.node, position) or constant_of(value) is None:
            continue
        if value.name not in weights:
            raise step.refusal(
                f"it is left in float: its weights '{value.name}' pass no DequantizeLinear, "
                "or one that was folded while the file was read"
            )
