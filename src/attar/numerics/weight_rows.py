"""Weights as matrices with a row for each output, in the order of the columns that they multiply; and back."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .second_moments import block_count

UNKNOWN_INPUTS = 512  # of one block


@dataclass(frozen=True)
class WeightRows:
    """How weights become (groups, outputs per group, inputs).

    Attributes:
        shape: of the weights. split: the shape that their numbers are seen in.
        order: the axes of `split`: that of the groups, that of the outputs, those of the inputs.
        blocks: equal parts that the inputs are cut into, each a group of its own.
    """

    shape: tuple[int, ...]
    split: tuple[int, ...]
    order: tuple[int, ...]
    blocks: int = 1

    @property
    def inputs(self) -> int:
        """Inputs of one output, all blocks together."""
        return math.prod(self.split[axis] for axis in self.order[2:])

    @property
    def as_shape(self) -> tuple[int, int, int]:
        """The shape of `rows`."""
        groups, outputs = (self.split[axis] for axis in self.order[:2])
        return groups * self.blocks, outputs, self.inputs // self.blocks

    def parts(self, size: int) -> Iterator[tuple[tuple, "WeightRows"]]:
        """Yield the place in the weights, and the layout, of parts of about `size` numbers: some of the outputs each.

        Where there are groups the weights stay one part.
        """
        if self.split[self.order[0]] > 1:
            yield (...,), self
            return
        axis = self._output_axis
        outputs = self.shape[axis]
        step = max(size * outputs // math.prod(self.shape), 1)
        for start in range(0, outputs, step):
            stop = min(start + step, outputs)
            shape = (*self.shape[:axis], stop - start, *self.shape[axis + 1 :])
            split = tuple(stop - start if at == self.order[1] else extent for at, extent in enumerate(self.split))
            yield (*[slice(None)] * axis, slice(start, stop)), replace(self, shape=shape, split=split)

    def rows(self, weights: np.ndarray) -> np.ndarray:
        """Return weights of `shape` as (groups x blocks, outputs per group, inputs of a block)."""
        seen = weights.reshape(self.split).transpose(self.order)
        groups, outputs = seen.shape[:2]
        cut = seen.reshape(groups, outputs, self.blocks, -1).swapaxes(1, 2)
        return cut.reshape(groups * self.blocks, outputs, -1)

    @property
    def _output_axis(self) -> int:
        """The axis of the weights that the outputs of the only group lie along."""
        outputs, before = self.split[self.order[1]], math.prod(self.split[: self.order[1]])
        fitting = (axis for axis, extent in enumerate(self.shape) if extent == outputs)
        return next(axis for axis in fitting if math.prod(self.shape[:axis]) == before)

    def weights(self, rows: np.ndarray) -> np.ndarray:
        """Undo `rows`."""
        whole = rows.reshape(-1, self.blocks, *rows.shape[1:]).swapaxes(1, 2)
        seen = whole.reshape([self.split[axis] for axis in self.order])
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


def plain_rows(shape: tuple[int, ...], channel_axis: int) -> WeightRows:
    """Describe weights of any kind, whose inputs are not known: a row for every index along the channel axis."""
    others = tuple(axis + 1 for axis in range(len(shape)) if axis != channel_axis)
    return WeightRows(shape, (1, *shape), (0, channel_axis + 1, *others))


def in_blocks(layout: WeightRows) -> WeightRows:
    """Return the layout with its inputs cut where nothing is known of them: no form over all of them is needed."""
    return replace(layout, blocks=block_count(layout.inputs, UNKNOWN_INPUTS))
