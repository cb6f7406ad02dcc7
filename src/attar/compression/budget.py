"""What the user can afford: bytes, a drop of the metric, agreement, output error; alone or together."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from ..errors import BudgetError

_UNITS = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
MAX_DIGITS = 20  # more can't be the size of a file


@dataclass(frozen=True)
class Budget:
    """Limits that the result must keep; None is no limit.

    Attributes:
        max_drop: points of the metric (predicted without labels). target_size: bytes of the file.
        min_agreement: percent of samples with the same top class. max_error: relative output error, percent.
    """

    max_drop: float | None = None
    target_size: int | None = None
    min_agreement: float | None = None
    max_error: float | None = None

    def __post_init__(self) -> None:
        _in_range("max-drop", self.max_drop, 0, 100)
        _is_percent("min-agreement", self.min_agreement)
        _in_range("min-agreement", self.min_agreement, 1, 100)
        _in_range("max-error", self.max_error, 0, 100)
        _in_range("target-size", self.target_size, 1, 2**62)

    @property
    def limits_quality(self) -> bool:
        """Whether anything but the size is limited."""
        return any(limit is not None for limit in (self.max_drop, self.min_agreement, self.max_error))

    @property
    def needs_classes(self) -> bool:
        """Whether a limit speaks of classes."""
        return self.max_drop is not None or self.min_agreement is not None


def parse_size(text: str | int, *, name: str = "target-size") -> int:
    """Return the bytes in "60kB", "1.5 MB", "12KiB" or a plain number; 1 kB is 1,000 bytes.

    Raises:
        BudgetError: not a size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(text))
    if not match or match[2].lower() not in _UNITS or len(match[1]) > MAX_DIGITS:
        raise BudgetError(f"{name} '{text}' is not a size; write 60kB, 1.5MB or a number of bytes")
    return int(Decimal(match[1]) * _UNITS[match[2].lower()])


def _is_percent(name: str, value: float | None) -> None:
    """Refuse a share of one, which read as percent would ruin the network and call that kept."""
    if isinstance(value, float) and 0 < value < 1:
        raise BudgetError(f"{name} is {value:g}, less than 1 percent; write {100 * value:g} for {100 * value:g} %")


def _in_range(name: str, value: float | None, low: float, high: float) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BudgetError(f"{name} is {value!r}, not a number")
    if not (low <= value <= high and math.isfinite(value)):
        raise BudgetError(f"{name} is {value}, outside {low} to {high}")
