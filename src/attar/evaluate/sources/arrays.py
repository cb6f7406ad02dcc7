"""Anything that holds numbers as a numpy array: lists, tensors of any framework, with or without gradients."""

from typing import Any

import numpy as np

from ...errors import DataError


def as_array(value: Any, source: str) -> np.ndarray:
    """Return `value` as an array of numbers, texts or truths.

    Raises:
        DataError: it is nothing of the kind.
    """
    try:
        array = np.asarray(_on_the_cpu(value))
    except Exception:  # lists of different lengths; whatever a foreign type raises
        array = np.empty(1, object)
    if array.dtype == object:
        raise DataError(f"{source}: {type(value).__name__} is neither an array, a pair (x, y) nor a mapping of arrays")
    return array


def _on_the_cpu(value: Any) -> Any:
    """A torch tensor, known by its methods: without its gradients, in memory, in a type that numpy has."""
    if not (hasattr(value, "detach") and hasattr(value, "cpu")):
        return value
    tensor = value.detach().cpu()
    try:
        return tensor.numpy()
    except (TypeError, RuntimeError):  # bfloat16, or a view that is only conjugated on reading
        return tensor.float().numpy()
