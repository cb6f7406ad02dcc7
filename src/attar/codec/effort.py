"""How much an encoder may try, and with what."""

from dataclasses import dataclass

from .coders import NAMES


@dataclass(frozen=True)
class Effort:
    """The defaults give the smallest streams.

    `coders` are the symbol coders to choose from; packed is always one of them, as it holds everything. The smallest
    devices decode packed and relative alone. `exhaustive` False shortens the search for the bound of the relative
    index. `threads` share a large tensor; their number changes no byte.
    """

    coders: frozenset[int] = frozenset(NAMES)
    exhaustive: bool = True
    threads: int = 1


BEST = Effort()
QUICK = Effort(exhaustive=False)
