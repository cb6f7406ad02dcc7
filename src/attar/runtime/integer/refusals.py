"""Which steps of a network cannot run in integers, found before any sample is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx_ir as ir

from ...errors import ModelError
from ...numerics.affine import affine
from ...numerics.formats import Format
from .lower import Builder
from .prepare import prepare
from .schemes import Scheme
from .steps import Step, read_inputs, steps_of
from .weights import Given

ANY = affine(-1.0, 1.0, bits=8)  # a format that no sample has chosen: refusals hardly depend on it


@dataclass(frozen=True)
class Probed:
    """What a look at all steps found.

    Attributes:
        inside: names of all tensors that steps in integers make. refused: why a step is none, by the names of the
            tensors that it makes. shapes: of one sample, of every tensor of floats whose shape is known, by name.
    """

    inside: frozenset[str]
    refused: Mapping[str, str]
    shapes: dict[str, tuple[int, ...]]


def probe(model: ir.Model, scheme: Scheme, *, weights: Given, shapes: Mapping[str, tuple[int, ...]]) -> Probed:
    """Try to lower every step by itself; arguments as of `lower`."""
    prepared = prepare(model, shapes, kept=weights)
    steps = steps_of(prepared)
    prober = _Prober(prepared, read_inputs(prepared, steps), scheme, weights)
    for step in steps:
        prober.add(step)
    inside = {name for step in steps for name in _made_by(step)} - set(prober.refused)
    return Probed(frozenset(inside), prober.refused, prober.shapes())


def _made_by(step: Step) -> set[str]:
    """Return the names of all tensors that a step makes, those within it included."""
    pieces = step.function.pieces if step.function is not None else (step.node,)
    return {value.name for node in pieces for value in node.outputs} | {step.output.name}


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
        except ModelError as error:
            self.refused |= dict.fromkeys(_made_by(step), str(error))
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
