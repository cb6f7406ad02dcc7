"""Which steps of a network cannot run in integers, found before any sample is looked at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from ...errors import ModelError
from ...graph.operators import constant_of
from ...numerics.affine import affine
from ...numerics.formats import Format
from .endings import handed_on
from .lower import Builder
from .prepare import prepare
from .schemes import Scheme
from .steps import Refusal, Step, read_inputs, steps_of
from .weights import Given

ANY = affine(-1.0, 1.0, bits=8)  # a format that no sample has chosen: refusals hardly depend on it


class NothingInIntegers(ModelError):
    """No layer of a network can run in integers; `reasons` by the tensor that each operator makes."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(next(iter(reasons.values()), "the network has no operator that could run in integers"))
        self.reasons = dict(reasons)


@dataclass(frozen=True)
class Probed:
    """What a look at all steps found.

    Attributes:
        inside: names of all tensors that steps in integers make. refused: why a step is none, by the names of the
            tensors that it makes. shapes: of one sample, of every tensor of floats whose shape is known, by name.
        handed: outputs that are an input or a constant, what reads that constant, and why they stay in floats.
    """

    inside: frozenset[str]
    refused: Mapping[str, str]
    shapes: dict[str, tuple[int, ...]]
    handed: Mapping[str, str] = field(default_factory=dict)


def probe(model: ir.Model, scheme: Scheme, *, weights: Given, shapes: Mapping[str, tuple[int, ...]]) -> Probed:
    """Try to lower every step by itself; arguments as of `lower`."""
    prepared = prepare(model, shapes, kept=weights)
    steps = steps_of(prepared)
    prober = _Prober(prepared, read_inputs(prepared, steps), scheme, weights)
    for step in steps:
        prober.add(step)
    inside = {name for step in steps for name in step.made} - set(prober.refused)
    return Probed(frozenset(inside), prober.refused, prober.shapes(), _handed_out(model))


def _handed_out(model: ir.Model) -> dict[str, str]:
    """Return the outputs that are an input or a constant, as they are: a program would round them."""
    found = {}
    for value in model.graph.outputs:
        source = handed_on(value)
        if source.producer() is None or constant_of(source) is not None:
            reason = f"output '{value.name}' is '{source.name}' as it is"
            readers = [use.node for use in source.uses() if source.is_initializer()]  # its numbers have to stay, too
            found |= dict.fromkeys([value.name, *(made.name for node in readers for made in node.outputs)], reason)
    return found


def unfit_steps(prepared: ir.Model, unfit: Mapping[str, str]) -> Iterator[Refusal]:
    """Yield the refusals of steps that make or read a tensor that gets no format (`calibrate.Observed.unfit`)."""
    roots: dict[str, str] = {}
    for step in steps_of(prepared):
        read = [roots.get(value.name, value.name) for value in step.inputs]
        if step.keeps_format and read:
            roots[step.output.name] = read[0]
        met = [name for name in (*read, step.output.name) if name in unfit]
        if met:
            yield step.refusal(f"tensor '{met[0]}' {unfit[met[0]]}")


class _Prober(Builder):
    """Lowers what can be, with one format for all; what a step cannot read or write is its refusal."""

    def __init__(self, model: ir.Model, inputs: list[ir.Value], scheme: Scheme, given: Given) -> None:
        super().__init__(model, [], {}, scheme, dict(given), coarsens=True)
        self.refused: dict[str, str] = {}
        for value in inputs:
            self._declare_if_floats(value)

    def add(self, step: Step) -> None:
        try:
            super().add(step)
        except Refusal as error:
            self.refused |= dict.fromkeys(step.made, str(error))
            for value in (*step.node.outputs, step.output):
                self._declare_if_floats(value)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tensor.shape for name, tensor in self._tensors.items()}

    def _format(self, value: ir.Value) -> Format:
        return ANY

    def _declare_if_floats(self, value: ir.Value) -> None:
        """Make a tensor of floats whose shape is known; steps that read another one are refused."""
        try:
            if value.dtype == ir.DataType.FLOAT:
                self._declare(value, ANY)
        except ModelError:
            return
