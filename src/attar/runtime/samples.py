"""All samples of a run, cut into batches once and for all."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from ..errors import DataError


class Samples:
    """The inputs of a network, batch by batch; one that is a single number is the same for every batch.

    Attributes:
        count: number of samples. step: samples in a batch, the last one excepted.
    """

    def __init__(self, inputs: Mapping[str, np.ndarray], step: int, *, full: bool) -> None:
        """Cut `inputs` into batches of `step`.

        Args:
            full: fill the last batch with its last sample, for a network that insists on its batch.

        Raises:
            DataError: no samples, or not as many for every input.
        """
        self._inputs = dict(inputs)
        self.count = sample_count(inputs)
        self.step = step
        self._full = full

    def __len__(self) -> int:
        return -(-self.count // self.step)

    def missing(self, index: int) -> int:
        """Return how many samples of batch `index` are there to fill it only."""
        return max(self.step * (index + 1) - self.count, 0) if self._full else 0

    def batch(self, name: str, index: int) -> np.ndarray:
        """Return batch `index` of one input.

        Raises:
            DataError: that input was not given.
        """
        if name not in self._inputs:
            raise DataError(f"the network needs input '{name}', which was not given: {', '.join(self._inputs)} were")
        if not np.ndim(self._inputs[name]):
            return self._inputs[name]
        values = self._inputs[name][index * self.step : (index + 1) * self.step]
        return filled(values, self.missing(index))


def sample_count(inputs: Mapping[str, np.ndarray]) -> int:
    """Return the number of samples.

    Raises:
        DataError: there are none, or not as many for every input.
    """
    counts = {name: len(values) for name, values in inputs.items() if np.ndim(values)}
    count = next(iter(counts.values()), 0)
    if count == 0 or set(counts.values()) != {count}:
        raise DataError(f"every input needs the same number of samples, one at least: {counts}")
    return count


def fixed_batch(inputs: Sequence[ir.Value]) -> int | None:
    """Return the batch that a network with these inputs insists on; None where it is free."""
    shapes = [value.shape for value in inputs if value.shape]
    return shapes[0][0] if shapes and isinstance(shapes[0][0], int) else None


def filled(values: np.ndarray, missing: int) -> np.ndarray:
    """Return `values` with the last sample repeated as often as samples are missing."""
    return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)]) if missing else values
