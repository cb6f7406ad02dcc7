"""Bias correction of a network in integers: its biases moved until every layer's mean output is the original's."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from ..graph.expose import expose
from ..graph.offsets import may_shift, shift
from ..runtime.engine.mean_errors import shifts as shifts_of
from ..runtime.engine.mean_errors import sums_of
from ..runtime.integer.lower import Lowered
from ..runtime.integer.prepare import prepare
from ..runtime.integer.program import Convolution
from ..runtime.integer.weights import Given
from ..runtime.session import Session

MOST_SAMPLES = 128  # integers of a tensor are held for all of them; a mean wants no more


def corrected(
    original: ir.Model,
    model: ir.Model,
    done: Lowered,
    inputs: Mapping[str, np.ndarray],
    *,
    given: Given,
    threads: int = 0,
    engine_threads: int = 1,
) -> tuple[ir.Model, int]:
    """Return a copy of `model` with other biases, and how many layers got some.

    Args:
        original: the network whose means are wanted. done: what `model` was lowered to, its weights `given`.
        inputs: the samples over which means are taken, the first MOST_SAMPLES of them.
        threads: of onnxruntime. engine_threads: of the engine.
    """
    inputs = {name: values[:MOST_SAMPLES] for name, values in inputs.items()}
    sums, channels, axes = sums_of(done), {}, {}
    for operator in done.program.operators:
        if operator.output in sums:
            channels[operator.output] = len(operator.weights)
            axes[sums[operator.output]] = 1 if isinstance(operator, Convolution) else -1
    reference = prepare(original, {name: values.shape[1:] for name, values in inputs.items()}, kept=given)
    known = {value.name for node in reference.graph for value in node.outputs}
    layers = [name for name in sums if sums[name] in known and may_shift(model, sums[name], channels[name])]
    copy = model.clone()
    if not layers:
        return copy, 0
    means = _means(reference, [sums[name] for name in layers], axes, inputs, threads)
    wanted = {name: means[sums[name]] for name in layers if means[sums[name]].shape == (channels[name],)}
    found = shifts_of(done.program, wanted, inputs, threads=engine_threads)
    for name, values in found.items():
        shift(copy, sums[name], values)
    return copy, len(found)


def _means(
    model: ir.Model,
    names: Sequence[str],
    axes: Mapping[str, int],
    inputs: Mapping[str, np.ndarray],
    threads: int,
) -> dict[str, np.ndarray]:
    """Return the mean of every channel of tensors, over all samples and places, float64."""
    session, count = Session(expose(model, list(names)), threads=threads), 0
    sums: dict[str, np.ndarray | float] = dict.fromkeys(names, 0.0)
    for outputs in session.batches({name: inputs[name] for name in session.inputs}):
        count += len(outputs[0])
        for name, values in zip(names, outputs, strict=True):
            places = tuple(axis for axis in range(1, values.ndim) if axis != axes[name] % values.ndim)
            sums[name] = sums[name] + values.mean(axis=places, dtype=np.float64).sum(axis=0)
    return {name: np.asarray(total) / count for name, total in sums.items()}
