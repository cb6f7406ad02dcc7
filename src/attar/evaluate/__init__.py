"""Samples in, figures out: data, preprocessing, accuracy, fidelity and their uncertainty."""

from .data import Dataset, load_data
from .fidelity import agreement, divergence, mean_difference, predicted_drop, relative_error
from .measurement import Measurement, Metric, compare, metric_of

__all__ = [
    "Dataset",
    "Measurement",
    "Metric",
    "agreement",
    "compare",
    "divergence",
    "load_data",
    "mean_difference",
    "metric_of",
    "predicted_drop",
    "relative_error",
]
