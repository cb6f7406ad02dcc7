"""The end of every run: open the bytes that were written, decode them, run them, and hold them against the budget."""

import math
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .. import container
from ..evaluate import Dataset, Measurement, Metric, Task, compare
from ..evaluate.uncertainty import decide
from ..runtime import Session
from ..runtime.engine import Engine
from .budget import Budget


@dataclass(frozen=True)
class Limit:
    """One limit of the budget and what was measured against it.

    Attributes:
        name: as on the command line. wanted: the limit. got: the measurement. met: whether the point estimate keeps it.
        decided: False where the interval of the measurement includes the limit. samples_needed: how many would
            decide it, None where that is not known.
    """

    name: str
    wanted: float
    got: float
    met: bool
    decided: bool = True
    samples_needed: int | None = None

    @property
    def gap(self) -> float:
        """How far the measurement is beyond the limit; 0 where it is met."""
        return 0.0 if self.met else abs(self.got - self.wanted)


def measure(
    original: ir.Model, data: bytes, samples: Dataset, *, task: Task, metric: Metric | None, threads: int
) -> tuple[Measurement, Measurement | None]:
    """Decode the file in `data`, run it and `original` on `samples`, and compare.

    Returns what was measured of that which runs, the program or else the graph; and, beside a program, of the graph.
    """
    opened = container.open(data)
    opened.check()
    before = Session(original, threads=threads).run_all(samples.inputs)

    def compared(after: list[np.ndarray]) -> Measurement:
        return compare(before, after, samples.labels, task=task, metric=metric, source=samples.source)

    in_floats = compared(Session(opened.model(), threads=threads).run_all(samples.inputs))
    if not opened.programs:
        return in_floats, None
    return compared(_answers(Engine(data, threads=threads), original, samples)), in_floats


def _answers(engine: Engine, original: ir.Model, samples: Dataset) -> list[np.ndarray]:
    found = engine({port.name: samples.inputs[port.name] for port in engine.machine.inputs})
    return [found[value.name] for value in original.graph.outputs]


def judge(budget: Budget, measurement: Measurement | None, size_bytes: int) -> list[Limit]:
    """Hold what was measured against every limit of `budget`."""
    limits = []
    if budget.target_size is not None:
        limits.append(Limit("target-size", budget.target_size, size_bytes, size_bytes <= budget.target_size))
    if measurement is None:
        return limits
    if budget.max_drop is not None and measurement.drop is not None:
        decided = decide(measurement.differences, measurement.drop_interval, budget.max_drop)
        limits.append(
            Limit("max-drop", budget.max_drop, measurement.drop, measurement.drop <= budget.max_drop, *decided)
        )
    if budget.min_agreement is not None and measurement.agreement is not None:
        limits.append(_agreement_limit(budget.min_agreement, measurement))
    if budget.max_error is not None:
        limits.append(_error_limit(budget.max_error, measurement))
    return limits


def _agreement_limit(wanted: float, measurement: Measurement) -> Limit:
    got = measurement.agreement
    decided = decide(measurement.agreements, measurement.agreement_interval, wanted)
    return Limit("min-agreement", wanted, got, got >= wanted, *decided)


def _error_limit(wanted: float, measurement: Measurement) -> Limit:
    got, (low, high) = measurement.relative_error, measurement.error_interval
    decided = not low <= wanted <= high
    gap = abs(got - wanted)
    # The interval narrows with the square root of the number of samples.
    enough = None if decided or not gap else math.ceil(measurement.samples * ((high - low) / 2 / gap) ** 2)
    return Limit("max-error", wanted, got, got <= wanted, decided, enough)
