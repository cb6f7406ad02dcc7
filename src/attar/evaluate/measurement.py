"""One frozen record of what was measured on a pair of networks: the original and the one from the file."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .._content import ByContent
from .data import Dataset
from .fidelity import error_bound, relative_error
from .labels import check_class_names
from .metrics import Metric
from .task import Task
from .uncertainty import POINTS, TWO_SIDED_95, Interval, mean_interval, paired_interval


@dataclass(frozen=True, eq=False)
class Measurement(ByContent):
    """What the verdict's samples said.

    Attributes:
        samples: how many. metric: its name; None without labels.
        before, after: the metric in points. drop: before - after; without labels predicted from the original's answers,
            where its task tells how. drop_interval: 95 %, paired.
        agreement: percent of samples (of a segmentation: of places) with the same class, with agreement_interval, 95 %.
        relative_error: of the outputs, percent, with error_interval, 95 %.
        differences, agreements: the drop in points, and the percent of agreement, of every sample (what the intervals
            were made of).
    """

    samples: int
    metric: str | None
    before: float | None
    after: float | None
    drop: float | None
    drop_interval: Interval | None
    agreement: float | None
    agreement_interval: Interval | None
    relative_error: float
    error_interval: Interval
    differences: np.ndarray | None = field(default=None, repr=False)
    agreements: np.ndarray | None = field(default=None, repr=False)


def check_classes(data: Dataset, task: Task) -> None:
    """Refuse labels that number subfolders or names of which there are not as many as the network has classes.

    Raises:
        DataError: so it is.
    """
    if task.classifies and data.labels is not None:
        check_class_names(data.class_names, task.classes, data.source)


def compare(
    original: Sequence[np.ndarray],
    compressed: Sequence[np.ndarray],
    labels: np.ndarray | None,
    *,
    task: Task,
    metric: Metric | None,
    source: str = "data",
) -> Measurement:
    """Measure two networks' outputs for the same samples, with labels where there are any and a metric for them.

    Raises:
        DataError: labels that the outputs can't have.
    """
    points, differences = [], None
    alike = original[task.output].shape == compressed[task.output].shape  # else rows whose number depends on the data
    if labels is not None and metric is not None:
        points = [metric.points(task, outputs, labels, source=source) for outputs in (original, compressed)]
        differences = _less(*points)
    elif alike:
        differences = task.predicted_drop(original, compressed)
    agreements = task.agreement(original, compressed) if alike else None
    agreements = None if agreements is None else 100 * agreements
    return Measurement(
        samples=len(np.atleast_1d(original[0])),
        metric=metric.name if points else None,
        before=float(points[0].mean()) if points else None,
        after=float(points[1].mean()) if points else None,
        drop=None if differences is None else float(differences.mean()),
        drop_interval=None if differences is None else _drop_interval(differences, points),
        agreement=None if agreements is None else float(agreements.mean()),
        agreement_interval=None if agreements is None else mean_interval(agreements),
        relative_error=relative_error(original, compressed),
        error_interval=_error_interval(original, compressed),
        differences=differences,
        agreements=agreements,
    )


def _less(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return before - after; nothing where both are equally infinite."""
    return np.subtract(before, after, out=np.zeros(len(before)), where=before != after)


def _drop_interval(differences: np.ndarray, points: Sequence[np.ndarray]) -> Interval:
    scale = max((float(np.abs(each).max()) for each in points), default=0.0)
    return paired_interval(differences, scale=scale or POINTS, is_predicted=not points)


def _error_interval(original: Sequence[np.ndarray], compressed: Sequence[np.ndarray]) -> tuple[float, float]:
    low, high = (
        max(error_bound(z, changed, errors=errors) for z, changed in zip(original, compressed, strict=True))
        for errors in (-TWO_SIDED_95, TWO_SIDED_95)
    )
    return low, high
