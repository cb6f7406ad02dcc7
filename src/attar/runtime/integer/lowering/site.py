"""Where one step is lowered: the tensors around it, the choices of the caller, and the sums that all kinds share."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx_ir as ir

from ....errors import ModelError
from ....numerics.accumulators import INT32, MOST
from ....numerics.formats import Format
from ....numerics.requantize import precision_for, scaling
from ..operands import numbers
from ..program import Operator, Rescale, Tensor
from ..schemes import Scheme
from ..steps import Step
from ..weights import Given

MOST_TABLE_BITS = 12
Rule = Callable[["Site"], tuple[Operator, ...]]


@dataclass(frozen=True)
class Site:
    """One step to lower.

    Attributes:
        inputs: the tensors that it reads. output: the one that it writes.
        tensors: all tensors of the program so far, by name; a rule may add its own.
        chosen: integers of weights in the layout of the network and their steps, by the step's output; a rule that
            has weights adds them.
    """

    step: Step
    inputs: tuple[Tensor, ...]
    output: Tensor
    scheme: Scheme
    given: Given
    tensors: dict[str, Tensor]
    chosen: dict[str, tuple[np.ndarray, np.ndarray]]

    @property
    def node(self) -> ir.Node:
        return self.step.node

    @property
    def opset(self) -> int:
        """The opset of the network that the step comes from."""
        return self.node.graph.opset_imports.get("", self.node.graph.opset_imports.get("ai.onnx", 0))

    def refusal(self, reason: str) -> ModelError:
        """Return the error that names the step."""
        return self.step.refusal(reason)

    def wiring(self) -> dict[str, object]:
        """Return the fields that say what an operator reads and writes."""
        return {"inputs": tuple(tensor.name for tensor in self.inputs), "output": self.output.name}

    def clamped(self) -> dict[str, object]:
        """Return the fields of an operator that clamps to the output's range and to what is fused into the step."""
        low, high = clamp_limits(self.output.format, self.step.limits or (-math.inf, math.inf))
        return {**self.wiring(), "low": low, "high": high}

    def constant(self, position: int, default: object) -> object:
        """Return the numbers of a constant input, or `default` where the operator has no such input.

        Raises:
            ModelError: it is computed.
        """
        if len(self.node.inputs) <= position or self.node.inputs[position] is None:
            return default
        values = numbers(self.node.inputs[position])
        if values is None:
            raise self.refusal(f"its input {position} is not constant")
        return values

    def between(self, name: str, shape: tuple[int, ...], form: Format | None = None) -> Tensor:
        """Declare a tensor between the operators of this step, of the output's format if `form` is none."""
        made = Tensor(f"{self.output.name}/{name}", shape, form or self.output.format)
        self.tensors[made.name] = made
        return made

    def check_table(self, form: Format) -> None:
        """Refuse a table with an entry for every integer of a wide format."""
        if form.bits > MOST_TABLE_BITS:
            raise self.refusal(f"a table of {form.bits}-bit integers; up to {MOST_TABLE_BITS} bits are known")

    def sole_input(self) -> Tensor:
        """Return the only tensor that flows in.

        Raises:
            ModelError: there are more, or the step computes with constants alone.
        """
        if len(self.inputs) != 1:
            raise self.refusal(f"{len(self.inputs)} of its inputs flow where one is known")
        return self.inputs[0]

    def both(self) -> tuple[Tensor, Tensor]:
        """Return the two tensors that are joined, with as many axes each, so that the sample meets the sample.

        Raises:
            ModelError: there are not two, or their axes are not as many.
        """
        flows = {id(value): tensor for value, tensor in zip(self.step.inputs, self.inputs, strict=True)}
        tensors = tuple(flows.get(id(value)) for value in self.node.inputs)
        if len(tensors) != 2 or None in tensors or len(tensors[0].shape) != len(tensors[1].shape):
            raise self.refusal(f"tensors of shapes {[tensor and tensor.shape for tensor in tensors]} cannot be joined")
        return tensors

    def spatial(self) -> tuple[int, ...]:
        """Return the spatial extents of the first input, behind sample and channels; one axis or two.

        Raises:
            ModelError: there are none, or more than two.
        """
        extents = self.inputs[0].shape[1:]
        if len(extents) not in (1, 2):
            raise self.refusal(f"{len(extents)} spatial axes; one or two are known")
        return extents


def clamp_limits(form: Format, limits: tuple[float, float]) -> tuple[int, int]:
    """Return the integers that real `limits` stand for, half to even, within the range of the format."""
    low, high = (_limit(form, end) for end in limits)
    return low, high


def checked_width(site: Site, bits: int) -> int:
    """Return `bits`, the planned width of an accumulator.

    Raises:
        ModelError: it is more than 48, beyond which a multiplier would be too coarse.
    """
    if bits > MOST:
        raise site.refusal(f"its accumulator takes {bits} bits, more than {MOST}")
    return bits


def rescale(factors: Sequence[Fraction], accumulator_bits: int = INT32) -> Rescale:
    """Return multipliers and shifts for factors above 0; one entry where all are the same.

    Raises:
        ValueError: a factor is too large.
    """
    return each_rescale(factors[:1] if len(set(factors)) == 1 else factors, accumulator_bits)


def each_rescale(factors: Sequence[Fraction], accumulator_bits: int = INT32) -> Rescale:
    """Return an entry for every factor, as `rescale`."""
    pairs = [scaling(factor, precision=precision_for(accumulator_bits)) for factor in factors]
    return Rescale(*(np.array(column, np.int32) for column in zip(*pairs, strict=True)))


def product_factors(scales: np.ndarray, source: Format, target: Format) -> list[Fraction]:
    """Return s_x s_w / s_y for each float32 scale of the weights."""
    found: Mapping[float, Fraction] = {
        scale: source.exact_scale * Fraction(scale) / target.exact_scale for scale in set(scales.tolist())
    }
    return [found[scale] for scale in scales.tolist()]


def _limit(form: Format, end: float) -> int:
    if math.isinf(end):
        return form.high if end > 0 else form.low
    return min(max(form.zero + round(Fraction(end) / form.exact_scale), form.low), form.high)
