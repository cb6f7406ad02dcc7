"""Go through a network layer by layer and change each with what the layers in front of it have become in view."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import onnx_ir as ir

from ..codec.threads import spread_over
from ..graph import WeightLayer
from ..graph.flow import Flow
from ..numerics.positions import Positions
from ..numerics.second_moments import SecondMoments, block_count, second_moments
from ..passes.pipeline import Applied, Chained, changed_tensors, nothing_applied, take, unless_no_smaller
from ..passes.weights import Weights
from ..runtime.layer_inputs import LayerInputs, find_inputs, run_up_to
from ..runtime.stages import Stages

MOST_CELLS = 1 << 25  # of one layer's second moments: the inputs of wider layers are cut into blocks, for memory's sake
POSITIONS = (16, 64)  # fewest and most output positions of a sample that are looked at
COLUMNS_PER_INPUT = 4  # that these positions should come to, over all samples
KEPT_BYTES = (1 << 28, 1 << 30)  # fewest and most, of inner values, by either network; the more weights, the fewer

Treat = Callable[[WeightLayer, Weights], Chained]


class Finished(Protocol):
    """Keeps finished layers for a walk that may be cut short, and has those of one that was."""

    def find(self, layer: WeightLayer, weights: Weights) -> Chained | None:
        """Return the layer as it was finished, None where it wasn't."""

    def keep(self, layer: WeightLayer, done: Chained) -> None:
        """Keep a layer that is finished."""


class Walk:
    """One pass through a network: the original beside its copy that changes."""

    def __init__(self, model: ir.Model, inputs: Mapping[str, np.ndarray], *, threads: int, seed: int = 0) -> None:
        """Get ready to look at what `inputs` (all calibration samples, by name) become inside `model`."""
        weights = sum(value.const_value.nbytes for value in model.graph.initializers.values())
        kept = int(np.clip(KEPT_BYTES[1] - 2 * weights, *KEPT_BYTES))
        self._original = Stages(model, inputs, threads=threads, memory_bytes=kept)
        self._changed = Stages(model, inputs, threads=threads, memory_bytes=kept)
        self._model, self._seed = model, seed
        self._spread = spread_over(threads)
        self._is_changed = False

    def weights(self, layer: WeightLayer) -> Weights:
        """Return the weights of `layer` with the moments of what they multiply, as the networks are now."""
        weights = _unseen(self._model, layer)
        found = find_inputs(self._model, layer)
        if not isinstance(found, LayerInputs):
            return weights
        layout = replace(found.layout, blocks=_blocks(found.layout.inputs))
        return replace(weights, layout=layout, moments=self._moments(found, layout.blocks))

    def pass_by(self, layer: WeightLayer) -> None:
        """Run the networks as `weights` does: values that are kept from here on must not differ in their last bits."""
        for stages in (self._original, self._changed)[: 1 + self._is_changed]:
            run_up_to(stages, layer)

    def change(self, layer: WeightLayer, done: Chained) -> None:
        """Go on with `layer` as `done` left it."""
        overrides = changed_tensors(self._model, layer, done)
        self._changed.replace(overrides)
        self._is_changed = True

    def _moments(self, found: LayerInputs, blocks: int) -> SecondMoments:
        samples = self._original.samples
        wanted = -(-COLUMNS_PER_INPUT * found.layout.inputs // samples)
        positions = Positions(int(np.clip(wanted, *POSITIONS)), self._seed)
        return second_moments(self._pairs(found, positions), blocks=blocks, spread=self._spread)

    def _pairs(self, found: LayerInputs, positions: Positions) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        before = found.column_blocks(self._original, positions)
        if not self._is_changed:
            yield from ((columns, columns) for columns in before)
            return
        yield from zip(before, found.column_blocks(self._changed, positions), strict=True)


def walk(
    model: ir.Model,
    layers: Sequence[WeightLayer],
    inputs: Mapping[str, np.ndarray] | None,
    treat: Treat,
    *,
    threads: int = 0,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
    finished: Finished | None = None,
) -> Applied:
    """Return a copy of `model` whose `layers` went through `treat`, one after the other, in the order of the flow.

    Without `inputs` nothing is looked at.
    """
    seen = None if inputs is None else Walk(model, inputs, threads=threads, seed=seed)
    result = nothing_applied(model)
    sizes = np.cumsum([layer.size for layer in layers])
    for layer, reached in zip(in_order(model, layers), sizes, strict=True):
        weights = _unseen(model, layer)
        done = finished.find(layer, weights) if finished else None
        if done is None:
            weights = seen.weights(layer) if seen else weights
            done = unless_no_smaller(weights, treat(layer, weights))
            if finished:
                finished.keep(layer, done)
        elif seen:
            seen.pass_by(layer)
        if seen:
            seen.change(layer, done)
        result = take(result, layer, done, weights)
        progress(float(reached / sizes[-1]))
    return result


def in_order(model: ir.Model, layers: Sequence[WeightLayer]) -> list[WeightLayer]:
    """Return the layers in the order in which the network first reads them."""
    read = dict.fromkeys(value.name for values in Flow(model.graph).reads.values() for value in values)
    place = {name: number for number, name in enumerate(read)}
    return sorted(layers, key=lambda layer: place.get(layer.name, len(place)))


def _blocks(inputs: int) -> int:
    """Return into how many blocks, n numbers each, so many inputs are cut: n x inputs is at most MOST_CELLS."""
    return block_count(inputs, max(MOST_CELLS // inputs, 1))


def _unseen(model: ir.Model, layer: WeightLayer) -> Weights:
    return Weights.of(layer, model.graph.initializers[layer.name].const_value.numpy())
