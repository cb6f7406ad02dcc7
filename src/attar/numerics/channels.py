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


def as_rows(values: np.ndarray, granularity: Granularity, channel_axis: int) -> np.ndarray:
    """Return (groups, values per group): one group for `PerTensor`, one for every channel otherwise."""
    if isinstance(granularity, PerTensor):
        return values.reshape(1, -1)
    return np.moveaxis(values, channel_axis, 0).reshape(values.shape[channel_axis], -1)


def from_rows(rows: np.ndarray, shape: tuple[int, ...], granularity: Granularity, channel_axis: int) -> np.ndarray:
    """Undo `as_rows` for a tensor of `shape`."""
    if isinstance(granularity, PerTensor):
        return rows.reshape(shape)
    moved = (shape[channel_axis], *shape[:channel_axis], *shape[channel_axis + 1 :])
    return np.ascontiguousarray(np.moveaxis(rows.reshape(moved), 0, channel_axis))
