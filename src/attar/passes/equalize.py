"""Cross-layer equalization: scale the channels between layers until the weights on either side have the same range.

With r1 the largest weight that makes a channel and r2 the largest that reads it, the channel is multiplied by
sqrt(r2 / r1) on its way, where a factor passes through what stands between (Nagel et al. 2019, section 4.1; card CLE).
It is no step of a recipe: it changes a network in floats, before anything is compressed, and its answers stay.
"""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ..graph.norms import simplify_norms
from ..graph.sizes import inferred
from ..graph.streams import Stream, scale, streams

MOST_PASSES = 40
SETTLED = 1e-4  # of a factor: what a pass may still change when there is no other after it
FARTHEST = 2.0**12  # of a factor, either way
MARGIN = 1.3  # of a clip over the largest number that was seen


def equalized(model: ir.Model, *, largest: Mapping[str, np.ndarray] | None = None) -> ir.Model:
    """Return a copy of `model`, norms folded, whose channels are scaled; its answers are the same up to rounding.

    Args:
        largest: the largest number of every channel (channels,) that samples showed, by tensor. Channels that a Clip
            ends above, as ReLU6 does, are scaled only where that is known and the clip is not reached by MARGIN, which
            it then isn't afterwards; of other samples it may be. Without it they stay as they are.
    """
    copy = inferred(simplify_norms(model).model, {})
    found = [(stream, _room(stream, largest or {})) for stream in streams(copy)]
    factors = [np.ones(stream.channels) for stream, _ in found]
    for _ in range(MOST_PASSES):
        moved = 0.0
        for number, (stream, room) in enumerate(found):
            wanted = np.clip(factors[number] * _balancing(copy, stream), 1 / FARTHEST, FARTHEST)
            wanted = np.where(room > 1, np.minimum(wanted, room), 1.0)
            step = wanted / factors[number]
            scale(copy, stream, step)
            factors[number], moved = wanted, max(moved, float(np.abs(np.log(step)).max(initial=0)))
        if moved < SETTLED:
            break
    return copy


def ranges(model: ir.Model, stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest weight that makes and that reads each channel (channels,)."""
    weights = {name: value.const_value for name, value in model.graph.initializers.items()}
    made = [np.abs(layer.rows(weights[layer.weights].numpy())).max(axis=1) for layer in stream.makers]
    read = [
        np.abs(layer.columns(weights[layer.weights].numpy(), stream.channels)).max(axis=1) for layer in stream.readers
    ]
    return np.max(made, axis=0).astype(np.float64), np.max(read, axis=0).astype(np.float64)


def _balancing(model: ir.Model, stream: Stream) -> np.ndarray:
    """Return the factors that make both ranges the same; 1 for a channel that nothing makes or nothing reads."""
    made, read = ranges(model, stream)
    is_used = (made > 0) & (read > 0)
    return np.sqrt(np.where(is_used, read, 1.0) / np.where(is_used, made, 1.0))


def _room(stream: Stream, largest: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the largest factor of each channel, 1 and less where it has to stay as it is."""
    if np.isinf(stream.limit):
        return np.full(stream.channels, np.inf)
    seen = [largest[name] for name in stream.tensors if name in largest and len(largest[name]) == stream.channels]
    most = np.max(seen, axis=0) if seen else np.full(stream.channels, np.inf)
    return np.where(most > 0, stream.limit / (MARGIN * np.where(most > 0, most, 1.0)), 1.0)
