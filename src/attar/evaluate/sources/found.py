"""What a source of samples held, before it is fitted to a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LABEL_NAMES = ("y", "labels", "label", "targets", "target")  # of arrays that are no input


@dataclass
class Found:
    """Arrays by name, `x` where the source does not name them, and what else it told.

    Attributes:
        labels: (samples,), numbers or names. preprocessing: how pictures became, or integers become, numbers.
        class_names: of the labels' numbers, where subfolders or a table gave them.
        notes: what was left out or guessed, one line each.
    """

    arrays: dict[str, np.ndarray]
    labels: np.ndarray | None = None
    preprocessing: Mapping[str, Any] | None = None
    class_names: list[str] | None = None
    notes: list[str] = field(default_factory=list)
