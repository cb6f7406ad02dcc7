"""The columns that the weights of a Gemm or MatMul multiply, on either side, one matrix or a stack of them."""

import math
from collections.abc import Iterator

import numpy as np

from .patches import BLOCK_BYTES
from .positions import ALL, Positions


def matrix_column_blocks(
    inputs: np.ndarray,
    stack: tuple[int, ...] = (),
    positions: Positions = ALL,
    *,
    samples: int | None = None,
    first: int = 0,
    turned: bool = False,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[np.ndarray]:
    """Yield what the weights multiply in blocks of at most `block_bytes`, or of one sample where that is more.

    Args:
        inputs: the other operand, (*stack, rows, inputs).
        stack: the leading axes of the weights, (2,) for weights (2, inputs, outputs).
        positions: which rows of every sample.
        samples: how many samples the rows come from, all rows of one after the other; None, or where it doesn't divide
            their number, for as many as the first axis of the inputs that is not one of the stack.
        first: number of the batch's first sample among all.
        turned: whether the inputs' axis is the last but one: weights on the left, or an operand that Gemm transposes.

    Yields:
        (matrices in the stack, positions, inputs) in float32.
    """
    rows = _by_matrix(inputs, stack, turned=turned)
    if samples and rows.shape[1] * rows.shape[2] % samples == 0:
        rows = rows.reshape(rows.shape[0], samples, -1, rows.shape[3])
    matrices, samples, count, width = rows.shape
    chosen = positions.choose(count, range(first, first + samples))
    step = max(block_bytes // max(4 * matrices * width * chosen.shape[1], 1), 1)
    for start in range(0, samples, step):
        part = rows[:, start : start + step]
        if chosen.shape[1] < count:
            part = np.take_along_axis(part, chosen[None, start : start + step, :, None], axis=2)
        yield part.reshape(matrices, -1, width).astype(np.float32, copy=False)


def _by_matrix(inputs: np.ndarray, stack: tuple[int, ...], *, turned: bool) -> np.ndarray:
    """Return (matrices, samples, rows, inputs): in front the axes along which the weights differ."""
    rows = inputs[None] if inputs.ndim == 1 else np.swapaxes(inputs, -1, -2) if turned else inputs
    leading = np.broadcast_shapes(rows.shape[:-2], stack)
    rows = np.broadcast_to(rows, (*leading, *rows.shape[-2:]))
    of_stack = [len(leading) - len(stack) + axis for axis, extent in enumerate(stack) if extent > 1]
    rows = np.moveaxis(rows, of_stack, range(len(of_stack)))
    matrices, others = math.prod(stack), rows.shape[len(of_stack) : -1]
    samples = others[0]  # the rows themselves where no axis but theirs is left
    return rows.reshape(matrices, samples, math.prod(others[1:]), rows.shape[-1])
