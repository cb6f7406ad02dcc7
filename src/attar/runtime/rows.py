"""Outputs of many batches put together: rows of samples, constants, rows whose number depends on the data."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import DataError
from ..graph.flow import steady_outputs

Outputs = Sequence[np.ndarray]


class Rows:
    """The outputs of one network, in its order; constant ones have no rows of samples."""

    def __init__(self, graph: ir.Graph) -> None:
        constant = steady_outputs(graph)
        self._is_constant = [value.name in constant for value in graph.outputs]

    def with_an_axis(self, outputs: Outputs) -> list[np.ndarray]:
        """Return a batch in which a single number that depends on samples is an array of one."""
        pairs = zip(outputs, self._is_constant, strict=True)
        return [values if is_constant else np.atleast_1d(values) for values, is_constant in pairs]

    def first(self, outputs: Outputs, samples: int) -> list[np.ndarray]:
        """Return what so many samples have of a batch whose other ones were there to fill it."""
        pairs = zip(outputs, self._is_constant, strict=True)
        return [values if is_constant else values[:samples] for values, is_constant in pairs]

    def are_samples(self, outputs: Outputs, samples: int) -> bool:
        """Whether a batch of so many samples has a row for each: its number of rows depends on nothing else."""
        pairs = zip(outputs, self._is_constant, strict=True)
        return all(is_constant or len(values) == samples for values, is_constant in pairs)

    def joined(self, batches: Sequence[Outputs]) -> list[np.ndarray]:
        """Return the outputs of all batches, one behind the other; constant ones as they are."""
        columns = zip(zip(*batches, strict=True), self._is_constant, strict=True)
        return [column[0] if is_constant else join(column) for column, is_constant in columns]


def join(parts: Outputs) -> np.ndarray:
    """Return the batches of one output, one behind the other.

    Raises:
        DataError: they differ in more than the number of samples.
    """
    if len(parts) == 1:
        return np.asarray(parts[0])
    try:
        return np.concatenate(parts)
    except ValueError as error:
        raise DataError(f"an output changes its shape from batch to batch: {error}") from error
