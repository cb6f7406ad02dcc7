"""The network as its own judge: swap weights in one session, run the search's samples, say what the output suffered."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ..evaluate import Dataset, Metric, agreement, divergence, predicted_drop, relative_error
from ..evaluate.measurement import is_classifier
from ..runtime import Session
from .budget import Budget

ONE_SIDED_95 = 1.645  # standard errors


class Judge:
    """Measures candidate weights on the search's samples.

    `damage` is smooth and needs no labels: the KL divergence of the class probabilities where the budget speaks of
    classes, else the squared relative output error. It ranks candidates; `keeps` checks the budget itself.
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
    ) -> None:
        self._session = Session(model, threads=threads, swappable=layers)
        self._samples = samples
        self._budget = budget
        self._metric = metric
        self.original = self._session.run_all(samples.inputs)
        self.classifies = is_classifier(self.original)
        self.evaluations = 0

    def outputs(self, weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the network's outputs with some layers' weights replaced."""
        self.evaluations += 1
        return self._session.run_all(self._samples.inputs, weights=weights)

    def damage(self, outputs: list[np.ndarray]) -> float:
        """Return how far `outputs` are from the original's; 0 is the same."""
        if self.classifies and (self._budget.needs_classes or not self._budget.limits_quality):
            return max(divergence(self.original[0], outputs[0]), 0.0)
        return (relative_error(self.original, outputs) / 100) ** 2

    def keeps(self, outputs: list[np.ndarray]) -> bool:
        """Tell whether `outputs` keep every limit of the budget that speaks of quality."""
        budget = self._budget
        scores = (self.original[0], outputs[0])
        if budget.max_drop is not None and self.drop(outputs) > budget.max_drop:
            return False
        if budget.min_agreement is not None and 100 * float(agreement(*scores).mean()) < budget.min_agreement:
            return False
        return budget.max_error is None or relative_error(self.original, outputs) <= budget.max_error

    def drop(self, outputs: list[np.ndarray]) -> float:
        """Return an upper bound (95 %, one-sided) of the drop of the metric, in points.

        A bound, since the search picks its favorite among many plans by these very samples, and others judge it. For
        top-1 the drop is predicted from the original's softmax: on a few hundred samples a count of hits is decided by
        a handful of them, and the prediction varies far less. Other metrics are measured with the labels.
        """
        labels = self._samples.labels
        if self._metric.name == "top-1" or labels is None:
            drops = 100 * predicted_drop(self.original[0], outputs[0])
        else:
            before, after = (self._metric.score(scores, labels) for scores in (self.original[0], outputs[0]))
            drops = before - after
        return float(drops.mean() + ONE_SIDED_95 * drops.std() / np.sqrt(len(drops)))
