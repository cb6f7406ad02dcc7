"""Every way to store one layer: the recipe's chains, each with its coded bytes and its error, the best ones kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .. import codec
from ..graph import WeightLayer
from ..numerics.moments import InputStatistics, output_error
from ..passes.pipeline import Chained, Declined, Steps, chain, changed_tensors
from ..passes.weights import Weights, product
from ..plan.allocate import Option, pareto


@dataclass(frozen=True)
class Candidate:
    """One chain of steps for one layer: the bytes of its coded tensors, and the error of the layer's output."""

    steps: Steps
    size_bytes: int
    error: float


class LayerChoices:
    """One layer with the candidates that no other beats in both bytes and error, most bytes first.

    The first candidate is the layer as it is, coded without loss.
    """

    def __init__(self, model: ir.Model, layer: WeightLayer, statistics: InputStatistics | None) -> None:
        values = model.graph.initializers[layer.name].const_value.numpy()
        self._model = model
        self.layer = layer
        self.weights = Weights.of(layer, values, statistics)
        self.candidates: list[Candidate] = [self._lossless(values)]
        self.declined: dict[str, Declined] = {}

    def gather(self, chains: Sequence[Steps]) -> None:
        """Try every chain and keep the candidates that no other beats in both bytes and error."""
        exact = self.candidates[0]
        smaller = [c for c in self._tried(chains) if c.size_bytes < exact.size_bytes]
        front = pareto([Option(c.size_bytes, c.error) for c in smaller])
        # The exact layer stays even where the calibration samples see no error in a lossy one: others may.
        self.candidates = [exact, *(smaller[i] for i in front)]

    def overrides(self, candidate: Candidate) -> dict[str, np.ndarray]:
        """Return the initializers that `candidate` would change, factors multiplied out."""
        return changed_tensors(self._model, self.layer, chain(self.weights, candidate.steps))

    def _lossless(self, values: np.ndarray) -> Candidate:
        return Candidate((), codec.encode(values).size_bytes, 0.0)

    def _tried(self, chains: Sequence[Steps]) -> Iterator[Candidate]:
        seen: set[Steps] = {()}
        for steps in chains:
            done = chain(self.weights, steps)
            for technique, reason in done.declined:
                self.declined.setdefault(technique, Declined(self.layer.name, technique, reason))
            if done.steps not in seen:
                seen.add(done.steps)
                yield self._measured(done)

    def _measured(self, done: Chained) -> Candidate:
        size = sum(codec.encoded_size(part.values, hint=part.hint) for part in done.parts)
        return Candidate(done.steps, size, error_of(self.weights, done))


def error_of(weights: Weights, done: Chained) -> float:
    """Return the mean squared error of the layer's output where its inputs' moment is known, else of its weights."""
    difference = weights.with_values(product(done.parts) - weights.values)
    if weights.has_moment:
        return output_error(difference.matrix, weights.statistics, corrected=done.shift is not None)
    return float(np.sum(np.square(difference.values, dtype=np.float64)))
