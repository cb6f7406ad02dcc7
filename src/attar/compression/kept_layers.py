"""The finished layers of a pass that isn't finished: kept one by one where a pass takes minutes.

A layer is stored as what settled it: integers and steps of its tensors, the shift of its bias, the steps it took.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir

from .. import container
from ..codec import GridHint
from ..graph import WeightLayer
from ..numerics.rounding import narrowed
from ..passes.catalog import config_from_json, config_to_json
from ..passes.pipeline import Chained, decided
from ..passes.quantize.bias_correction import Shift
from ..passes.quantize.rate_distortion import RateDistortion, Rounded
from ..passes.weights import Weights, product
from .work import Record, WorkFolder, number_of, text_of, usable

LARGE = 20_000_000  # weights: a pass over fewer is made again
SHIFT = "shift"


class KeptLayers:
    """What one pass at one slope has finished, in a folder.

    Attributes:
        found: how many layers were taken from an earlier run. slope: of the pass.
    """

    def __init__(self, folder: WorkFolder, key: str, model: ir.Model, layers: Sequence[WeightLayer], slope: float):
        self.found = 0
        self.slope = slope
        self._folder, self._key, self._model = folder, key, model
        self._names = {layer.name: f"layer-{number:04}" for number, layer in enumerate(layers, 1)}

    def find(self, layer: WeightLayer, weights: Weights) -> Chained | None:
        """Return the layer as it was finished, None where it wasn't."""
        record = self._folder.read(self._names[layer.name], self._key)
        if record is None or (record.facts.get("layer"), record.facts.get("slope")) != (layer.name, self.slope):
            return None
        done = usable(lambda: _read(record, layer, weights, self._model))
        if done is None:
            self._folder.refuse(self._names[layer.name])
        self.found += done is not None
        return done

    def keep(self, layer: WeightLayer, done: Chained) -> None:
        """Keep a layer; one whose tensors are not integers times a step is not worth it."""
        hints = [part.hint for part in done.parts]
        if any(hint is None or hint.axis is not None for hint in hints):
            return
        tensors = {str(place): narrowed(hint.integers) for place, hint in enumerate(hints)}
        if done.shift is not None:
            tensors[SHIFT] = done.shift.values
        facts = {
            "layer": layer.name,
            "slope": self.slope,
            "grids": [float(hint.scales[0]) for hint in hints],
            "shift_step": None if done.shift is None or done.shift.step is None else float(done.shift.step),
            "steps": [config_to_json(config) for config in done.steps],
            "declined": [list(note) for note in done.declined],
        }
        self._folder.write(self._names[layer.name], self._key, facts, container.to_bytes(None, tensors=tensors))

    def remove(self) -> None:
        """Remove the layers: the pass has come to its end."""
        for name in self._names.values():
            self._folder.remove(name)


def _read(record: Record, layer: WeightLayer, weights: Weights, model: ir.Model) -> Chained:
    facts, room = record.facts, 16 * weights.values.nbytes + 2**20
    tensors = dict(container.open(record.data, max_decoded_bytes=room).tensors())
    steps = tuple(config_from_json(step) for step in facts["steps"])
    hints = tuple(_hint(tensors[str(place)], step) for place, step in enumerate(facts["grids"]))
    _check_shapes(hints, weights)
    done = decided(weights, _of_rank(steps), Rounded(hints, 0.0))
    if product(done.parts).shape != weights.values.shape:
        raise ValueError("factors of another matrix")
    declined = tuple((text_of(technique), text_of(reason)) for technique, reason in facts["declined"])
    shift = _shift(tensors[SHIFT], facts["shift_step"], layer, model) if SHIFT in tensors else None
    return replace(done, steps=steps, declined=declined, shift=shift)


def _check_shapes(hints: Sequence[GridHint], weights: Weights) -> None:
    if len(hints) == 1 and hints[0].integers.shape == weights.values.shape:
        return
    if len(hints) != 2 or not weights.is_matrix or any(hint.integers.ndim != 2 for hint in hints):
        raise ValueError("tensors of another shape")


def _of_rank(steps: Sequence[Any]) -> RateDistortion:
    return next(step for step in steps if isinstance(step, RateDistortion))


def _hint(integers: np.ndarray, step: Any) -> GridHint:
    scale = np.array([number_of(step)], np.float32)
    if not np.issubdtype(integers.dtype, np.signedinteger) or not (scale > 0).all() or not np.isfinite(scale).all():
        raise ValueError("no integers, or no step")
    return GridHint(integers, scale)


def _shift(values: np.ndarray, step: Any, layer: WeightLayer, model: ir.Model) -> Shift:
    offset = None if layer.offset is None else model.graph.initializers[layer.offset.name]
    if offset is None or values.shape != tuple(offset.const_value.shape) or not np.isfinite(values).all():
        raise ValueError("a shift of another bias")
    return Shift(values, None if step is None else _hint(np.zeros(1, np.int32), step).scales[0])
