"""Weights as matrices with a row for each output, in the order of the columns that they multiply; and back."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class WeightRows:
    """How weights become (groups, outputs per group, inputs).

    Attributes:
        shape: of the weights. split: the shape that their numbers are seen in.
        order: the axes of `split`: that of the groups, that of the outputs, those of the inputs.
    """

    shape: tuple[int, ...]
    split: tuple[int, ...]
    order: tuple[int, ...]

    def rows(self, weights: np.ndarray) -> np.ndarray:
        """Return weights of `shape` as (groups, outputs per group, inputs)."""
        seen = weights.reshape(self.split).transpose(self.order)
        return seen.reshape(*seen.shape[:2], -1)

    def weights(self, rows: np.ndarray) -> np.ndarray:
        """Undo `rows`."""
        seen = rows.reshape([self.split[axis] for axis in self.order])
        return np.ascontiguousarray(seen.transpose(np.argsort(self.order))).reshape(self.shape)


def convolution_rows(shape: tuple[int, ...], groups: int, *, transposed: bool = False) -> WeightRows:
    """Describe weights (outputs, inputs per group, *kernel); (inputs, outputs per group, *kernel) where transposed."""
    each, taps = shape[0] // groups, math.prod(shape[2:])
    order = (0, 2, 1, 3) if transposed else (0, 1, 2, 3)
    return WeightRows(shape, (groups, each, shape[1], taps), order)


def matrix_rows(shape: tuple[int, ...], channel_axis: int) -> WeightRows:
    """Describe a matrix, or a stack of them, whose outputs lie along the last axis or the last but one."""
    outputs_last = channel_axis == len(shape) - 1
    return WeightRows(shape, (math.prod(shape[:-2]), *shape[-2:]), (0, 2, 1) if outputs_last else (0, 1, 2))
