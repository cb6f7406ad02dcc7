"""What errors of a layer's outputs cost the network, found by probing: one quadratic form over the output channels.

Every channel is shifted a little, up or down at random for every sample and position, and the part of the network
behind the layer runs again. Random signs let every position answer for itself: what two of them do together is as often
added as subtracted (Hutchinson's estimate of a trace). Matrices only: for the channels of convolutions it saved nothing
(docs/results.md).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import onnx_ir as ir

from ..errors import ModelError
from ..evaluate.fidelity import TINY, probabilities
from ..graph import WeightLayer
from ..graph.readings import only_reading
from ..numerics.quadratic import Quadratic, quadratic
from ..runtime.tail import Tail, tail_macs

SAMPLES = 128
STEP = 0.01  # of the standard deviation of the layer's outputs: far above rounding, and few rectifiers change sides
HALF_STEP = 0.05  # the same for halves, which are rounded to a thousandth or two
PROBE_BYTES = 1 << 28
LEANING = 2.0  # on three networks best of 0.1 to 4, and flat from 1 to 2
AFFORDABLE_MACS = 3e10  # about a second on two cores

Inputs = Mapping[str, np.ndarray]


def row_cost(form: np.ndarray) -> Quadratic | None:
    """Return the form of `row_form`, of mean 1, leaning towards outputs that all cost the same; None if nothing does.

    The samples show what outputs cost for what they hold; other inputs will ask for other outputs.
    """
    power = float(np.trace(form)) / len(form)
    if not power > 0:
        return None
    return quadratic(form[None] / (power * (1 + LEANING)), damping=LEANING)


def row_form(
    model: ir.Model,
    layer: WeightLayer,
    inputs: Inputs,
    *,
    classifies: bool,
    threads: int,
    seed: int,
    samples: int = SAMPLES,
) -> np.ndarray | None:
    """Return M (rows, rows) float64: an error e (rows,) of a layer's outputs costs e M e^T.

    The cost is a mean over the samples. A classifier's is the Kullback-Leibler divergence of its probabilities in nats,
    to second order 1/2 J^T (diag(p) - p p^T) J with J the derivative of the scores; any other network's is the squared
    error of all outputs over their power. Where a layer puts out many positions, M adds up what each of them costs:
    their errors are taken to be independent.

    Args:
        inputs: all samples, by input name; the first `samples` of them are used.
        classifies: whether the first output is one row of class scores, or of probabilities, a sample.
        threads: 0 for as many as there are cores.

    Returns:
        None where the layer's outputs are no channels of one tensor, probing a single sample would take more than
        PROBE_BYTES, or what comes out is not finite.

    Raises:
        DataError: no samples, or inputs that don't fit the network.
    """
    output = _output(model, layer)
    if output is None:
        return None
    given, tail_of = _part(inputs, slice(0, samples)), partial(Tail, model, output.name, threads=threads)
    look = _Classes if classifies else _Numbers
    try:
        tail = tail_of(given)
        form = _form_of_scores(tail, layer) if classifies and _is_answer(model, output) else None
        form = _probed(tail, tail_of, given, look=look, seed=seed) if form is None else form
    except ModelError:  # a network that runs, but not cut in two here
        return None
    return form if form is not None and np.isfinite(form).all() else None


def affordable(
    model: ir.Model, layer: WeightLayer, samples: int, *, macs: Mapping[str, int | None] | None = None
) -> bool:
    """Whether `row_form` takes seconds, not minutes; nothing runs.

    Args:
        samples: as many as there are; no more than SAMPLES count.
        macs: what `layer_macs(model)` returned, for callers that ask about many layers.
    """
    output, numbers = _output(model, layer), _numbers(model)
    behind = None if output is None else tail_macs(model, output.name, macs=macs)
    if behind is None or numbers is None:
        return False
    rows = layer.shape[layer.channel_axis]
    return rows * min(samples, SAMPLES) * (behind + rows * numbers) <= AFFORDABLE_MACS


class _Sight(Protocol):
    """Looks at outputs such that costs are squared differences of what is seen, added up, over `unit`."""

    unit: float

    def see(self, outputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return what is seen of the outputs (numbers,)."""


class _Classes:
    """Scores less their mean under p, times the root of p: squares of differences are twice the divergence.

    The logarithms of probabilities are scores too.
    """

    def __init__(self, original: Sequence[np.ndarray]) -> None:
        self._p = probabilities(original[0])
        self._are_probabilities = np.array_equal(self._p, original[0].reshape(self._p.shape))
        self.unit = 2.0 * len(self._p)

    def see(self, outputs: Sequence[np.ndarray]) -> np.ndarray:
        scores = outputs[0].reshape(self._p.shape).astype(np.float64)
        if self._are_probabilities:
            scores = np.log(np.maximum(scores, TINY))
        centered = scores - np.sum(self._p * scores, axis=1, keepdims=True)
        return (np.sqrt(self._p) * centered).reshape(-1)


class _Numbers:
    """All outputs that are floats, as they are."""

    def __init__(self, original: Sequence[np.ndarray]) -> None:
        self.unit = float(np.sum(np.square(self.see(original))))

    def see(self, outputs: Sequence[np.ndarray]) -> np.ndarray:
        flat = (z.reshape(-1).astype(np.float64) for z in outputs if np.issubdtype(z.dtype, np.floating))
        return np.concatenate([np.zeros(0), *flat])


Look = Callable[[Sequence[np.ndarray]], _Sight]  # at the outputs of the network as it is


def _probed(
    whole: Tail, tail_of: Callable[[Inputs], Tail], inputs: Inputs, *, look: Look, seed: int
) -> np.ndarray | None:
    """Return the form of all samples, probed as many of them at a time as there is memory for."""
    count, at_a_time = len(whole.values), _samples_at_a_time(whole, look)
    if at_a_time == 0:
        return None
    parts = (slice(start, start + at_a_time) for start in range(0, count, at_a_time))
    tails = (whole if at_a_time >= count else tail_of(_part(inputs, part)) for part in parts)
    step, rng, form, unit = _step(whole.values), np.random.default_rng(seed), 0.0, 0.0
    for tail in tails:
        sight = look(tail.outputs(tail.values))
        seen = _differences(tail, sight, step, rng)
        form, unit = form + seen @ seen.T, unit + sight.unit
    with np.errstate(divide="ignore", invalid="ignore"):  # outputs that are all zero, or never change
        return form / np.float64(step * step * unit)


def _samples_at_a_time(tail: Tail, look: Look) -> int:
    outputs = tail.outputs(tail.values)
    probes = tail.values.shape[-1] * look(outputs).see(outputs).nbytes
    return len(tail.values) * PROBE_BYTES // max(probes, 1)


def _step(values: np.ndarray) -> float:
    share = HALF_STEP if values.dtype.itemsize == 2 else STEP
    return share * float(values.std(dtype=np.float64))


def _differences(tail: Tail, sight: _Sight, step: float, rng: np.random.Generator) -> np.ndarray:
    """Return what is seen (rows, numbers) of every channel's shift."""
    original, changed = sight.see(tail.outputs(tail.values)), tail.values.copy()
    before, channels = np.moveaxis(tail.values, -1, 0), np.moveaxis(changed, -1, 0)
    shift = np.where(rng.random(channels.shape[1:]) < 0.5, -step, step).astype(changed.dtype)
    seen = np.empty((len(channels), original.size))
    for row, channel in enumerate(channels):
        channel += shift
        after = sight.see(tail.outputs(changed))
        if after.shape != original.shape:
            raise ModelError("the outputs change their shape with the layer's")
        seen[row] = after - original
        channel[...] = before[row]
    return seen


def _form_of_scores(tail: Tail, layer: WeightLayer) -> np.ndarray | None:
    """Return the form of a layer that puts out the scores of all classes; None where it is not that simple."""
    scores = tail.outputs(tail.values)[0]
    p = probabilities(scores)
    if p.shape[1] != layer.shape[layer.channel_axis] or np.array_equal(p, scores.reshape(p.shape)):
        return None
    return (np.diag(p.mean(axis=0)) - p.T @ p / len(p)) / 2


def _is_answer(model: ir.Model, output: ir.Value) -> bool:
    """Whether the network's first output is this value, constants added at most."""
    value = model.graph.outputs[0]
    while value is not output:
        node = value.producer()
        flowing = [] if node is None else [operand for operand in node.inputs if not operand.is_initializer()]
        if len(flowing) != 1 or node.op_type != "Add":
            return False
        value = flowing[0]
    return True


def _output(model: ir.Model, layer: WeightLayer) -> ir.Value | None:
    """Return what a matrix puts out, channels last; None where it isn't weights times inputs, or no matrix."""
    if layer.role != "matrix" or only_reading(model, layer) is None:
        return None
    node = model.graph.initializers[layer.name].uses()[0].node
    return node.outputs[0] if node.attributes.get_float("alpha", 1.0) == 1.0 else None


def _numbers(model: ir.Model) -> int | None:
    """Return how many numbers a sample's outputs are, None where the graph doesn't tell."""
    extents = [tuple(value.shape[1:]) if value.shape else (None,) for value in model.graph.outputs]
    if not all(isinstance(extent, int) for shape in extents for extent in shape):
        return None
    return sum(int(np.prod(shape)) for shape in extents)


def _part(inputs: Inputs, part: slice) -> dict[str, np.ndarray]:
    """Return some of the samples; a single number is the same for all."""
    return {name: values[part] if np.ndim(values) else values for name, values in inputs.items()}
