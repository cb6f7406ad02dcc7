"""Allocate memory for fixed-point inference: widths of activations by eq. 5 of Ge et al. 2017, the oracle as judge."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ..codec import GridHint
from ..errors import AttarError
from ..evaluate import Dataset, mean_difference, predicted_drop
from ..evaluate.measurement import is_classifier
from ..numerics.formats import MOST_BITS
from ..passes.pipeline import Applied
from ..plan.activation_bits import Widths, solve
from ..plan.shared_buffer import ping_pong_bits, shared_buffer_bits
from ..report.allocation import ActivationWidth, Allocation, MemoryUse
from ..runtime import Session
from ..runtime.integer import FixedPoint, KeepSign, Percentile, Program, lower, observe, run
from ..runtime.integer.program import Accumulating, Reshape

UNIFORM_BITS, FLOAT_BYTES = 8, 4
SAMPLES = 64
MEMORY_WEIGHT = 0.1  # of E_c, for the whole of the buffer at 8 bits: lambda_m of eq. 5
METHOD = Percentile()


class _Network:
    """One compressed network whose activations can have any widths."""

    def __init__(self, original: ir.Model, applied: Applied, samples: Dataset, weight_bytes: int, threads: int) -> None:
        self._model, self._inputs = applied.model, samples.inputs
        self._given = {name: (hint.integers, hint.scales) for name, hint in _on_grids(applied.hints).items()}
        self._seen = observe(applied.model, samples.inputs, kept=self._given, threads=threads)
        self._scores = Session(original, threads=threads).run_all(samples.inputs)
        self._weight_bytes = weight_bytes
        uniform = self.program(dict.fromkeys(self._seen.ranges, UNIFORM_BITS))
        self.names = [name for name in self._seen.ranges if name not in uniform.inputs]
        self.elements = [int(np.prod(uniform.tensors[name].shape)) for name in self.names]

    def program(self, bits: Mapping[str, int]) -> Program:
        scheme = FixedPoint(bits, non_negative=KeepSign())
        formats = self._seen.formats(scheme, method=METHOD)
        return lower(self._model, formats, scheme, weights=self._given)

    def error(self, widths: Widths) -> float:
        """Return E_c; infinity for widths that no format has."""
        if max(widths, default=0) > MOST_BITS:
            return float("inf")
        return self._judged(self.program(dict(zip(self.names, widths, strict=True))))[0]

    def _judged(self, program: Program) -> tuple[float, float | None]:
        outputs = list(run(program, self._inputs).outputs.values())
        errors = [mean_difference(z, changed) for z, changed in zip(self._scores, outputs, strict=True)]
        drop = 100 * float(predicted_drop(self._scores[0], outputs[0]).mean()) if is_classifier(self._scores) else None
        return max(errors), drop

    def use(self, name: str, widths: Widths) -> MemoryUse:
        """Return what widths come to, run once more."""
        program = self.program(dict(zip(self.names, widths, strict=True)))
        error, drop = self._judged(program)
        sums = [op.accumulator_bits for op in program.operators if isinstance(op, Accumulating)]
        return MemoryUse(
            name,
            *self._buffers(widths),
            self._weight_bytes,
            _moved_bytes(program, {tensor.name: tensor.format.bits for tensor in program.tensors.values()}),
            error,
            drop,
            max(sums, default=None),
        )

    def in_floats(self, fp32_bytes: int) -> MemoryUse:
        """Return what the original's numbers come to in the same program."""
        bits = 8 * FLOAT_BYTES
        program = self.program({})
        moved = _moved_bytes(program, dict.fromkeys(program.tensors, bits))
        return MemoryUse("floats", *self._buffers([bits] * len(self.names)), fp32_bytes, moved, None, None, None)

    def _buffers(self, widths) -> tuple[int, int]:
        return tuple(-(-of(widths, self.elements) // 8) for of in (shared_buffer_bits, ping_pong_bits))


def allocate(
    original: ir.Model, applied: Applied, samples: Dataset, *, fp32_bytes: int, weight_bytes: int, threads: int
) -> Allocation | str:
    """Return the widths that eq. 5 gives, the sum of bits that of 8 for every tensor; or why there are none.

    Args:
        applied: the network with its weights on grids. samples: the first SAMPLES of them judge.
        fp32_bytes, weight_bytes: of the weights before and of the streams that hold them now.
    """
    few = samples.take(np.arange(min(SAMPLES, len(samples))))
    try:
        network = _Network(original, applied, few, weight_bytes, threads)
        uniform = (UNIFORM_BITS,) * len(network.names)
        memory = shared_buffer_bits(uniform, network.elements)
        found = solve(uniform, network.elements, network.error, memory_weight=MEMORY_WEIGHT / max(memory, 1))
        uses = (network.in_floats(fp32_bytes), network.use("8 bits", uniform), network.use("eq. 5", found.widths))
    except AttarError as error:
        return str(error)
    widths = zip(network.names, network.elements, found.widths, strict=True)
    return Allocation(tuple(ActivationWidth(*each) for each in widths), uses, found.evaluations, len(few))


def _on_grids(hints: Mapping[str, GridHint]) -> dict[str, GridHint]:
    return {name: hint for name, hint in hints.items() if hint.axis is None}


def _moved_bytes(program: Program, bits: Mapping[str, int]) -> int:
    """Return the bytes of all that operators read and write; another shape of the same numbers moves nothing."""
    total = 0
    for operator in program.operators:
        if not isinstance(operator, Reshape):
            for name in (*operator.inputs, operator.output):
                total += int(np.prod(program.tensors[name].shape)) * bits[name]
    return -(-total // 8)
