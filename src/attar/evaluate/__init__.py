"""Samples in, figures out: data, preprocessing, accuracy, fidelity and their uncertainty.

A process that only runs a file (`contestant`) loads nothing of graphs: what looks at them is imported when it is used.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy
from .data import Dataset, load_data
from .fidelity import agreement, divergence, mean_difference, predicted_drop, relative_error
from .measurement import Measurement, compare
from .metrics import Metric, default_metric, metric_of
from .task import Task

if TYPE_CHECKING:
    from .recognize import task_of

__all__ = [
    "Dataset",
    "Measurement",
    "Metric",
    "Task",
    "agreement",
    "compare",
    "default_metric",
    "divergence",
    "load_data",
    "mean_difference",
    "metric_of",
    "predicted_drop",
    "relative_error",
    "task_of",
]

__getattr__ = lazy(__name__, {"task_of": "recognize"})
