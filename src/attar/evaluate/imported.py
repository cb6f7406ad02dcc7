"""Functions that a user names as `module:function`."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import DataError, first_line


def imported(module: str, function: str, what: str) -> Callable:
    """Return the function of that name in that module, which may stand in the current folder: this runs its code.

    Raises:
        DataError: it can't be imported, or is not a function.
    """
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)  # from here on, and last, so that it hides nothing
    try:
        found = getattr(importlib.import_module(module), function)
    except Exception as error:  # importing runs somebody else's code
        raise DataError(f"{what}: cannot be imported: {first_line(error)}") from error
    if not callable(found):
        raise DataError(f"{what}: is {type(found).__name__}, not a function")
    return found
