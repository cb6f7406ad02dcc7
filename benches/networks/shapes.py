"""Weights that have a shape and no memory, for questions that only shapes answer."""

import math
from collections.abc import Mapping

import numpy as np

Shape = tuple[int, ...]


def zeros(shapes: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """Return zeros of every shape; each array is one number, seen many times."""
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}


def count(shapes: Mapping[str, Shape]) -> int:
    """Return how many numbers there are in all."""
    return sum(math.prod(shape) for shape in shapes.values())
