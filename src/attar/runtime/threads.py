"""How many threads a caller asked for."""

import operator
import os
from typing import Any

from ..errors import DataError

MOST_THREADS = 64  # ATTAR_THREADS_MAX of native/include/attar/engine.h


def thread_count(threads: Any) -> int:
    """Return 1 to 64 threads: as many as there are cores for 0.

    Raises:
        DataError: it is no number of threads.
    """
    return whole_number("threads", threads, MOST_THREADS) or min(len(os.sched_getaffinity(0)), MOST_THREADS)


def whole_number(name: str, value: Any, most: int) -> int:
    """Return an option that has to be a whole number from 0 to `most`.

    Raises:
        DataError: it is none.
    """
    try:
        found = operator.index(value)
    except TypeError as error:
        raise DataError(f"{name} {value!r}: not a whole number") from error
    if not 0 <= found <= most:
        raise DataError(f"{name} {found}: not within 0 to {most}")
    return found
