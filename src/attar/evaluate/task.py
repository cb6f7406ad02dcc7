"""What a network is taken for: it settles how its answers are judged, and stands in the first line of every report."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .fidelity import TINY, agreement, predicted_drop, probabilities, unexplained

KINDS = {"classify": "a classifier", "regress": "a regression", "detect": "a detector", "segment": "a segmentation"}


@dataclass(frozen=True)
class Task:
    """What a network was taken for.

    Attributes:
        kind: "classify", "regress", "detect" or "segment". reason: why, for a person.
        classes: how many, 0 where none are known. output: which output has them. axis: along which of its axes.
        is_sigmoid: whether every class has a probability of its own (samples, classes), or one class alone has.
        rows: outputs that are numbers a sample, of a regression.
    """

    kind: str
    reason: str
    classes: int = 0
    output: int = 0
    axis: int = 1
    is_sigmoid: bool = False
    rows: tuple[int, ...] = ()

    @property
    def line(self) -> str:
        """The first line of a report."""
        of = f" of {self.classes} classes" if self.classes else ""
        return f"taken for {KINDS[self.kind]}{of}: {self.reason}"

    @property
    def classifies(self) -> bool:
        """Whether an answer is one row of class scores a sample."""
        return self.kind == "classify"

    @property
    def has_classes(self) -> bool:
        """Whether answers can be the same or not: a class for every sample, or for every place of it."""
        return self.kind in ("classify", "segment")

    @property
    def predicted(self) -> str | None:
        """The metric whose drop can be told without labels, None where there is none."""
        return "top-1" if self.classifies else "r2" if self.kind == "regress" and self.rows else None

    @property
    def has_plain_scores(self) -> bool:
        """Whether the first output is what `scores` returns, so that probing it is probing the scores."""
        return self.classifies and self.output == 0 and not self.is_sigmoid and self.classes > 1

    def scores(self, outputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return the class scores (samples, classes) of a classifier: logits, logarithms or shares that add up to 1.

        Probabilities of their own become logarithms; a single one is that of class 1 against class 0.
        """
        rows = outputs[self.output].reshape(len(outputs[self.output]), -1)
        if self.is_sigmoid:
            p = rows.astype(np.float64)
            return np.log(np.maximum(np.hstack([1 - p, p]) if p.shape[1] == 1 else p, TINY))
        return np.hstack([np.zeros_like(rows), rows]) if rows.shape[1] == 1 else rows

    def probabilities(self, outputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probability of every class (samples, classes) of a classifier."""
        scores = self.scores(outputs)
        return np.exp(scores) if self.is_sigmoid else probabilities(scores)

    def predicted_drop(self, original: Sequence[np.ndarray], compressed: Sequence[np.ndarray]) -> np.ndarray | None:
        """Return the points of `predicted` that each sample is expected to lose (samples,), of the worst output."""
        if self.classifies:
            return 100 * predicted_drop(self.scores(original), self.scores(compressed))
        if self.predicted is None:
            return None
        lost = [100 * unexplained(original[n], compressed[n]) for n in self.rows]
        return max(lost, key=lambda points: points.mean())

    def agreement(self, original: Sequence[np.ndarray], compressed: Sequence[np.ndarray]) -> np.ndarray | None:
        """Return per sample the share of its answers that are the same: one answer, or one a place; None without."""
        if self.classifies:
            return agreement(self.scores(original), self.scores(compressed))
        if self.kind != "segment":
            return None
        ours, theirs = (self.answers(outputs) for outputs in (original, compressed))
        return np.mean((ours == theirs) & (ours >= 0), axis=1)

    def answers(self, outputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return the class of every place of a segmentation, int64 (samples, places); -1 where NaN answers."""
        values = outputs[self.output]
        if not np.issubdtype(values.dtype, np.floating):
            return values.reshape(len(values), -1).astype(np.int64)
        scores = np.moveaxis(values, self.axis, 1).reshape(len(values), values.shape[self.axis], -1)
        if scores.shape[1] == 1:
            found = (scores[:, 0] > (0.5 if self.is_sigmoid else 0.0)).astype(np.int64)
        else:
            found = scores.argmax(axis=1)
        return np.where(np.isnan(scores).any(axis=1), -1, found)


def is_row(values: np.ndarray) -> bool:
    """Tell whether an output is one row of at least two numbers a sample, which class scores may be."""
    if not np.issubdtype(values.dtype, np.floating) or values.ndim < 2:
        return False
    return max(values.shape[1:]) >= 2 and sum(extent != 1 for extent in values.shape[1:]) == 1


def is_single(values: np.ndarray) -> bool:
    """Tell whether an output is one number a sample, which the score of one class against another may be."""
    return np.issubdtype(values.dtype, np.floating) and values.ndim > 0 and all(e == 1 for e in values.shape[1:])


def row_classes(values: np.ndarray) -> int:
    """Return how many classes a row of scores is of: a single number is of two."""
    return max(int(np.prod(values.shape[1:])), 2)


def refuse_classes(outputs: Sequence[np.ndarray], what: str) -> DataError:
    """Return the error for class scores that are wanted where there are none."""
    shapes = ", ".join(str(values.shape) for values in outputs)
    return DataError(f"{what} needs one row of class scores a sample; the output is {shapes}")
