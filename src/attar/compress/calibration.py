"""Second moments of the inputs of fully connected layers, streamed over the calibration samples."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..evaluate import Dataset
from ..graph import WeightLayer
from ..graph.expose import expose, layer_inputs
from ..numerics.moments import SecondMoment
from ..runtime import Session

MAX_FEATURES = 8192  # a wider layer's moment would take more than half a gigabyte; it is measured by its weights instead


def input_moments(
    model: ir.Model, layers: Sequence[WeightLayer], samples: Dataset, *, threads: int
) -> dict[str, np.ndarray]:
    """Return E[x x^T] (inputs, inputs) for every matrix layer of at most MAX_FEATURES inputs, by layer name."""
    names = [lay.name for lay in layers if lay.role == "matrix" and lay.shape[1 - lay.channel_axis] <= MAX_FEATURES]
    tensors = layer_inputs(model, names)
    if not tensors:
        return {}
    wanted = sorted(set(tensors.values()))
    session = Session(expose(model, wanted), threads=threads)
    moments = {tensor: SecondMoment() for tensor in wanted}
    for batch in session.batches(samples.inputs):
        for tensor, values in zip(wanted, batch, strict=True):
            moments[tensor].add(values)
    return {name: moments[tensor].mean() for name, tensor in tensors.items()}
