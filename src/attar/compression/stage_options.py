"""What a stage may make of one layer: settings, what each of them saves, and what it does to the scores."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import onnx_ir as ir

from .. import codec
from ..codec import Effort
from ..evaluate import mean_difference
from ..graph import WeightLayer
from ..graph.rewrite import factors_of
from ..passes.pipeline import Chained, Declined, chain, changed_tensors
from ..passes.weights import Weights
from ..plan.allocate import Option
from .candidates import Candidate, error_of
from .judge import Judge
from .sensitivity import interpolate, probe_points
from .stage import Cost

FLOAT_BITS = 32
KEPT = 2  # settings of a layer: where a bisection closes in, it moves between two

CostOf = Callable[["Line", Chained], int]


@dataclass
class Line:
    """One layer on its way through the stages.

    Attributes:
        weights: as they were. repeats: how often a sample meets each of them. done: what they have become.
        declined: by technique, what it could not take.
    """

    layer: WeightLayer
    weights: Weights
    repeats: float
    done: Chained
    declined: dict[str, Declined] = field(default_factory=dict)

    def tensors(self, now: Container[str], before: Container[str]) -> tuple[str, ...]:
        """Return which of the initializers `now` hold the layer, in a network that had those of `before`."""
        return (self.layer.name,) if len(self.done.parts) == 1 else factors_of(self.layer.name, now, before)

    def tried(self, config: Any) -> Chained | None:
        """Return the layer after one more step, None where it can't take it or has nothing to do."""
        done = chain(self.weights, (config,), self.done)
        for technique, reason in done.declined[len(self.done.declined) :]:
            self.declined.setdefault(technique, Declined(self.layer.name, technique, reason))
        return done if len(done.steps) > len(self.done.steps) else None


class StageOptions:
    """The settings of one stage for one layer, by rising error: as it is first, unless it must not stay so.

    Attributes:
        options: what each of them costs, and by how much the squared E_c grows with it, no other layer changed.
    """

    def __init__(self, model: ir.Model, line: Line, configs: Iterable[Any], cost_of: CostOf) -> None:
        """Try all configs on the layer alone; the network does not run."""
        self._model, self._line = model, line
        before = replace(line.weights, statistics=None)  # errors of the weights: those of outputs would take far longer
        as_it_is = Candidate((), cost_of(line, line.done), error_of(before, line.done))
        found = []
        for config in configs:
            done = line.tried(config)
            if done is not None and (cost := cost_of(line, done)) < as_it_is.size_bytes:
                found.append((config, Candidate((), cost, error_of(before, done))))
        found.sort(key=lambda pair: pair[1].error)
        self._configs = [None, *(config for config, _ in found)]
        self._candidates = [as_it_is, *(candidate for _, candidate in found)]
        self.options: list[Option] = []
        self._done = lru_cache(KEPT)(partial(_done, line))

    def probe(self, judge: Judge, *, most: int, stays: bool) -> None:
        """Run the network with at most `most` of the options, and reckon what the others do to it.

        `stays`: whether the layer may stay as it is where there is another option.
        """
        before = self._error(judge, 0) if self._line.done.steps else 0.0
        points = probe_points(len(self._candidates), most)
        probed = {index: max(self._error(judge, index) - before, 0.0) for index in points}
        damages = interpolate(self._candidates, probed)
        self.options = [Option(c.size_bytes, damage) for c, damage in zip(self._candidates, damages, strict=True)]
        if not stays and len(self.options) > 1:
            self.options, self._configs = self.options[1:], self._configs[1:]

    def _error(self, judge: Judge, choice: int) -> float:
        return difference(judge.original, judge.outputs(self.overrides(choice))) ** 2

    def done(self, choice: int) -> Chained:
        """Return the layer after the setting of that number."""
        return self._done(self._configs[choice])

    def overrides(self, choice: int) -> dict[str, np.ndarray]:
        """Return the initializers that it changes, factors multiplied out."""
        return changed_tensors(self._model, self._line.layer, self.done(choice))


def _done(line: Line, config: Any) -> Chained:
    return line.done if config is None else chain(line.weights, (config,), line.done)


def difference(original: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> float:
    """Return E_c, of the output that suffers most."""
    return max(mean_difference(z, changed) for z, changed in zip(original, outputs, strict=True))


def cost_of(cost: Cost, effort: Effort) -> CostOf:
    """Return what tells how much a layer takes: numbers, bits before coding, coded bytes, or multiplications."""

    def held(line: Line, done: Chained) -> int:
        return numbers(done)

    def wide(line: Line, done: Chained) -> int:
        return bits(done)

    def coded(line: Line, done: Chained) -> int:
        return sum(codec.encoded_size(part.values, hint=part.hint, effort=effort) for part in done.parts)

    def macs(line: Line, done: Chained) -> int:
        return round(line.repeats * sum(int(np.count_nonzero(part.values)) for part in done.parts))

    return {"weights": held, "bits": wide, "bytes": coded, "macs": macs}[cost]


def numbers(done: Chained) -> int:
    """Return how many numbers hold a layer."""
    return sum(part.values.size for part in done.parts)


def bits(done: Chained) -> int:
    """Return the bits of all numbers, of the width that the last step with one gave them."""
    widths = [config.bits for config in done.steps if getattr(config, "bits", None) is not None]
    return numbers(done) * (widths[-1] if widths else FLOAT_BITS)
