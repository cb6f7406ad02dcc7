"""Moments of every layer's inputs, streamed over the calibration samples."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..evaluate import Dataset
from ..graph import WeightLayer
from ..graph.expose import expose
from ..graph.readings import only_reading
from ..numerics.moments import InputStatistics, Moments
from ..runtime import Session

MAX_FEATURES = 8192  # the second moment of a wider layer would take more than half a gigabyte


def input_statistics(
    model: ir.Model, layers: Sequence[WeightLayer], samples: Dataset, *, threads: int
) -> dict[str, InputStatistics]:
    """Return the moments of every layer's inputs, by layer name; matrices get the second moment too."""
    by_name = {layer.name: layer for layer in layers if layer.op_type != "ConvTranspose"}
    found = {name: only_reading(model, layer) for name, layer in by_name.items()}
    tensors = {name: reading.tensor for name, reading in found.items() if reading is not None}
    if not tensors:
        return {}
    sums = {name: Moments(second=_wants_second(by_name[name])) for name in tensors}
    wanted = sorted(set(tensors.values()))
    session = Session(expose(model, wanted), threads=threads)
    for batch in session.batches(samples.inputs):
        seen = dict(zip(wanted, batch, strict=True))
        for name, tensor in tensors.items():
            sums[name].add(_features_last(seen[tensor], by_name[name]))
    return {name: _statistics(sums[name], by_name[name]) for name in tensors}


def _wants_second(layer: WeightLayer) -> bool:
    return layer.role == "matrix" and layer.shape[1 - layer.channel_axis] <= MAX_FEATURES


def _features_last(values: np.ndarray, layer: WeightLayer) -> np.ndarray:
    """Return samples (..., features); every position of a convolution's input is a sample of its channels."""
    return np.moveaxis(values, 1, -1) if layer.op_type == "Conv" else values


def _statistics(sums: Moments, layer: WeightLayer) -> InputStatistics:
    if layer.op_type != "Conv":
        return InputStatistics(sums.mean[None], sums.second)
    # Borders are padded with zeros, which the mean of the channel leaves out: a small error for large images.
    taps = int(np.prod(layer.shape[2:]))
    of_group = np.repeat(sums.mean.reshape(layer.groups, -1), taps, axis=1)
    return InputStatistics(np.repeat(of_group, layer.shape[0] // layer.groups, axis=0))
