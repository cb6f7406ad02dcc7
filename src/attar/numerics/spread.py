"""Share work that falls into independent pieces among threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

Spread = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]  # as `map`; may work at several at once

AT_ONCE = 1 << 22  # numbers of an intermediate result


def do(task: Callable[[Any], None], pieces: Iterable[Any], spread: Spread = map) -> None:
    """Do a task for every piece, in any order."""
    deque(spread(task, list(pieces)), maxlen=0)


def runs(count: int, size: int) -> Iterator[slice]:
    """Yield slices of `count` things of `size` numbers each, with no more in one than should be held twice over."""
    step = max(AT_ONCE // max(size, 1), 1)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
