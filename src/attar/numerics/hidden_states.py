"""The states that a recurrent operator starts each step from, out of the states that each step ends with."""

from collections.abc import Sequence

import numpy as np


def states_before(states: np.ndarray, directions: Sequence[str], initial: np.ndarray | None) -> np.ndarray:
    """Return the state before every step (samples, directions, steps, hidden).

    Args:
        states: after every step, as ONNX puts them out (steps, directions, samples, hidden).
        directions: "forward" or "reverse", which runs from the last step to the first.
        initial: before the first step (directions, samples, hidden); None for zeros.
    """
    first = np.zeros_like(states[0]) if initial is None else np.broadcast_to(initial, states[0].shape)
    each = [_shifted(states[:, d], first[d], reverse=word == "reverse") for d, word in enumerate(directions)]
    return np.stack(each).transpose(2, 0, 1, 3)


def _shifted(states: np.ndarray, first: np.ndarray, *, reverse: bool) -> np.ndarray:
    if reverse:
        return np.concatenate([states[1:], first[None]])
    return np.concatenate([first[None], states[:-1]])
