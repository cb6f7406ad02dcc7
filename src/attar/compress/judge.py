"""The network as its own judge: swap weights in one session, run the search's samples, say what the output suffered."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ..evaluate import Dataset, Metric, agreement, divergence, predicted_drop, relative_error
from ..evaluate.measurement import is_classifier
from ..graph import set_initializer
from ..runtime import Session
from .budget import Budget

ONE_SIDED_95 = 1.645  # standard errors


class Judge:
    """Measures candidate weights on the search's samples.

    `damage` is smooth and needs no labels: the KL divergence of the class probabilities where the budget speaks of
    classes, else the squared relative output error. It ranks candidates; `load` holds them against the budget.
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
        self._model = model
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

    def _run(self, weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        if self._swappable is not None:
            return self._swappable.run_all(self._samples.inputs, weights=weights)
        changed = self._model.clone()
        for name, values in weights.items():
            set_initializer(changed, name, values)
        return Session(changed, threads=self._threads).run_all(self._samples.inputs)

    def damage(self, outputs: list[np.ndarray]) -> float:
        """Return how far `outputs` are from the original's; 0 is the same."""
        if self.classifies and (self._budget.needs_classes or not self._budget.limits_quality):
            return max(divergence(self.original[0], outputs[0]), 0.0)
        return (relative_error(self.original, outputs) / 100) ** 2

    def load(self, outputs: list[np.ndarray]) -> float:
        """Return how much of the budget's limits on quality `outputs` use up, the tightest counts: 1 is all of it.

        Every figure is an upper bound (95 %, one-sided), since the search picks its favorite among many plans by these very
        samples, and others will judge it.
        """
        budget, scores = self._budget, (self.original[0], outputs[0])
        used = [0.0]
        if budget.max_drop is not None:
            used.append(_share(_upper_bound(self._drops(outputs)), budget.max_drop))
        if budget.min_agreement is not None:
            used.append(_share(_upper_bound(100 * (1 - agreement(*scores))), 100 - budget.min_agreement))
        if budget.max_error is not None:
            errors = [error_bound(z, changed) for z, changed in zip(self.original, outputs, strict=True)]
            used.append(_share(max(errors), budget.max_error))
        return max(used)

    def _drops(self, outputs: list[np.ndarray]) -> np.ndarray:
        """Return the drop of the metric per sample, in points.

        For top-1 it is predicted from the original's softmax: on a few hundred samples a count of hits is decided by a
        handful of them, and the prediction varies far less. Other metrics are measured with the labels.
        """
        labels = self._samples.labels
        if self._metric.name == "top-1" or labels is None:
            return 100 * predicted_drop(self.original[0], outputs[0])
        before, after = (self._metric.score(scores, labels) for scores in (self.original[0], outputs[0]))
        return before - after


def error_bound(z: np.ndarray, changed: np.ndarray) -> float:
    """Return an upper bound of the relative error of one output, in percent: that of a ratio of two means."""
    axes = tuple(range(1, z.ndim))
    power = np.sum(np.square(z, dtype=np.float64), axis=axes)
    error = np.sum(np.square(z.astype(np.float64) - changed), axis=axes)
    if not error.any():
        return 0.0
    if not power.any():
        return float("inf")
    ratio = error.mean() / power.mean()
    spread = np.std(error - ratio * power) / (power.mean() * np.sqrt(len(z)))
    return float(100 * np.sqrt(ratio + ONE_SIDED_95 * spread))


def _upper_bound(values: np.ndarray) -> float:
    return float(values.mean() + ONE_SIDED_95 * values.std() / np.sqrt(len(values)))


def _share(used: float, limit: float) -> float:
    """Return used / limit; nothing used is nothing even of a limit of zero."""
    if used <= 0:
        return 0.0
    return used / limit if limit > 0 else float("inf")
