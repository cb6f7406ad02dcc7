"""One frozen record of what was measured on a pair of networks: the original and the one from the file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError, first_line
from .data import Dataset
from .fidelity import agreement, error_bound, predicted_drop, relative_error
from .imported import imported
from .labels import check_class_names, check_labels
from .uncertainty import TWO_SIDED_95, paired_interval

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (outputs, labels) -> points per sample


@dataclass(frozen=True)
class Metric:
    """A named score, in points, of every sample: the metric is its mean, and higher is better."""

    name: str
    score: Score


@dataclass(frozen=True)
class Measurement:
    """What the verdict's samples said.

    Attributes:
        samples: how many. metric: its name; None without labels.
        before, after: the metric in points. drop: before - after; predicted from the original's softmax where there are
            no labels. drop_interval: 95 %, paired bootstrap.
        agreement: percent of samples with the same top class. relative_error: of the outputs, percent, with
            error_interval, 95 %.
        differences: the drop of every sample, in points (what the interval was made of).
    """

    samples: int
    metric: str | None
    before: float | None
    after: float | None
    drop: float | None
    drop_interval: tuple[float, float] | None
    agreement: float | None
    relative_error: float
    error_interval: tuple[float, float]
    differences: np.ndarray | None = None


def metric_of(name: str | None) -> Metric:
    """Return the metric called `name`: "top-1" (default), "top-5", or "module:function".

    A function takes (outputs, labels) and returns points per sample, higher is better: shape (samples,).

    Raises:
        DataError: an unknown word, or a function that can't be imported.
    """
    if name in (None, "top-1"):
        return Metric("top-1", lambda outputs, labels: _top(outputs, labels, 1))
    if name == "top-5":
        return Metric("top-5", lambda outputs, labels: _top(outputs, labels, 5))
    module, colon, function = name.partition(":")
    if not colon:
        raise DataError(f"unknown metric '{name}': top-1, top-5 or module:function")
    return Metric(name, _custom(imported(module, function, f"metric {name}"), name))


def is_classifier(outputs: Sequence[np.ndarray]) -> bool:
    """Tell whether the first output is one row of class scores a sample."""
    scores = outputs[0]
    if not np.issubdtype(scores.dtype, np.floating) or scores.ndim < 2:
        return False
    return scores.shape[1] >= 2 and scores.size == len(scores) * scores.shape[1]


def check_classes(data: Dataset, outputs: Sequence[np.ndarray]) -> None:
    """Refuse labels that number subfolders or names of which there are not as many as the first output has classes.

    Raises:
        DataError: so it is.
    """
    if is_classifier(outputs) and data.labels is not None:
        check_class_names(data.class_names, outputs[0].shape[1], data.source)


def compare(
    original: Sequence[np.ndarray],
    compressed: Sequence[np.ndarray],
    labels: np.ndarray | None,
    *,
    metric: Metric,
    source: str = "data",
) -> Measurement:
    """Measure two networks' outputs for the same samples, with labels where there are any.

    Raises:
        DataError: labels that the outputs can't have.
    """
    classes = is_classifier(original) and original[0].shape == compressed[0].shape
    scores = (original[0], compressed[0])
    before = after = None
    differences = None
    if labels is not None:
        points = [score(metric, outputs, labels, source=source) for outputs in (original, compressed)]
        before, after = (float(p.mean()) for p in points)
        differences = points[0] - points[1]
    elif classes:
        differences = 100 * predicted_drop(*scores)
    return Measurement(
        samples=len(np.atleast_1d(scores[0])),
        metric=metric.name if labels is not None else None,
        before=before,
        after=after,
        drop=None if differences is None else float(differences.mean()),
        drop_interval=None if differences is None else paired_interval(differences),
        agreement=100 * float(agreement(*scores).mean()) if classes else None,
        relative_error=relative_error(original, compressed),
        error_interval=_error_interval(original, compressed),
        differences=differences,
    )


def score(metric: Metric, outputs: Sequence[np.ndarray], labels: np.ndarray, *, source: str = "data") -> np.ndarray:
    """Return the metric's points of every sample, for the first output.

    Raises:
        DataError: labels that the output can't have.
    """
    scores = outputs[0]
    if metric.name in ("top-1", "top-5"):
        if not is_classifier(outputs):
            raise DataError(
                f"{source}: {metric.name} needs one row of class scores a sample; the output is {scores.shape}"
            )
        check_labels(labels, scores.shape[1], source)
    return metric.score(scores, labels)


def _error_interval(original: Sequence[np.ndarray], compressed: Sequence[np.ndarray]) -> tuple[float, float]:
    low, high = (
        max(error_bound(z, changed, errors=errors) for z, changed in zip(original, compressed, strict=True))
        for errors in (-TWO_SIDED_95, TWO_SIDED_95)
    )
    return low, high


def _top(outputs: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Return 100.0 per sample whose label is among the `k` highest scores; of equal scores the first wins.

    A row with NaN in it is no answer.
    """
    scores = outputs.reshape(len(outputs), -1)
    own = scores[np.arange(len(scores)), labels.astype(np.int64)][:, None]
    ahead = (scores > own).sum(axis=1) + ((scores == own) & _earlier(labels, scores.shape[1])).sum(axis=1)
    return 100.0 * ((ahead < k) & ~np.isnan(scores).any(axis=1))


def _earlier(labels: np.ndarray, classes: int) -> np.ndarray:
    """Of equal scores argmax names the first, so only earlier classes win a tie."""
    return np.arange(classes)[None, :] < labels.astype(np.int64)[:, None]


def _custom(function: Callable, name: str) -> Score:
    def score(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        try:
            points = np.asarray(function(outputs, labels), np.float64)
        except Exception as error:  # whatever somebody else's code raises
            raise DataError(f"metric {name}: failed with {type(error).__name__}: {first_line(error)}") from error
        if points.shape != (len(outputs),):
            raise DataError(
                f"metric {name}: returned shape {points.shape}, not one value for each of {len(outputs)} samples"
            )
        return points

    return score
