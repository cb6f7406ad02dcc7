"""What was left out or guessed on the way, told when a command has ended well: one line each, on standard error."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import AttarWarning, printable


@contextmanager
def notes_at_the_end() -> Iterator[None]:
    """Keep attar's warnings until the command has ended, and tell each once; one that failed says why it failed."""
    notes: dict[str, None] = {}
    show = warnings.showwarning

    def keep(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, AttarWarning):
            notes[printable(" ".join(str(message).splitlines()))] = None
        else:
            show(message, category, *rest, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", AttarWarning)
        warnings.showwarning = keep
        yield
    for note in notes:
        print(f"attar: note: {note}", file=sys.stderr)
