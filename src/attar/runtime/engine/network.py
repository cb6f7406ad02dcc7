"""A network on its way into integers: as a whole, or in parts where operators have to stay in floats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from ...errors import ModelError
from ...graph.flow import sources
from ...numerics.formats import Format
from ..integer.calibrate import Observed, observe, observe_parts
from ..integer.lower import Lowered, lowered
from ..integer.parts import cut
from ..integer.program import Program
from ..integer.refusals import probe
from ..integer.schemes import Scheme
from ..integer.weights import Given
from .build import machine_of
from .native import Machine
from .parts import Parts

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Network:
    """Networks that run in integers, what they are parts of, and why the rest runs in floats.

    Attributes:
        parts: in order, each with the shapes of its inputs. outside: reasons by the tensor that an operator makes.
    """

    model: ir.Model
    scheme: Scheme
    given: Given
    parts: tuple[tuple[ir.Model, Shapes], ...]
    outside: Mapping[str, str]

    @classmethod
    def of(cls, model: ir.Model, scheme: Scheme, given: Given, shapes: Shapes) -> "Network":
        """Find out which operators can run in integers; arguments as of `lower`.

        Raises:
            ModelError: none that has weights can; the first reason is told.
        """
        probed = probe(model, scheme, weights=given, shapes=shapes)
        while True:
            found = cut(model, probed)
            if not found.parts:
                raise ModelError(next(iter(found.outside.values())))
            parts = tuple((part, _shapes(part, {**probed.shapes, **shapes})) for part in found.parts)
            network = cls(model, scheme, given, parts, found.outside)
            fresh = {} if network.is_whole else network._refused()
            if not fresh.keys() - probed.refused.keys():
                return network
            probed = replace(probed, refused={**probed.refused, **fresh})

    def with_model(self, model: ir.Model) -> "Network":
        """Return a whole network with other numbers in the same graph."""
        ((_, shapes),) = self.parts
        return replace(self, model=model, parts=((model, shapes),))

    @property
    def is_whole(self) -> bool:
        """Whether all operators run in integers."""
        return not self.outside

    def _refused(self) -> dict[str, str]:
        """Return what a part cannot run by itself though the whole could: a shape that only the whole tells."""
        probes = (probe(part, self.scheme, weights=self.given, shapes=shapes) for part, shapes in self.parts)
        return {name: reason for probed in probes for name, reason in probed.refused.items()}

    def observe(self, inputs: Mapping[str, np.ndarray], *, threads: int) -> Observed:
        """Look at the samples once, for formats of any method."""
        if self.is_whole:
            return observe(self.model, inputs, kept=self.given, threads=threads)
        return observe_parts(self.model, self.parts, inputs, kept=self.given, threads=threads)

    def lowered(self, formats: Mapping[str, Format]) -> list[Lowered]:
        """Return the programs of all parts."""
        known = {"weights": self.given, "coarsens": True}
        return [lowered(part, formats, self.scheme, **known, shapes=shapes) for part, shapes in self.parts]

    def machine(self, programs: Sequence[Program], *, threads: int) -> Machine | Parts:
        """Return what runs the whole network, the programs in the engine."""
        machines = [machine_of(program, threads=threads) for program in programs]
        return machines[0] if self.is_whole else Parts(machines, self.model, threads=threads)


def _shapes(part: ir.Model, known: Shapes) -> Shapes:
    """Return the shapes of a sample of the part's inputs, where they are known."""
    return {value.name: known[value.name] for value in sources(part.graph) if value.name in known}
