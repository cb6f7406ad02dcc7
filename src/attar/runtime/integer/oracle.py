"""Run a program in numpy: the definition of attar's integer arithmetic, which every other executor equals bit for bit.

An accumulator that leaves its planned width is an error here, never a wrap.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from ...errors import DataError
from ...numerics.formats import dequantize, quantize
from ..samples import sample_count
from .accumulators import Accumulator, Record
from .execute import Ints, Machine, execute
from .program import Convolution, Operator, Program, TransposedConvolution

LIVE_BYTES = 1 << 25  # of the windows that one operator multiplies in one go
MOST_SAMPLES = 256


@dataclass(frozen=True)
class Run:
    """Outputs by name (samples, ...), and what the accumulators held by the name of the operator's output."""

    outputs: dict[str, np.ndarray]
    accumulators: dict[str, Accumulator]


def run(program: Program, inputs: Mapping[str, np.ndarray]) -> Run:
    """Return float32 outputs for float inputs (samples, ...): quantized on entry, integers inside, dequantized last.

    Raises:
        DataError: an input is missing, has another shape than the program, or holds NaN.
        ModelError: an accumulator leaves its planned width.
    """
    integers = {name: _quantized(program, name, inputs) for name in program.inputs}
    done = run_integers(program, integers)
    outputs = {name: dequantize(q, program.tensors[name].format) for name, q in done.outputs.items()}
    return Run(outputs, done.accumulators)


def run_integers(program: Program, inputs: Mapping[str, np.ndarray]) -> Run:
    """Return integer outputs (int32) for integer inputs (samples, ...).

    Raises:
        DataError: an input is missing, or has another shape or range than the program.
        ModelError: an accumulator leaves its planned width.
    """
    given = {name: _checked(program, name, inputs) for name in program.inputs}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in program.outputs}
    record = Record()
    # Threads of BLAS that wait for each other cost more than its small products take.
    with threadpool_limits(1, user_api="blas"):
        for batch in _batches(program, given):
            tensors = _executed(program, batch, record)
            for name in parts:
                parts[name].append(tensors[name])
    return Run({name: np.concatenate(arrays) for name, arrays in parts.items()}, record.seen)


def _quantized(program: Program, name: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    values = _given(inputs, name)
    if np.isnan(values).any():
        raise DataError(f"input '{name}' holds NaN, which no integer stands for")
    return quantize(values, program.tensors[name].format)


def _checked(program: Program, name: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    values, tensor = _given(inputs, name), program.tensors[name]
    if values.shape[1:] != tensor.shape or not np.issubdtype(values.dtype, np.integer):
        raise DataError(f"input '{name}': {values.dtype} {values.shape[1:]} given, integers {tensor.shape} wanted")
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low < min(tensor.format.low, 0) or high > max(tensor.format.high, 0):
        raise DataError(f"input '{name}': {low}..{high} leaves {tensor.format.low}..{tensor.format.high}")
    return values.astype(np.int32, copy=False)


def _given(inputs: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name not in inputs:
        raise DataError(f"the program needs input '{name}', which was not given: {', '.join(inputs)} were")
    return np.asarray(inputs[name])


def _batches(program: Program, inputs: Ints) -> Iterator[Ints]:
    step = min(max(LIVE_BYTES // max(_most_bytes(program), 1), 1), MOST_SAMPLES)
    for start in range(0, sample_count(inputs), step):
        yield {name: values[start : start + step] for name, values in inputs.items()}


def _most_bytes(program: Program) -> int:
    """Return what the windows of the largest operator take for one sample, as float32."""
    return max((4 * _cells(program, operator) for operator in program.operators), default=1)


def _cells(program: Program, operator: Operator) -> int:
    outputs = int(np.prod(program.tensors[operator.output].shape))
    if isinstance(operator, (Convolution, TransposedConvolution)):
        return outputs // len(operator.weights) * operator.groups * int(np.prod(operator.weights.shape[1:]))
    return outputs


def _executed(program: Program, inputs: Ints, record: Record) -> Ints:
    """Run all operators for one batch; tensors are dropped after the last operator that reads them."""
    tensors, last = dict(inputs), _last_readers(program)
    for number, operator in enumerate(program.operators):
        tensors[operator.output] = execute(operator, Machine(program, tensors, record))
        for name in {name for name in operator.inputs if last[name] == number}:
            del tensors[name]
    return tensors


def _last_readers(program: Program) -> dict[str, int]:
    last = {name: number for number, operator in enumerate(program.operators) for name in operator.inputs}
    return last | dict.fromkeys(program.outputs, len(program.operators))
