"""Integers to bytes: the smallest of the symbol coders."""

from collections.abc import Callable
from functools import partial

import numpy as np

from . import levels, packed, rans, relative
from .coders import LEVELS, PACKED, RANS, RELATIVE
from .effort import BEST, Effort
from .histogram import Histogram, histogram

# Estimated size in bytes, coder, and what writes the payload.
_Candidate = tuple[float, int, Callable[[], bytes]]
# From here on an estimate of either entropy coder is good to a part in a thousand.
_LONG = 1 << 15


def encode_symbols(
    symbols: np.ndarray,
    *,
    shape: tuple[int, ...] | None = None,
    effort: Effort = BEST,
) -> tuple[int, bytes]:
    """The symbol coder and payload of fewest bytes for a contiguous int32 vector, ties to the lowest coder.

    `shape` is that of the tensor, whose rows and columns may differ in scale; None means a vector.
    """
    hist = histogram(symbols)
    packed_plan = packed.plan(hist)
    found: list[tuple[int, int, Callable[[], bytes]]] = [
        (packed_plan.size_bytes, PACKED, partial(packed.write, symbols, packed_plan))
    ]
    entropy = _entropy_coded(symbols, hist, (symbols.size,) if shape is None else shape, effort)
    if entropy is not None:
        coder, payload = entropy
        found.append((len(payload), coder, lambda: payload))
    if RELATIVE in effort.coders and not (LEVELS in effort.coders and symbols.size >= _LONG and _is_dense(hist)):
        limit_bytes = min(size for size, _, _ in found)
        relative_plan = relative.plan(symbols, hist, limit_bytes=limit_bytes, exhaustive=effort.exhaustive)
        if relative_plan is not None:
            found.append((relative_plan.size_bytes, RELATIVE, partial(relative.write, symbols, relative_plan)))
    _, coder, write = min(found, key=lambda candidate: candidate[:2])
    return coder, write()


def _is_dense(hist: Histogram) -> bool:
    """Most symbols are other than zero: gaps of whole bits cannot pay."""
    return hist.counts is None or not hist.low <= 0 <= hist.high or 2 * hist.counts[-hist.low] < hist.n


def _entropy_coded(
    symbols: np.ndarray, hist: Histogram, shape: tuple[int, ...], effort: Effort
) -> tuple[int, bytes] | None:
    """The smaller of the two entropy coders' payloads; of a long vector's only the one that promises to be.

    There levels may cost a part in 500 more: they come in chunks, and decode straight to where they are wanted.
    """
    found: list[_Candidate] = []
    rans_plan = rans.plan(hist) if RANS in effort.coders else None
    levels_plan = levels.plan(symbols, shape, threads=effort.threads) if LEVELS in effort.coders else None
    if rans_plan is not None:
        found.append((rans_plan.estimated_bytes, RANS, partial(rans.write, symbols, rans_plan)))
    if levels_plan is not None:
        found.append(
            (levels_plan.estimated_bytes, LEVELS, partial(levels.write, symbols, levels_plan, threads=effort.threads))
        )
    if found and symbols.size >= _LONG:
        found = [min(found, key=lambda candidate: candidate[0] * (1.002 if candidate[1] == RANS else 1.0))]
    return min(((coder, write()) for _, coder, write in found), key=lambda done: (len(done[1]), done[0]), default=None)
