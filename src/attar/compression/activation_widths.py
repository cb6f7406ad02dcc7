"""Allocate memory for fixed-point inference: widths of activations by eq. 5 of Ge et al. 2017, the oracle as judge."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from ..codec import GridHint
from ..errors import AttarError
from ..evaluate import Dataset, Task, mean_difference, predicted_drop
from ..graph import layer_macs
from ..numerics.formats import MOST_BITS
from ..passes.pipeline import Applied
from ..plan.activation_bits import EVALUATIONS_PER_LAYER, Widths, solve
from ..plan.shared_buffer import ping_pong_bits, shared_buffer_bits
from ..report.allocation import ActivationWidth, Allocation, MemoryUse
from ..runtime import Session
from ..runtime.integer import FixedPoint, KeepSign, LeastSquares, Program, lower, observe, run
from ..runtime.integer.program import Accumulating, Reshape
from .search import OutOfTime

UNIFORM_BITS, FLOAT_BYTES = 8, 4
SAMPLES, JUDGES = 64, 512  # of a search's steps, and of its end
MEMORY_WEIGHTS = (0.5, 0.25, 0.1, 0.04)  # lambda_m of eq. 5: of E_c, for the whole of the buffer at 8 bits
MOST_MACS = 1e12  # of a search in integers: some minutes
MOST_DROP, MOST_GROWTH = 0.1, 0.1  # that widths may cost beside 8 bits: points, or of E_c
METHOD = LeastSquares()


class _Network:
    """One compressed network whose activations can have any widths."""

    def __init__(
        self,
        original: ir.Model,
        applied: Applied,
        samples: Dataset,
        task: Task,
        weight_bytes: int,
        threads: int,
        deadline: float | None,
    ) -> None:
        self._model, self._samples, self._deadline = applied.model, samples, deadline
        self._given = {name: (hint.integers, hint.scales) for name, hint in _on_grids(applied.hints).items()}
        self._seen = observe(applied.model, samples.inputs, kept=self._given, threads=threads)
        self._scores = Session(original, threads=threads).run_all(samples.inputs)
        self._task = task
        self._weight_bytes = weight_bytes
        uniform = self.program(dict.fromkeys(self._seen.ranges, UNIFORM_BITS))
        self.names = [name for name in self._seen.ranges if name in uniform.tensors and name not in uniform.inputs]
        self.elements = [int(np.prod(uniform.tensors[name].shape)) for name in self.names]

    @property
    def macs_of_search(self) -> float:
        """Multiply-accumulates of the runs that one solution of eq. 5 may take."""
        each = sum(macs or 0 for macs in layer_macs(self._model).values())
        return float(each) * min(SAMPLES, len(self._samples)) * EVALUATIONS_PER_LAYER * len(self.names)

    def program(self, bits: Mapping[str, int]) -> Program:
        scheme = FixedPoint(bits, non_negative=KeepSign())
        formats = self._seen.formats(scheme, method=METHOD)
        return lower(self._model, formats, scheme, weights=self._given)

    def error(self, widths: Widths) -> float:
        """Return E_c; infinity for widths that no format has."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise OutOfTime
        if max(widths, default=0) > MOST_BITS:
            return float("inf")
        return self._judged(self.program(dict(zip(self.names, widths, strict=True))), SAMPLES)[0]

    def _judged(self, program: Program, samples: int) -> tuple[float, float | None]:
        few = self._samples.take(np.arange(min(samples, len(self._samples))))
        outputs = list(run(program, few.inputs).outputs.values())
        scores = [z[: len(few)] for z in self._scores]
        errors = [mean_difference(z, changed) for z, changed in zip(scores, outputs, strict=True)]
        if not self._task.classifies:
            return max(errors), None
        return max(errors), 100 * float(predicted_drop(*map(self._task.scores, (scores, outputs))).mean())

    def use(self, name: str, widths: Widths) -> MemoryUse:
        """Return what widths come to, run once more."""
        program = self.program(dict(zip(self.names, widths, strict=True)))
        error, drop = self._judged(program, JUDGES)
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

    def _buffers(self, widths: Sequence[int]) -> tuple[int, ...]:
        return tuple(-(-of(widths, self.elements) // 8) for of in (shared_buffer_bits, ping_pong_bits))


def allocate(
    original: ir.Model,
    applied: Applied,
    samples: Dataset,
    *,
    task: Task,
    fp32_bytes: int,
    weight_bytes: int,
    threads: int,
    deadline: float | None = None,
) -> Allocation | str:
    """Return the widths that eq. 5 gives, the sum of bits that of 8 for every tensor; or why there are none.

    The paper leaves lambda_m open: the first of MEMORY_WEIGHTS whose widths cost next to nothing is taken.

    Args:
        applied: the network with its weights on grids. samples: the first JUDGES of them judge.
        fp32_bytes, weight_bytes: of the weights before and of the streams that hold them now.
        deadline: `time.monotonic()` at which the search gives up.
    """
    few = samples.take(np.arange(min(JUDGES, len(samples))))
    try:
        network = _Network(original, applied, few, task, weight_bytes, threads, deadline)
        if network.macs_of_search > MOST_MACS:
            return (
                f"its search takes {network.macs_of_search:.2g} multiplications in integers, the limit is {MOST_MACS:g}"
            )
        uniform = (UNIFORM_BITS,) * len(network.names)
        at_8_bits = network.use("8 bits", uniform)
        chosen, use, evaluations = _searched(network, uniform, at_8_bits)
        uses = (network.in_floats(fp32_bytes), at_8_bits, use)
    except AttarError as error:
        return str(error)
    except KeyboardInterrupt:  # the file is made: it must not be lost for this
        return "it was interrupted"
    except OutOfTime:
        return "the time limit was reached"
    widths = zip(network.names, network.elements, chosen, strict=True)
    return Allocation(tuple(ActivationWidth(*each) for each in widths), uses, evaluations, len(few))


def _searched(network: _Network, uniform: Widths, at_8_bits: MemoryUse) -> tuple[Widths, MemoryUse, int]:
    """Return widths, what they come to, and how often the network ran; 8 bits where no others are good enough."""
    evaluations, memory = 0, max(shared_buffer_bits(uniform, network.elements), 1)
    for weight in MEMORY_WEIGHTS:
        found = solve(uniform, network.elements, network.error, memory_weight=weight / memory)
        use, evaluations = network.use("eq. 5", found.widths), evaluations + found.evaluations
        if _is_cheap(use, at_8_bits):
            return found.widths, use, evaluations
    return uniform, replace(at_8_bits, name="eq. 5"), evaluations


def _is_cheap(use: MemoryUse, beside: MemoryUse) -> bool:
    """Whether widths cost next to nothing: hardly an answer, or hardly a difference of the scores.

    A few hundred samples tell a drop no better than to some tenths of a point; E_c is steadier, and stricter.
    """
    if use.drop is not None and use.drop - beside.drop <= MOST_DROP:
        return True
    return use.error <= (1 + MOST_GROWTH) * beside.error


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
