"""Samples in, figures out: data, preprocessing, accuracy, fidelity and their uncertainty."""

from .data import Dataset, load_data
from .fidelity import agreement, divergence, mean_difference, predicted_drop, relative_error
from .measurement import Measurement, compare
from .metrics import Metric, default_metric, metric_of
from .recognize import task_of
from .task import Task

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
