"""Work for several threads: the core lets the interpreter go on while it codes."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def check_threads(threads: int) -> None:
    """Raises ValueError for a number of threads that would do nothing."""
    if threads < 1:
        raise ValueError(f"threads {threads}: at least 1 has to do the work")


def in_threads(task: Callable[[Part], Result], parts: Sequence[Part], threads: int) -> list[Result]:
    """The results of a task for each part, in order; the first error is that of the first part, whoever fails first."""
    return list(ahead(task, parts, threads))


def spread_over(threads: int) -> Callable[[Callable[[Part], Result], Sequence[Part]], list[Result]]:
    """What does a task for each part in so many threads, 0 for one a core: `map` for work that falls into pieces."""
    return partial(in_threads, threads=threads or os.cpu_count() or 1)


def ahead(task: Callable[[Part], Result], parts: Sequence[Part], threads: int) -> Iterator[Result]:
    """The same one after the other: while one is looked at no more than `threads` others are made or kept."""
    check_threads(threads)
    if threads < 2 or len(parts) < 2:
        yield from map(task, parts)
        return
    from concurrent.futures import ThreadPoolExecutor  # brings logging and more: a single thread does without

    with ThreadPoolExecutor(threads) as pool:
        waiting = deque(pool.submit(task, part) for part in parts[:threads])
        for part in parts[threads:]:
            yield waiting.popleft().result()
            waiting.append(pool.submit(task, part))
        while waiting:
            yield waiting.popleft().result()
