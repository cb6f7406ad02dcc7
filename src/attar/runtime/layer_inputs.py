"""What a layer's weights multiply, seen while a network runs stage by stage."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..graph import WeightLayer
from ..graph.readings import Convolution, Lookup, Reading, Recurrence, Unseen, readings
from ..numerics.hidden_states import states_before
from ..numerics.matrix_columns import matrix_column_blocks
from ..numerics.patches import BLOCK_BYTES, column_blocks
from ..numerics.positions import ALL, Positions
from ..numerics.weight_rows import WeightRows, convolution_rows, matrix_rows
from .stages import Stages


@dataclass(frozen=True)
class LayerInputs:
    """How to see what one layer multiplies.

    Attributes:
        layer: the initializer's name.
        layout: the weights as rows in the order of the columns: output = layout.rows(weights) @ column.
        readings: the operators that multiply by them, one after the other.
    """

    layer: str
    layout: WeightRows
    readings: tuple[Reading, ...]

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensors that have to be known, for `Stages.batches`."""
        return tuple(dict.fromkeys(name for reading in self.readings for name in _tensors(reading)))

    def column_blocks(
        self, stages: Stages, positions: Positions = ALL, *, block_bytes: int = BLOCK_BYTES
    ) -> Iterator[np.ndarray]:
        """Yield the columns of all samples (groups, positions, inputs), float32, under the current weights.

        Two `Stages` of one network and one set of inputs yield blocks that belong together, position by position.

        Raises:
            ModelError, DataError: as `Stages.batches`.
        """
        for number, batch in enumerate(stages.batches(self.tensors)):
            first = number * stages.batch
            samples = range(first, min(first + stages.batch, stages.samples))
            for reading in self.readings:
                yield from self._of_batch(reading, batch, samples, positions, block_bytes)

    def _of_batch(
        self, reading: Reading, batch: Mapping[str, np.ndarray], samples: range, positions: Positions, block_bytes: int
    ) -> Iterator[np.ndarray]:
        if isinstance(reading, Convolution):
            seen = batch[reading.tensor]
            return column_blocks(seen, reading.window, positions, first=samples.start, block_bytes=block_bytes)
        if isinstance(reading, Recurrence):
            seen, stack, turned = _steps(reading, batch), self.layout.shape[:1], False
        else:
            seen, stack, turned = batch[reading.tensor], reading.stack, reading.turned
        return matrix_column_blocks(
            seen,
            stack,
            positions,
            samples=len(samples),
            first=samples.start,
            turned=turned,
            block_bytes=block_bytes,
        )


def find_inputs(model: ir.Model, layer: WeightLayer) -> LayerInputs | Unseen:
    """Return how to see what `layer` of `model` multiplies, or why it can't be seen.

    Where a Gather looks up rows of the same weights, what the other operators multiply is told; see `row_counts`.
    A Gemm's alpha, which scales weights times columns, is left out.
    """
    found = readings(model, layer.name)
    if isinstance(found, Unseen):
        return found
    multiplying = tuple(reading for reading in found if not isinstance(reading, Lookup))
    layouts = {_layout(reading, layer.shape) for reading in multiplying}
    if len(layouts) != 1:
        return Unseen("read along different axes" if layouts else "its rows are looked up, not multiplied")
    return LayerInputs(layer.name, layouts.pop(), multiplying)


def run_up_to(stages: Stages, layer: WeightLayer) -> None:
    """Run the network to where `layer` multiplies, so that what follows starts there; nowhere if that can't be seen.

    Raises:
        ModelError, DataError: as `Stages.batches`.
    """
    found = find_inputs(stages.model, layer)
    if isinstance(found, LayerInputs):
        deque(stages.batches(found.tensors), maxlen=0)


def row_counts(stages: Stages, layer: WeightLayer) -> np.ndarray | Unseen:
    """Return how often all samples together look up each row of a table (rows,).

    Raises:
        ModelError, DataError: as `Stages.batches`.
    """
    found = readings(stages.model, layer.name)
    if isinstance(found, Unseen):
        return found
    tensors = [reading.tensor for reading in found if isinstance(reading, Lookup)]
    if not tensors:
        return Unseen("no Gather looks up its rows")
    counts = np.zeros(layer.shape[0], np.int64)
    for batch in stages.batches(tensors):
        for tensor in tensors:  # one that two operators read counts for both; numbers from the end are negative
            counts += np.bincount(batch[tensor].reshape(-1) % len(counts), minlength=len(counts))
    return counts


def _tensors(reading: Reading) -> tuple[str, ...]:
    initial = getattr(reading, "initial", None)
    return (reading.tensor, initial) if isinstance(initial, str) else (reading.tensor,)


def _layout(reading: Reading, shape: tuple[int, ...]) -> WeightRows:
    if isinstance(reading, Convolution):
        return convolution_rows(shape, reading.window.groups, transposed=reading.window.transposed)
    return matrix_rows(shape, 1 if isinstance(reading, Recurrence) else reading.channel_axis)


def _steps(reading: Recurrence, batch: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what the weights meet at every step (samples, directions, steps, features)."""
    if not reading.hidden:
        return batch[reading.tensor].transpose(1, 0, 2)[:, None]
    first = batch[reading.initial] if isinstance(reading.initial, str) else reading.initial
    return states_before(batch[reading.tensor], reading.directions, first)
