"""The columns that a convolution's weights multiply: what each output position sees of the input.

With W = weights.reshape(outputs, -1) of one group, output = W @ columns + bias. A transposed convolution is seen as the
convolution of its input with zeros in between: an output position sees the inputs of its own phase, zeros elsewhere.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .positions import ALL, Positions

if TYPE_CHECKING:
    from ..graph.geometry import Geometry

BLOCK_BYTES = 1 << 26


def columns(inputs: np.ndarray, geometry: "Geometry", positions: Positions = ALL, *, first: int = 0) -> np.ndarray:
    """Return the columns of a batch of inputs (samples, channels, *extents) as one array; see `column_blocks`."""
    return np.concatenate(list(column_blocks(inputs, geometry, positions, first=first)), axis=1)


def column_blocks(
    inputs: np.ndarray,
    geometry: "Geometry",
    positions: Positions = ALL,
    *,
    first: int = 0,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[np.ndarray]:
    """Yield the columns of a batch in blocks of at most `block_bytes`, or of one position where that is more.

    Args:
        inputs: (samples, channels, *extents) of any float type.
        positions: which output positions; in row-major order within a sample, samples one after the other.
        first: number of the batch's first sample among all.

    Yields:
        (groups, positions, channels per group * taps) in float32; the last axis in the order of the weights of one
        output channel, for a ConvTranspose once its weights' second axis has been moved to the front.
    """
    samples, channels, *extents = inputs.shape
    outputs = [geometry.output(axis, extent) for axis, extent in enumerate(extents)]
    chosen = positions.choose(int(np.prod(outputs)), range(first, first + samples))
    sources = [_sources(geometry, axis, extents[axis], outputs[axis]) for axis in range(len(extents))]
    cells = inputs.reshape(samples, geometry.groups, channels // geometry.groups, -1)
    step = max(block_bytes // (4 * channels * int(np.prod(geometry.kernel))), 1)
    for start in range(0, chosen.size, step):
        stop = min(start + step, chosen.size)
        block = np.empty((geometry.groups, stop - start, cells.shape[2], int(np.prod(geometry.kernel))), np.float32)
        filled = 0
        for sample, places in _by_sample(start, stop, chosen.shape[1]):
            at = np.unravel_index(chosen[sample, places], outputs)
            seen = _seen(cells[sample], *_taps(sources, extents, at))
            block[:, filled : filled + seen.shape[1]] = seen
            filled += seen.shape[1]
        yield block.reshape(*block.shape[:2], -1)


def _by_sample(start: int, stop: int, each: int) -> Iterator[tuple[int, slice]]:
    """Yield the samples, and which of their `each` positions, that lie between `start` and `stop`."""
    for sample in range(start // each, -(-stop // each)):
        yield sample, slice(max(start - sample * each, 0), min(stop - sample * each, each))


def _seen(cells: np.ndarray, taps: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Return (groups, positions, channels, taps) of one sample's cells (groups, channels, cells).

    Nothing but the cells that are seen is copied: of a large map few positions are cheap.
    """
    seen = cells.take(taps, axis=2, mode="clip")
    if outside.any():
        np.copyto(seen, 0, where=outside)
    return seen.transpose(0, 2, 1, 3)


def _sources(geometry: "Geometry", axis: int, extent: int, outputs: int) -> np.ndarray:
    """Return, along one axis, the input coordinate that tap t sees at output o (outputs, taps), -1 for a zero."""
    o, t = np.ogrid[:outputs, : geometry.kernel[axis]]
    stride, offset = geometry.strides[axis], t * geometry.dilations[axis]
    begin = geometry.begin(axis, extent)
    if geometry.transposed:
        place, phase = np.divmod(o + begin - offset, stride)
        place = np.where(phase == 0, place, -1)
    else:
        place = o * stride + offset - begin
    return np.where((place >= 0) & (place < extent), place, -1)


def _taps(
    sources: list[np.ndarray], extents: list[int], places: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells that all taps see, and which of them lie outside: both (positions, taps)."""
    found, outside = np.zeros((len(places[0]), 1), np.intp), np.zeros((len(places[0]), 1), bool)
    for source, extent, place in zip(sources, extents, places, strict=True):
        along = source[place]
        found = (found[:, :, None] * extent + along[:, None]).reshape(len(along), -1)
        outside = (outside[:, :, None] | (along < 0)[:, None]).reshape(len(along), -1)
    return found, outside
