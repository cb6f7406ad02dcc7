"""What a program answers, in the words of the network that it was made from."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..ends import End, finished
from .native import Machine

if TYPE_CHECKING:
    from .parts import Parts


def answers(machine: "Machine | Parts", ends: Sequence[End], inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return what the engine gives for the network's outputs, in order; of parts these are what they give."""
    found = machine.run({port.name: inputs[port.name] for port in machine.inputs})
    return list((finished(ends, found) if ends else found).values())
