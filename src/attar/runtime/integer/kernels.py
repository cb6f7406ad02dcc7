"""What each operator of a program computes, in numpy: clear, exact, all samples of a batch at once.

Products are summed by BLAS in floating point where that is exact: every product and every partial sum is an integer,
and integers below 2^24 (float32) or 2^53 (float64) are floating-point numbers, so that nothing is ever rounded in
whatever order BLAS adds, fused or not.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ...numerics.rounding import half_added_and_shifted

EXACT = ((np.float32, 1 << 24), (np.float64, 1 << 53))

Pads = tuple[tuple[int, int], ...]


def dense(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return x @ weights.T as int64: x (..., inputs), weights (outputs, inputs)."""
    kind = exact_type(x, weights)
    return (x.astype(kind) @ weights.astype(kind).T).astype(np.int64)


def matrix_product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return left @ right as int64: (..., rows, terms) and (..., terms, columns)."""
    kind = _exact_below(left.shape[-1] * _largest(left) * _largest(right))
    return (left.astype(kind) @ right.astype(kind)).astype(np.int64)


def convolution(
    x: np.ndarray, weights: np.ndarray, *, strides: tuple, dilations: tuple, pads: Pads, groups: int
) -> np.ndarray:
    """Return the sums of all windows as int64 (samples, outputs, *extents); x (samples, channels, *extents)."""
    kind = exact_type(x, weights)
    seen = windows(padded(x.astype(kind), pads), weights.shape[2:], strides, dilations)
    samples, channels, *shape = seen.shape
    axes, taps = len(shape) // 2, math.prod(weights.shape[2:])
    extents = shape[:axes]
    columns = np.moveaxis(seen, range(2, 2 + axes), range(-axes, 0))
    columns = columns.reshape(samples, groups, channels // groups * taps, math.prod(extents))
    rows = weights.astype(kind).reshape(groups, len(weights) // groups, -1)
    return (rows @ columns).reshape(samples, len(weights), *extents).astype(np.int64)


def transposed_convolution(
    x: np.ndarray,
    weights: np.ndarray,
    *,
    strides: tuple,
    dilations: tuple,
    begins: tuple,
    groups: int,
    extents: tuple[int, ...],
) -> np.ndarray:
    """Return what the cells of x spread over (samples, outputs, *extents), int64.

    It is a convolution of x, zeros between its cells and around them, with the kernel turned around.
    """
    spans = tuple((taps - 1) * dilation + 1 for taps, dilation in zip(weights.shape[2:], dilations, strict=True))
    lengths = [(extent - 1) * stride + 1 for extent, stride in zip(x.shape[2:], strides, strict=True)]
    apart = np.zeros((*x.shape[:2], *lengths), x.dtype)
    apart[(slice(None), slice(None), *(slice(None, None, stride) for stride in strides))] = x
    turned = np.flip(weights, axis=tuple(range(2, weights.ndim)))
    pads = tuple(
        (span - 1 - begin, begin + extent - length)
        for span, begin, extent, length in zip(spans, begins, extents, lengths, strict=True)
    )
    return convolution(apart, turned, strides=(1,) * len(strides), dilations=dilations, pads=pads, groups=groups)


def window_sums(x: np.ndarray, kernel: tuple, *, strides: tuple, dilations: tuple, pads: Pads) -> np.ndarray:
    """Return the sums over all windows, int64."""
    seen = windows(padded(x, pads), kernel, strides, dilations)
    return seen.sum(axis=tuple(range(-len(kernel), 0)), dtype=np.int64)


def window_maxima(q: np.ndarray, kernel: tuple, *, strides: tuple, dilations: tuple, pads: Pads) -> np.ndarray:
    """Return the largest integers of all windows; what lies outside is less than any."""
    seen = windows(padded(q, pads, np.iinfo(q.dtype).min), kernel, strides, dilations)
    return seen.max(axis=tuple(range(-len(kernel), 0)))


def shares(parts: np.ndarray, axis: int) -> np.ndarray:
    """Return each part's share of the sum along `axis` in units of 2^-30, int64; parts 0 to 2^30, one of them 2^30.

    One division for all parts: the sum is 2^30 at least, its reciprocal in units of 2^-61 at most 2^31, and no product
    leaves 62 bits. A share is off by half a unit, and by a quarter that the reciprocal's rounding adds, at most.
    """
    sums = parts.sum(axis=axis, keepdims=True, dtype=np.int64)
    reciprocals = ((np.int64(1) << 61) + (sums >> 1)) // sums
    return half_added_and_shifted(parts * reciprocals, 31)


def windows(x: np.ndarray, kernel: tuple, strides: tuple, dilations: tuple) -> np.ndarray:
    """Return a view (samples, channels, *outputs, *kernel) of x (samples, channels, *extents)."""
    spans = tuple((taps - 1) * dilation + 1 for taps, dilation in zip(kernel, dilations, strict=True))
    seen = sliding_window_view(x, spans, axis=tuple(range(2, x.ndim)))
    steps = [slice(None, None, step) for step in (*strides, *dilations)]
    return seen[(slice(None), slice(None), *steps)]


def padded(x: np.ndarray, pads: Pads, value: int = 0) -> np.ndarray:
    """Return x (samples, channels, *extents) with cells of `value` around its spatial axes; cut for pads below zero."""
    if not any(end for pad in pads for end in pad):
        return x
    wide = np.pad(x, ((0, 0), (0, 0), *((max(b, 0), max(e, 0)) for b, e in pads)), constant_values=value)
    return wide[(slice(None), slice(None), *(slice(max(-b, 0), e if e < 0 else None) for b, e in pads))]


def exact_type(x: np.ndarray, weights: np.ndarray) -> type:
    """Return the fastest type in which sums of products over all but the weights' first axis are exact."""
    rows = np.abs(weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1)
    return _exact_below(int(rows.max(initial=0)) * _largest(x))


def _exact_below(bound: int) -> type:
    return next((kind for kind, limit in EXACT if bound < limit), np.int64)


def _largest(x: np.ndarray) -> int:
    return max(abs(int(x.min(initial=0))), abs(int(x.max(initial=0))))
