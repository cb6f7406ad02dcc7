"""Run networks straight in onnxruntime, without the package's own session: the oracle of what a graph computes."""

import numpy as np
import onnx_ir as ir
import onnxruntime

from attar.graph import serialize, survey
from attar.graph.expose import expose
from attar.graph.readings import only_reading
from attar.numerics.moments import InputStatistics


def random_feeds(model: ir.Model, *, samples: int = 3, seed: int = 0) -> dict[str, np.ndarray]:
    """Return `samples` random samples (one batch where it is fixed) for every input without a default."""
    rng = np.random.default_rng(seed)
    wanted = [value for value in model.graph.inputs if not value.is_initializer()]
    return {value.name: _draw(rng, value, samples) for value in wanted}


def run(model: ir.Model, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(serialize(model), options, ["CPUExecutionProvider"]).run(None, feeds)


def statistics_of(model: ir.Model, names: list[str], feeds: dict[str, np.ndarray]) -> dict[str, InputStatistics]:
    """Return mean and second moment of the inputs of matrices and 1x1 convolutions."""
    readings = {layer.name: only_reading(model, layer) for layer in survey(model).layers if layer.name in names}
    tensors = {name: reading.tensor for name, reading in readings.items() if reading is not None}
    seen = dict(zip(tensors, run(expose(model, list(tensors.values())), feeds), strict=True)) if tensors else {}
    found = {}
    for name, values in seen.items():
        shape = model.graph.initializers[name].shape
        if len(shape) > 2 and not (len(shape) == 4 and shape[2] == shape[3] == 1):
            continue
        rows = np.moveaxis(values, 1, -1) if len(shape) == 4 else values
        rows = rows.reshape(-1, rows.shape[-1]).astype(np.float64)
        found[name] = InputStatistics(rows.mean(axis=0)[None], rows.T @ rows / len(rows))
    return found


def _draw(rng: np.random.Generator, value: ir.Value, samples: int) -> np.ndarray:
    shape = tuple(extent if isinstance(extent, int) else samples for extent in value.shape)
    if value.dtype == ir.DataType.BOOL:
        return np.asarray(True).reshape(shape)
    return (rng.normal(size=shape) + 0.5).astype(value.dtype.numpy())
