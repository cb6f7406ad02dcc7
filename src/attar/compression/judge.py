"""The network as its own judge: swap weights in one session, run the search's samples, say what the output suffered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..evaluate import Dataset, Metric, agreement, divergence, predicted_drop, relative_error
from ..evaluate.fidelity import error_bound
from ..evaluate.measurement import is_classifier
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
        agreement: percent of samples with the same top class. relative_error: of the outputs, percent.
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
        model: the original. original: its outputs. classifies: whether they are class scores. evaluations: runs.
    """

    def __init__(
        self,
        model: ir.Model,
        layers: tuple[str, ...],
        samples: Dataset,
        *,
        budget: Budget,
        metric: Metric,
        threads: int,
        swaps: bool = True,
    ) -> None:
        """Run the original. `layers`: the initializers that `outputs` may replace; `swaps`: as in `Effort`."""
        self.model = model
        self._threads = threads
        self._swappable = Session(model, threads=threads, swappable=layers) if swaps else None
        self._samples = samples
        self._budget = budget
        self._metric = metric
        self.original = self._run({})
        self.classifies = is_classifier(self.original)
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
        if self.classifies and (self._budget.needs_classes or not self._budget.limits_quality):
            damage = max(divergence(self.original[0], outputs[0]), 0.0)
        else:
            damage = (relative_error(self.original, outputs) / 100) ** 2
        return damage if np.isfinite(damage) else float("inf")

    def load(self, outputs: list[np.ndarray]) -> float:
        """Return how much of the budget's limits on quality `outputs` use up, the tightest counts: 1 is all of it.

        Every figure has a margin of one standard error, since other samples will judge.
        """
        budget, scores = self._budget, (self.original[0], outputs[0])
        used = [0.0]
        if budget.max_drop is not None:
            used.append(_share(self._drop(outputs), budget.max_drop))
        if budget.min_agreement is not None:
            used.append(_share(_bound(100 * (1 - agreement(*scores))), 100 - budget.min_agreement))
        if budget.max_error is not None:
            errors = [
                error_bound(z, changed, errors=STANDARD_ERRORS)
                for z, changed in zip(self.original, outputs, strict=True)
            ]
            used.append(_share(max(errors), budget.max_error))
        return max(used)

    def figures(self, outputs: list[np.ndarray]) -> Figures:
        """Return what a report says of `outputs`: means over the samples, without margins."""
        is_predicted = self.classifies and (self._samples.labels is None or self._metric.name == "top-1")
        agreeing = 100 * float(agreement(self.original[0], outputs[0]).mean()) if self.classifies else None
        drop, error = self._mean_drop(outputs, is_predicted), relative_error(self.original, outputs)
        return Figures(drop, is_predicted, agreeing, error)

    def score(self, outputs: list[np.ndarray]) -> float | None:
        """Return the mean metric of `outputs`; None without labels."""
        labels = self._samples.labels
        return None if labels is None else float(self._metric.score(outputs[0], labels).mean())

    def _mean_drop(self, outputs: list[np.ndarray], is_predicted: bool) -> float | None:
        if is_predicted:
            return 100 * float(predicted_drop(self.original[0], outputs[0]).mean())
        if self._samples.labels is None:
            return None
        before, after = (self._metric.score(scores, self._samples.labels) for scores in (self.original[0], outputs[0]))
        return float(before.mean() - after.mean())

    def _drop(self, outputs: list[np.ndarray]) -> float:
        """Return the drop of the metric to reckon with, in points.

        For top-1 it is predicted from the original's softmax: on a few hundred samples a count of hits is decided by a
        handful of them, and the prediction varies far less. Where labels refute it (the drop they show is larger beyond
        chance), they are believed. Other metrics are measured with the labels.
        """
        labels = self._samples.labels
        predicted = 100 * predicted_drop(self.original[0], outputs[0]) if self.classifies else None
        if labels is None:
            return _bound(predicted)
        before, after = (self._metric.score(scores, labels) for scores in (self.original[0], outputs[0]))
        if self._metric.name != "top-1" or predicted is None:
            return _bound(before - after)
        return max(_bound(predicted), _bound(before - after, errors=-BEYOND_CHANCE))


def swappable(layers: Sequence[WeightLayer]) -> tuple[str, ...]:
    """Return the initializers that a change of `layers` may replace: weights, and biases or means behind them."""
    return tuple(dict.fromkeys(n for lay in layers for n in (lay.name, *([lay.offset.name] if lay.offset else []))))


def _bound(values: np.ndarray, *, errors: float = STANDARD_ERRORS) -> float:
    """Return the mean and so many standard errors."""
    return float(values.mean() + errors * values.std() / np.sqrt(len(values)))


def _share(used: float, limit: float) -> float:
    """Return used / limit; nothing used is nothing even of a limit of zero."""
    if used <= 0:
        return 0.0
    return used / limit if limit > 0 else float("inf")
