"""What a program's outputs become for a caller: the network's outputs, by its names, a Softmax at the end put back."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

SOFTMAX = ("Softmax", "LogSoftmax")


class End(NamedTuple):
    """An output of a network.

    Attributes:
        name: the network's. source: the program's output that it is made of, by name.
        function: one of SOFTMAX, or empty where it is that output itself. axes: first and last axis that the function
            runs over, the sample's counted as 0.
    """

    name: str
    source: str
    function: str = ""
    axes: tuple[int, int] = (0, 0)


def finished(ends: Sequence[End], found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the network's outputs (samples, ...) by name, in order, from those of its program."""
    return {end.name: _ended(end, found[end.source]) for end in ends}


def to_plain(ends: Sequence[End]) -> list[dict[str, Any]]:
    """Return ends as a file's meta chunk has them; empty where the network's outputs are just the program's."""
    if all(not end.function and end.name == end.source for end in ends):
        return []
    functions = [{"function": end.function, "axes": list(end.axes)} if end.function else {} for end in ends]
    return [{"name": end.name, "from": end.source} | more for end, more in zip(ends, functions, strict=True)]


def from_plain(plain: Sequence[Mapping[str, Any]]) -> tuple[End, ...]:
    """Return the ends that a meta chunk, which was checked, tells."""
    return tuple(
        End(each["name"], each["from"], each.get("function", ""), tuple(each.get("axes", (0, 0)))) for each in plain
    )


def _ended(end: End, found: np.ndarray) -> np.ndarray:
    if not end.function:
        return found
    axes = tuple(range(end.axes[0], end.axes[1] + 1))
    logs = found - found.max(axis=axes, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=axes, keepdims=True))
    return logs if end.function == "LogSoftmax" else np.exp(logs)
