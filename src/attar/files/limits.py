"""How much a file may ask for: one budget of bytes and one of nodes for all of it, held before anything is allocated.

A few bytes can declare tensors of gigabytes. What is asked for is weighed against the file's own size, so that no
honest file ever meets the budget: 256 bytes of tensors for a byte of the file, and 256 MiB for nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

FREE_BYTES = 256 << 20
BYTES_PER_BYTE = 256
MOST_BYTES = 8 << 30
MAX_NODES = 100_000


@dataclass(frozen=True)
class Limits:
    """The two budgets.

    Attributes:
        memory_bytes: of the tensors of a file, in all; None weighs them against the file's size.
        nodes: operators of a network, those of its branches, loops and functions included, as often as they are called.
    """

    memory_bytes: int | None = None
    nodes: int = MAX_NODES

    def bytes_for(self, file_bytes: int) -> int:
        """Return the bytes that tensors may take of a file of this size; what it stores itself it may always hold."""
        if self.memory_bytes is not None:
            return self.memory_bytes
        return max(file_bytes, min(MOST_BYTES, FREE_BYTES + BYTES_PER_BYTE * file_bytes))

    @property
    def most_bytes(self) -> int:
        """The bytes that a network may take at a time for what flows through it."""
        return MOST_BYTES if self.memory_bytes is None else self.memory_bytes


DEFAULT = Limits()
_current: ContextVar[Limits] = ContextVar("limits", default=DEFAULT)


def limits() -> Limits:
    """Return the limits that hold here."""
    return _current.get()


def set_limits(changed: Limits) -> None:
    """Let other limits hold from here on."""
    _current.set(changed)


@contextmanager
def memory_limit(max_memory_bytes: int | None) -> Iterator[None]:
    """Let tensors of a file take as much as this, or, with None, as before."""
    if max_memory_bytes is None:
        yield
        return
    token = _current.set(Limits(max_memory_bytes, limits().nodes))
    try:
        yield
    finally:
        _current.reset(token)
