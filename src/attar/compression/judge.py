"""The network as its own judge: swap weights in one session, run the search's samples, say what the output suffered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..evaluate import Dataset, Metric, Task, divergence, relative_error
from ..evaluate.fidelity import error_bound
from ..graph import WeightLayer, set_initializer
from ..runtime import Session
from .budget import Budget

STANDARD_ERRORS = 1.0  # of margin: what a figure on other samples may well be
BEYOND_CHANCE = 3.0  # standard errors that a drop shown by labels must be clear of, to count against the prediction


@dataclass(frozen=True)
class Figures:
    """What the search's samples said of a network; None where it can't be said.

    Attributes:
        drop: of the metric, in points; predicted from the original's softmax where `is_predicted`.
        agreement: percent of samples, or of places, with the same class. relative_error: of the outputs, percent.
    """

    drop: float | None
    is_predicted: bool
    agreement: float | None
    relative_error: float


class Judge:
    """Measures candidate weights on the search's samples.

    `damage` is smooth and needs no labels: the KL divergence of the class probabilities where the budget speaks of
    classes, else the squared relative output error. It ranks candidates; `load` holds them against the budget.

    Attributes:
        model: the original. original: its outputs. evaluations: runs.
    """

    def __init__(
        self,
        model: ir.Model,
        layers: tuple[str, ...],
        samples: Dataset,
        *,
        budget: Budget,
        task: Task,
        metric: Metric | None,
        threads: int,
        swaps: bool = True,
    ) -> None:
        """Run the original. `layers`: the initializers that `outputs` may replace; `swaps`: as in `Effort`."""
        self.model = model
        self._threads = threads
        self._swappable = Session(model, threads=threads, swappable=layers) if swaps else None
        self._samples = samples
        self._budget = budget
        self._task = task
        self._metric = metric
        self._labels = None if metric is None else samples.labels
        self.original = self._run({})
        self._scores = task.scores(self.original) if task.classifies else None
        self.evaluations = 0

    def outputs(self, weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the network's outputs with some layers' weights replaced."""
        self.evaluations += 1
        return self._run(weights)

    def outputs_of(self, model: ir.Model) -> list[np.ndarray]:
        """Return the outputs of another network on the same samples."""
        self.evaluations += 1
        return Session(model, threads=self._threads).run_all(self._samples.inputs)

    def _run(self, weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        if self._swappable is not None:
            return self._swappable.run_all(self._samples.inputs, weights=weights)
        changed = self.model.clone()
        for name, values in weights.items():
            set_initializer(changed, name, values)
        return Session(changed, threads=self._threads).run_all(self._samples.inputs)

    def damage(self, outputs: list[np.ndarray]) -> float:
        """Return how far `outputs` are from the original's; 0 is the same."""
        if self._scores is not None and (self._budget.needs_classes or not self._budget.limits_quality):
            damage = max(divergence(self._scores, self._task.scores(outputs)), 0.0)
        else:
            damage = (relative_error(self.original, outputs) / 100) ** 2
        return damage if np.isfinite(damage) else float("inf")

    def load(self, outputs: list[np.ndarray]) -> float:
        """Return how much of the budget's limits on quality `outputs` use up, the tightest counts: 1 is all of it.

        Every figure has a margin of one standard error, since other samples will judge.
        """
        budget, used = self._budget, [0.0]
        if budget.max_drop is not None:
            used.append(_share(self._drop(outputs), budget.max_drop))
        if budget.min_agreement is not None:
            other = 100 * (1 - self._task.agreement(self.original, outputs))
            used.append(_share(_bound(other), 100 - budget.min_agreement))
        if budget.max_error is not None:
            errors = [
                error_bound(z, changed, errors=STANDARD_ERRORS)
                for z, changed in zip(self.original, outputs, strict=True)
            ]
            used.append(_share(max(errors), budget.max_error))
        return max(used)

    def figures(self, outputs: list[np.ndarray]) -> Figures:
        """Return what a report says of `outputs`: means over the samples, without margins."""
        is_predicted = self._task.predicted is not None and (self._labels is None or self._metric.name == "top-1")
        agreeing = self._task.agreement(self.original, outputs)
        drop, error = self._mean_drop(outputs, is_predicted), relative_error(self.original, outputs)
        return Figures(drop, is_predicted, None if agreeing is None else 100 * float(agreeing.mean()), error)

    def score(self, outputs: list[np.ndarray]) -> float | None:
        """Return the mean metric of `outputs`; None without labels."""
        return None if self._labels is None else float(self._points(outputs).mean())

    def _points(self, outputs: list[np.ndarray]) -> np.ndarray:
        return self._metric.points(self._task, outputs, self._labels, source=self._samples.source)

    def _predicted(self, outputs: list[np.ndarray]) -> np.ndarray:
        return self._task.predicted_drop(self.original, outputs)

    def _mean_drop(self, outputs: list[np.ndarray], is_predicted: bool) -> float | None:
        if is_predicted:
            return float(self._predicted(outputs).mean())
        before, after = self.score(self.original), self.score(outputs)
        return None if before is None else before - after

    def _drop(self, outputs: list[np.ndarray]) -> float:
        """Return the drop of the metric to reckon with, in points.

        For top-1 it is predicted from the original's softmax: on a few hundred samples a count of hits is decided by a
        handful of them, and the prediction varies far less. Where labels refute it (the drop they show is larger beyond
        chance), they are believed. Other metrics are measured with the labels.
        """
        if self._labels is None:
            return _bound(self._predicted(outputs))
        lost = self._points(self.original) - self._points(outputs)
        if self._metric.name != "top-1":
            return _bound(lost)
        return max(_bound(self._predicted(outputs)), _bound(lost, errors=-BEYOND_CHANCE))


def swappable(layers: Sequence[WeightLayer]) -> tuple[str, ...]:
    """Return the initializers that a change of `layers` may replace: weights, and biases or means behind them."""
    return tuple(dict.fromkeys(n for lay in layers for n in (lay.name, *([lay.offset.name] if lay.offset else []))))


def _bound(values: np.ndarray, *, errors: float = STANDARD_ERRORS) -> float:
    """Return the mean and so many standard errors; infinity where a value is no number."""
    if not np.isfinite(values).all():
        return float("inf")
    return float(values.mean() + errors * values.std() / np.sqrt(len(values)))


def _share(used: float, limit: float) -> float:
    """Return used / limit; nothing used is nothing even of a limit of zero."""
    if used <= 0:
        return 0.0
    return used / limit if limit > 0 else float("inf")
