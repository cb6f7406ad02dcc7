"""View a weight tensor as rows of channels, and choose how many of them share one scale."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PerTensor:
    """One scale for the whole tensor."""


@dataclass(frozen=True)
class PerChannel:
    """One scale for every output channel of the layer."""


Granularity = PerTensor | PerChannel


def as_rows(values: np.ndarray, axis: int | None) -> np.ndarray:
    """Return (groups, values per group): one group for no axis, else one for every index along it."""
    if axis is None:
        return values.reshape(1, -1)
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)


def from_rows(rows: np.ndarray, shape: tuple[int, ...], axis: int | None) -> np.ndarray:
    """Undo `as_rows` for a tensor of `shape`."""
    if axis is None:
        return rows.reshape(shape)
    moved = (shape[axis], *shape[:axis], *shape[axis + 1 :])
    return np.ascontiguousarray(np.moveaxis(rows.reshape(moved), 0, axis))
