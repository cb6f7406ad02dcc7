"""Scores of every sample, in points, of which a metric is the mean: built in, or a function of the user's."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from ..errors import DataError, first_line
from .imported import imported
from .labels import check_labels
from .task import Task, refuse_classes

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (outputs, labels) -> points per sample
IGNORED = 255  # the class number of places that nobody labelled, as in Pascal VOC and Cityscapes


@dataclass(frozen=True)
class Metric:
    """A named score, in points, of every sample: the metric is its mean, and higher is better.

    Attributes:
        name: for people. score: takes what it is `of`: the first output ("outputs", or "numbers" that labels measure),
            the class scores (samples, classes), or the class of every place ("places"). key: tells it from another of
            that name.
    """

    name: str
    score: Score
    key: str = ""
    of: str = "outputs"

    def check(self, task: Task, outputs: Sequence[np.ndarray], labels: np.ndarray, *, source: str) -> None:
        """Score the first samples, of which there are outputs; labels are checked all.

        Raises:
            DataError: as `points`.
        """
        self._check_labels(task, outputs, labels, source)
        self._score(task, outputs, labels[: len(outputs[0])])

    def points(
        self, task: Task, outputs: Sequence[np.ndarray], labels: np.ndarray, *, source: str = "data"
    ) -> np.ndarray:
        """Return the points of every sample, float64 (samples,).

        Raises:
            DataError: labels that the outputs can't have, or a function that fails or returns something else.
        """
        self._check_labels(task, outputs, labels, source)
        return self._score(task, outputs, labels)

    def _check_labels(self, task: Task, outputs: Sequence[np.ndarray], labels: np.ndarray, source: str) -> None:
        if self.of == "classes":
            if not task.classifies:
                raise refuse_classes(outputs, f"{source}: {self.name}")
            check_labels(labels, task.classes, source)
        elif self.of == "places":
            _check_maps(task, outputs, labels, source)
        elif self.of == "numbers":
            _check_measured(outputs[0], labels, source)

    def _score(self, task: Task, outputs: Sequence[np.ndarray], labels: np.ndarray) -> np.ndarray:
        if self.of == "classes":
            return self.score(task.scores(outputs), labels)
        if self.of == "places":
            return self.score(task.answers(outputs), labels.reshape(len(labels), -1).astype(np.int64))
        return self.score(outputs[0], labels)


def metric_of(given: str | Callable | None) -> Metric | None:
    """Return the metric: "top-1", "top-5", "r2", "pixel-accuracy", "module:function" or a function; None gives None.

    A function takes (outputs, labels), the first output of all samples, and returns points per sample, higher is
    better: shape (samples,). True and False count as 100 and 0.

    Raises:
        DataError: an unknown word, or a function that can't be imported.
    """
    if given is None or given in BUILT_IN:
        return None if given is None else BUILT_IN[given]
    if callable(given):
        name = f"{getattr(given, '__module__', None) or '?'}:{getattr(given, '__qualname__', type(given).__name__)}"
        return Metric(name, _custom(given, name), _code_digest(given))
    if not isinstance(given, str):
        raise DataError(f"metric is {type(given).__name__}, neither a name nor a function")
    module, colon, function = given.partition(":")
    if not colon:
        raise DataError(f"unknown metric '{given}': {', '.join(BUILT_IN)} or module:function")
    found = imported(module, function, f"metric {given}")
    return Metric(given, _custom(found, given), _code_digest(found))


def default_metric(task: Task) -> Metric | None:
    """Return what labels are for where nobody names a metric; None where only a metric of the user's could tell."""
    names = {"classify": "top-1", "regress": "r2", "segment": "pixel-accuracy"}
    return BUILT_IN[names[task.kind]] if task.kind in names else None


def _top(scores: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Return 100.0 per sample whose label is among the `k` highest scores; of equal scores the first wins.

    A row with NaN in it is no answer.
    """
    own = scores[np.arange(len(scores)), labels.astype(np.int64)][:, None]
    ahead = (scores > own).sum(axis=1) + ((scores == own) & _earlier(labels, scores.shape[1])).sum(axis=1)
    return 100.0 * ((ahead < k) & ~np.isnan(scores).any(axis=1))


def _earlier(labels: np.ndarray, classes: int) -> np.ndarray:
    """Of equal scores argmax names the first, so only earlier classes win a tie."""
    return np.arange(classes)[None, :] < labels.astype(np.int64)[:, None]


def _r2(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return points whose mean is 100 R2, the coefficient of determination, itself the mean over a sample's numbers."""
    wanted = labels.reshape(len(labels), -1).astype(np.float64)
    spread = np.square(wanted - wanted.mean(axis=0)).mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.square(outputs.reshape(wanted.shape).astype(np.float64) - wanted) / spread
    return 100 * (1 - np.where(np.isnan(error), np.inf, error).mean(axis=1))


def _check_measured(outputs: np.ndarray, labels: np.ndarray, source: str) -> None:
    numbers = int(np.prod(outputs.shape[1:]))
    if labels.dtype.kind not in "fiu" or labels.size != len(labels) * numbers:
        raise DataError(
            f"{source}: labels are {labels.dtype} {labels.shape}, the output {outputs.shape}: r2 needs one measured "
            "value for every number (class numbers are whole numbers: labels.astype(int))"
        )
    wanted = labels.reshape(len(labels), -1)
    if not np.isfinite(wanted).all():
        raise DataError(f"{source}: labels hold NaN or infinite values")
    constant = np.flatnonzero(np.ptp(wanted, axis=0) == 0)
    if len(constant):
        number = int(constant[0])
        raise DataError(
            f"{source}: number {number} of all {len(labels)} labels is {wanted[0, number]:g}: r2 is not defined where "
            "nothing varies; give a metric, or leave the labels out and judge by max-error"
        )


def _pixels(answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the percent of labelled places with the right class, of every sample."""
    known = labels != IGNORED
    return 100.0 * ((answers == labels) & known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _check_maps(task: Task, outputs: Sequence[np.ndarray], labels: np.ndarray, source: str) -> None:
    places = task.answers(outputs).shape[1] if task.kind == "segment" else 0
    flat = labels.reshape(len(labels), -1)
    if flat.dtype.kind not in "iu" or flat.shape[1] != places:
        raise DataError(
            f"{source}: labels are {labels.dtype} {labels.shape}: pixel-accuracy needs a class number for each of the "
            f"{places} places of a sample"
        )
    known = flat[flat != IGNORED]
    if task.classes and known.size and not 0 <= known.min() <= known.max() < task.classes:
        bad = known.min() if known.min() < 0 else known.max()
        raise DataError(f"{source}: label {bad} is outside 0 to {task.classes - 1}, and not {IGNORED} for no label")


def _custom(function: Callable, name: str) -> Score:
    def score(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        try:
            returned = np.asarray(function(outputs, labels))
            points = returned.astype(np.float64)
        except Exception as error:  # whatever somebody else's code raises
            raise DataError(f"metric {name}: failed with {type(error).__name__}: {first_line(error)}") from error
        if points.shape != (len(outputs),):
            raise DataError(
                f"metric {name}: returned shape {points.shape}, not one value for each of {len(outputs)} samples"
            )
        broken = ~np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1) if outputs.dtype.kind == "f" else False
        points[np.isnan(points) & broken] = -np.inf  # the network's fault: as bad as can be
        wrong = np.flatnonzero(~np.isfinite(points) & ~np.asarray(broken))
        if len(wrong):
            raise DataError(f"metric {name}: returned {points[wrong[0]]} for sample {wrong[0]}, not a number of points")
        return 100 * points if returned.dtype == bool else points

    return score


def _code_digest(function: Callable) -> str:
    """Return a digest of what a function does, so that what was judged by another one is not used again."""
    return hashlib.sha256(repr(_code(function)).encode()).hexdigest()[:16]


def _code(function: Any) -> Any:
    code = getattr(function, "__code__", None)
    if code is None:
        return repr(function)  # with its address: never the same in another process
    cells = [_content(cell) for cell in function.__closure__ or ()]
    return _instructions(code), repr(function.__defaults__), repr(function.__kwdefaults__), cells


def _content(cell: Any) -> Any:
    try:
        held = cell.cell_contents
    except ValueError:  # not yet filled
        return None
    return _code(held) if callable(held) else repr(held)


def _instructions(code: CodeType) -> Any:
    constants = [_instructions(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return code.co_code.hex(), constants, code.co_names


BUILT_IN = {
    "top-1": Metric("top-1", lambda scores, labels: _top(scores, labels, 1), of="classes"),
    "top-5": Metric("top-5", lambda scores, labels: _top(scores, labels, 5), of="classes"),
    "r2": Metric("r2", _r2, of="numbers"),
    "pixel-accuracy": Metric("pixel-accuracy", _pixels, of="places"),
}
