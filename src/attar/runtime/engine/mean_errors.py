"""Bias correction of a program: what takes the mean error out of every layer, found layer by layer in order of flow.

E[y] of a layer is linear in its input, so that the mean input, window by window, is all that has to be known of it:
E[y'] = W' E[x'] + b' (Nagel et al. 2019, section 4.2, in its empirical form; card BCORR). x' is what the engine makes
of the samples with all layers in front as they have become, and E[y] what the network in floats had there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...numerics.accumulators import storage_bits, with_bias
from ...numerics.formats import Format, quantize
from ..integer.kernels import padded, windows
from ..integer.lower import Lowered
from ..integer.program import Convolution, Dense, Operator, Program, Tensor, Weighted
from ..integer.steps import Step
from .build import machine_of

BATCH = 16  # samples that run at once: integers leave the engine in 32 bits

Integers = dict[str, np.ndarray]


def sums_of(done: Lowered) -> dict[str, str]:
    """Return the tensor in floats that holds the sums of each layer before any clamp, by the operator's output."""
    steps = {step.output.name: step for step in done.steps}
    layers = [op for op in done.program.operators if isinstance(op, (Convolution, Dense)) and op.output in steps]
    return {op.output: _sums(steps[op.output]) for op in layers}


def shifts(
    program: Program, wanted: Mapping[str, np.ndarray], inputs: Mapping[str, np.ndarray], *, threads: int = 1
) -> dict[str, np.ndarray]:
    """Return what to add to the outputs (outputs,) of each layer, by the operator's output.

    Args:
        wanted: the mean of every output channel (outputs,) as it should be, by the operator's output; layers that are
            not in it stay as they are. inputs: the samples, in floats.
    """
    found, walk = {}, _Walk(program, inputs, threads)
    for number, operator in enumerate(program.operators):
        if operator.output not in wanted:
            continue
        (source,) = operator.inputs
        form = program.tensors[source].format
        shift = wanted[operator.output] - _mean_sums(operator, walk.mean_before(number, source), form)
        moved = _shifted(operator, shift, form)
        if moved is not None:
            walk.operators[number], found[operator.output] = moved, shift
    return found


class _Walk:
    """Runs a program piece by piece, keeping the integers that somebody reads later."""

    def __init__(self, program: Program, inputs: Mapping[str, np.ndarray], threads: int) -> None:
        self._program, self._threads = program, threads
        self.operators = list(program.operators)
        self._done, self._floats, self._held = 0, inputs, {}

    def mean_before(self, number: int, name: str) -> np.ndarray:
        """Return the mean over all samples of a tensor that is there before operator `number` runs, in real numbers."""
        self._run_to(number)
        form, integers = self._program.tensors[name].format, self._integers(name, slice(None))
        return (integers.mean(axis=0, dtype=np.float64) - form.zero) * float(form.scale)

    def _run_to(self, number: int) -> None:
        piece = self.operators[self._done : number]
        self._done = number
        if not piece:
            return
        later = {name for op in self.operators[number:] for name in op.inputs} | set(self._program.outputs)
        made = [op.output for op in piece if op.output in later]
        if made:
            self._held |= self._run(piece, made)
        self._held = {name: values for name, values in self._held.items() if name in later}

    def _run(self, piece: Sequence[Operator], outputs: Sequence[str]) -> Integers:
        """Return the integers of `outputs`, as narrow as they can be kept."""
        part = self._program.part(piece, outputs)
        machine = machine_of(part, threads=self._threads)
        parts: dict[str, list[np.ndarray]] = {name: [] for name in outputs}
        for feeds in self._batches(part.inputs):
            for name, values in machine.run_integers(feeds).items():
                parts[name].append(values.astype(_narrow(self._program.tensors[name])))
        return {name: np.concatenate(values) for name, values in parts.items()}

    def _batches(self, names: Sequence[str]) -> Iterator[Integers]:
        count = len(next(iter(self._floats.values())))
        for start in range(0, count, BATCH):
            yield {name: self._integers(name, slice(start, start + BATCH)) for name in names}

    def _integers(self, name: str, samples: slice) -> np.ndarray:
        if name in self._held:
            return self._held[name][samples]
        return quantize(self._floats[name][samples], self._program.tensors[name].format)


def _narrow(tensor: Tensor) -> type[np.integer]:
    form = tensor.format
    kinds = (np.int8, np.uint8, np.int16, np.int32)
    return next(kind for kind in kinds if np.iinfo(kind).min <= form.low and form.high <= np.iinfo(kind).max)


def _mean_sums(operator: Weighted, mean: np.ndarray, source: Format) -> np.ndarray:
    """Return the mean of every output channel before any clamp, in real numbers, from the mean input of a sample."""
    scales = np.broadcast_to(operator.scales.astype(np.float64), len(operator.weights))
    weights = operator.weights.reshape(len(operator.weights), -1).astype(np.float64)
    if isinstance(operator, Convolution):
        kernel, axes = operator.weights.shape[2:], mean.ndim - 1
        seen = windows(padded(mean[None], operator.pads), kernel, operator.strides, operator.dilations)[0]
        taps = seen.mean(axis=tuple(range(1, 1 + axes))).reshape(operator.groups, -1)
        rows = weights.reshape(operator.groups, -1, weights.shape[1])
        sums = np.einsum("gri,gi->gr", rows, taps).reshape(-1)
    else:
        sums = weights @ mean.reshape(-1, mean.shape[-1]).mean(axis=0)
    return (sums + operator.bias * float(source.scale)) * scales


def _shifted(operator: Weighted, shift: np.ndarray, source: Format) -> Weighted | None:
    """Return the operator with `shift` in its bias; None where its accumulator is too narrow for that."""
    units = operator.scales.astype(np.float64) * float(source.scale)
    bias = operator.bias + np.rint(shift / units)
    bits = with_bias(operator.accumulator_bits, int(np.abs(bias).max(initial=0)))
    if storage_bits(bits) != storage_bits(operator.accumulator_bits):
        return None
    return replace(operator, bias=bias.astype(operator.bias.dtype), accumulator_bits=bits)


def _sums(step: Step) -> str:
    return step.node.outputs[0].name if step.bias is None else step.node.outputs[0].uses()[0].node.outputs[0].name
