"""A network on its way into integers: as a whole, or in parts where operators have to stay in floats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from ...graph.flow import sources
from ...numerics.formats import Format
from ..integer.calibrate import Observed, observe, observe_parts
from ..integer.lower import Lowered, lowered
from ..integer.parts import cut
from ..integer.prepare import prepare
from ..integer.refusals import NothingInIntegers, Probed, probe, unfit_steps
from ..integer.schemes import Scheme
from ..integer.weights import Given
from .build import machine_or_refusal
from .native import Machine
from .parts import Parts

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Network:
    """Networks that run in integers, what they are parts of, and why the rest runs in floats.

    Attributes:
        parts: in order, each with the shapes of its inputs. outside: reasons by the tensor that an operator makes.
        shapes: of one sample, by input. probed: what can run in integers and what cannot.
    """

    model: ir.Model
    scheme: Scheme
    given: Given
    parts: tuple[tuple[ir.Model, Shapes], ...]
    outside: Mapping[str, str]
    shapes: Shapes
    probed: Probed

    @classmethod
    def of(cls, model: ir.Model, scheme: Scheme, given: Given, shapes: Shapes) -> "Network":
        """Find out which operators can run in integers; arguments as of `lower`.

        Raises:
            NothingInIntegers: none that has weights can; the first reason is told.
        """
        return cls(model, scheme, given, (), {}, shapes, probe(model, scheme, weights=given, shapes=shapes))._settled()

    def without(self, refused: Mapping[str, str]) -> "Network":
        """Return the network with more operators in floats: reasons by the names of the tensors that they make.

        Raises:
            NothingInIntegers: none that has weights is left.
        """
        return replace(self, probed=self._more(refused))._settled()

    def _settled(self) -> "Network":
        network = self
        while True:
            found = cut(network.model, network.probed)
            if not found.parts:
                raise NothingInIntegers(found.outside)
            known = {**network.probed.shapes, **network.shapes}
            parts = tuple((part, _shapes(part, known)) for part in found.parts)
            network = replace(network, parts=parts, outside=found.outside)
            fresh = {} if network.is_whole else network._refused()
            if not fresh.keys() - network.probed.refused.keys():
                return network
            network = replace(network, probed=network._more(fresh))

    def _more(self, refused: Mapping[str, str]) -> Probed:
        return replace(self.probed, refused={**refused, **self.probed.refused})

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

    def unfit(self, seen: Observed) -> dict[str, str]:
        """Return what cannot run in integers on such samples: reasons by the names of the tensors that it makes."""
        found = dict(seen.refused())
        for part, shapes in self.parts if seen.unfit else ():
            for refusal in unfit_steps(prepare(part, shapes, kept=self.given), seen.unfit):
                found |= dict.fromkeys(refusal.made, str(refusal))
        return found

    def lowered(self, formats: Mapping[str, Format]) -> list[Lowered]:
        """Return the programs of all parts.

        Raises:
            Refusal: a step that cannot run in integers with these formats.
        """
        known = {"weights": self.given, "coarsens": True}
        return [lowered(part, formats, self.scheme, **known, shapes=shapes) for part, shapes in self.parts]

    def machine(self, done: Sequence[Lowered], *, threads: int) -> Machine | Parts:
        """Return what runs the whole network, the programs of its parts in the engine.

        Raises:
            Refusal: an operator that the engine does not take.
        """
        machines = [machine_or_refusal(part, threads=threads) for part in done]
        return machines[0] if self.is_whole else Parts(machines, self.model, threads=threads)


def _shapes(part: ir.Model, known: Shapes) -> Shapes:
    """Return the shapes of a sample of the part's inputs, where they are known."""
    return {value.name: known[value.name] for value in sources(part.graph) if value.name in known}
