"""Inner values of a network for all samples, kept as long as they fit into memory."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir


@dataclass(frozen=True)
class Checkpoint:
    """Where a later run may start.

    Attributes:
        values: one array per batch, by inner value.
        done: the operators that need not run again as long as the values are there.
    """

    values: Mapping[ir.Value, list[np.ndarray]] = field(default_factory=dict)
    done: Set[ir.Node] = frozenset()

    def without(self, values: Set[ir.Value]) -> "Checkpoint":
        """Return what is left when some values are out of date."""
        kept = {value: arrays for value, arrays in self.values.items() if value not in values}
        return Checkpoint(kept, self.done - {value.producer() for value in values})


class Collector:
    """Gathers values batch by batch and gives up, freeing them, as soon as all batches would not fit."""

    def __init__(self, batches: int, memory_bytes: int) -> None:
        self._batches, self._memory_bytes = batches, memory_bytes
        self._seen, self._bytes = 0, 0
        self._values: dict[ir.Value, list[np.ndarray]] = {}

    @property
    def fits(self) -> bool:
        """Whether all batches fit if those to come are like those seen."""
        return self._bytes * self._batches <= self._memory_bytes * max(self._seen, 1)

    def add(self, batch: Mapping[ir.Value, np.ndarray]) -> None:
        """Keep the values of the next batch."""
        self._seen += 1
        self._bytes += sum(values.nbytes for values in batch.values())
        if not self.fits:
            self._memory_bytes = -1  # for good, however small the batches to come
            self._values.clear()
            return
        for value, values in batch.items():
            self._values.setdefault(value, []).append(values)

    def checkpoint(self, done: Set[ir.Node]) -> Checkpoint | None:
        """Return what was gathered, None where it did not fit."""
        return Checkpoint(self._values, done) if self.fits else None
