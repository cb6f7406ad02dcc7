"""Constants that become cells of a tensor, as a Pad's value does: the format of that tensor has to hold them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...graph.operators import is_default_domain
from ...numerics.affine import affine
from ...numerics.fixed_point import covering_fraction, fixed_point
from ...numerics.formats import Format
from .operands import numbers
from .ranges import Range
from .schemes import FixedPoint, Scheme
from .steps import Refusal, Step

MOST_WIDENED = 8  # times: a format that is widened further has less than 5 of 8 bits left for what flows


class Held(NamedTuple):
    """A constant that joins a tensor: at which step, the tensor whose format it has to fit, and the number."""

    step: Step
    root: str
    value: float

    def refusal(self, low: float, high: float) -> Refusal:
        """Return why the step cannot run in integers beside numbers from `low` to `high`."""
        return self.step.refusal(
            f"its value {self.value:g} lies beyond {low:g}..{high:g}, what its tensor's format holds"
        )


def held_constants(steps: Iterable[Step]) -> Iterator[Held]:
    """Yield the constants that join what flows, beside the tensors that the formats are of."""
    roots: dict[str, str] = {}
    for step in steps:
        if step.keeps_format and step.inputs:
            source = step.inputs[0].name
            roots[step.output.name] = roots.get(source, source)
            value = pad_value(step)
            if value is not None and np.isfinite(value):
                yield Held(step, roots[step.output.name], value)


def pad_value(step: Step) -> float | None:
    """Return what a Pad pads with, None of all else and where it is not known."""
    node = step.node
    if node.op_type != "Pad" or not is_default_domain(node):
        return None
    if len(node.inputs) < 3 or node.inputs[2] is None:
        return node.attributes.get_float("value", 0.0)
    value = numbers(node.inputs[2])
    return None if value is None or value.size != 1 else float(value.reshape(()))


def ends(form: Format) -> tuple[float, float]:
    """Return the least and the greatest number that a format holds."""
    return (form.low - form.zero) * form.scale, (form.high - form.zero) * form.scale


def holds(form: Format, value: float) -> bool:
    """Whether a format has an integer for a number, not more than half a step away."""
    low, high = ends(form)
    return low - form.scale / 2 <= value <= high + form.scale / 2


def widened(form: Format, values: Sequence[float], scheme: Scheme) -> Format:
    """Return a format of as many bits that holds `values` too."""
    if all(holds(form, value) for value in values):
        return form
    low, high = ends(form)
    low, high = min(low, *values), max(high, *values)
    if isinstance(scheme, FixedPoint):
        signed = form.signed or low < 0
        return fixed_point(form.bits, covering_fraction(max(-low, high), bits=form.bits, signed=signed), signed=signed)
    return affine(low, high, bits=form.bits)


def too_far(held: Iterable[Held], ranges: Mapping[str, Range]) -> Iterator[Refusal]:
    """Yield the refusals of steps whose constants lie so far from what flows that no format is fit for both."""
    for each in held:
        seen = ranges.get(each.root)
        if seen is not None and seen.span > 0 and seen.with_number(each.value).span > MOST_WIDENED * seen.span:
            yield each.refusal(seen.low, seen.high)
