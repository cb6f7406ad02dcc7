"""Single values of a config: what they may be, and the line that says what they are not."""

import math
from collections.abc import Mapping
from typing import Any

from PIL.Image import Resampling

from ...errors import DataError
from .resize import MAX_EDGE


def flag(config: Mapping[str, Any], key: str, default: bool | None) -> bool | None:
    """Return a switch, `default` where it is missing or null.

    Raises:
        DataError: it is something else.
    """
    value = config.get(key)
    if value is None:
        return default
    if value not in (True, False):
        raise DataError(f"{key} is {value!r:.60}, neither true nor false")
    return bool(value)


def number(value: Any, what: str) -> float:
    """Return a finite number.

    Raises:
        DataError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(float(value)):
        raise DataError(f"{what} is {value!r:.60}, not a number")
    return float(value)


def numbers(values: Any, what: str) -> tuple[float, ...]:
    """Return the numbers of all channels, or the one of each of them."""
    if isinstance(values, (list, tuple)) and values:
        return tuple(number(value, what) for value in values)
    return (number(values, what),)


def edge(value: Any, what: str) -> int:
    """Return a number of pixels.

    Raises:
        DataError: not a whole number from 1 to MAX_EDGE.
    """
    pixels = number(value, what)
    if pixels != int(pixels) or not 1 <= pixels <= MAX_EDGE:
        raise DataError(f"{what} is {value!r:.60}, not a number of pixels from 1 to {MAX_EDGE:,}")
    return int(pixels)


def resampling(value: Any, default: int) -> int:
    """Return Pillow's number of a filter, `default` where none is given."""
    if value is None:
        return int(default)
    if isinstance(value, bool) or not isinstance(value, int) or value not in set(Resampling):
        raise DataError(f"resample is {value!r:.60}, none of Pillow's filters")
    return int(value)
