"""What a decoder is asked for: a tensor, or a run of its elements."""

from typing import NamedTuple

import numpy as np

from .elements import element_count


class Window(NamedTuple):
    """Elements `start` to `stop` - 1, in row-major order, of a tensor of this type and shape; by so many threads.

    `out` is a vector that may take them.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    start: int
    stop: int
    threads: int = 1
    out: np.ndarray | None = None

    @property
    def n(self) -> int:
        """All elements of the tensor."""
        return element_count(self.shape)

    def empty(self, dtype: np.dtype) -> np.ndarray:
        """A vector for the wanted elements: the caller's own where it is of this type."""
        if self.out is not None and self.out.dtype == dtype:
            return self.out
        return np.empty(self.stop - self.start, dtype)

    def of(self, whole: np.ndarray) -> np.ndarray:
        """The wanted elements of the whole tensor."""
        return whole.reshape(-1)[self.start : self.stop]
