"""Choose the order of a network's operators for which the most that is live at one step is least.

Dynamic programming over ideals, the sets of operators that can be done at one time: all that matters of the past is
which set it is. A level holds the ideals of one size, each with its best peak; where a network is a chain of branches,
levels are as narrow as the branches are few. A level wider than `width` keeps its best: the result is then good, not
proven. Two rules keep levels narrow without giving up proof: an ideal that has reached the best peak known is dropped,
and an operator that neither raises the peak nor leaves more bytes than it found is taken at once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from .program import Program, Step, shared_bytes

# What a level that is too wide keeps; no rule is best everywhere. The last takes what needs most while little is live.
RANKS: tuple[Callable[["_State"], tuple[int, int]], ...] = (
    lambda state: (state.peak, state.live),
    lambda state: (state.live, state.left),
    lambda state: (state.left, state.live),
)
NARROW, WIDTH = 16, 512  # quick looks give the last one a better peak to drop ideals by
MOST_IDEALS = 50_000  # over all levels: long programs get narrower ones


@dataclass(frozen=True)
class Ordered:
    """A program in the order that was found. is_exact: whether no other order has a lower peak."""

    program: Program
    peak_bytes: int
    is_exact: bool


@dataclass(frozen=True)
class _State:
    """What is known of an ideal.

    Attributes:
        done: the operators, a bit each. ready: those that can run next, in order. peak: the least on a way to it.
        live: bytes that are live now. way: last first.
        left: sum over the operators not done of what each needs whatever the order.
    """

    done: int
    ready: tuple[int, ...]
    peak: int
    live: int
    left: int
    way: "_Way"


_Way = tuple[int, Any] | None  # an operator and the way to it


def best_order(program: Program, *, width: int | None = None) -> Ordered:
    """Return the program in an order of least peak; in its own where that is as good.

    Args:
        width: the most ideals of one size that are looked at; the result is exact if that is enough.
    """
    width = max(NARROW, min(WIDTH, MOST_IDEALS // max(len(program.steps), 1))) if width is None else width
    ideals, best = _Ideals(program), Ordered(program, program.peak_bytes(), not program.steps)
    looks = [(min(NARROW, width), rank) for rank in RANKS]
    floor = max(ideals.alone, default=0)
    for each, rank in [*looks, (width, RANKS[0])]:
        if best.is_exact or best.peak_bytes <= floor:
            break
        found, is_exact = _search(ideals, best.peak_bytes, each, rank)
        if found is None:
            best = replace(best, is_exact=is_exact)
        else:
            best = Ordered(ideals.ordered(found.way), found.peak, is_exact)
    return replace(best, is_exact=best.is_exact or best.peak_bytes <= floor)


def _alone(program: Program, step: Step) -> int:
    """Return what is live while `step` runs, whatever the order: its own tensors, inputs and outputs sharing most."""
    names = {*step.reads, *step.writes}
    return sum(program.sizes[name] for name in names) - shared_bytes(step, program.sizes, step.reads)


def _search(
    ideals: "_Ideals", limit: int, width: int, rank: Callable[[_State], tuple[int, int]]
) -> tuple[_State | None, bool]:
    """Return the best complete way whose peak is below `limit`, None where none was found, and whether it is exact."""
    level, is_exact = [ideals.empty()], True
    for _ in ideals.program.steps:
        reached: dict[int, _State] = {}
        for state in level:
            for after in ideals.successors(state):
                known = reached.get(after.done)
                if after.peak < (limit if known is None else known.peak):
                    reached[after.done] = after
        level = sorted(reached.values(), key=rank)
        is_exact &= len(level) <= width
        level = level[:width]
    return (level[0] if level else None), is_exact


class _Ideals:
    """The ideals of a program: bit i of one stands for operator i."""

    def __init__(self, program: Program) -> None:
        self.program = program
        makers = {name: index for index, step in enumerate(program.steps) for name in step.writes}
        self.needs = [_mask(makers[name] for name in step.reads if name in makers) for step in program.steps]
        reading: dict[str, list[int]] = {name: [] for name in program.sizes}
        for index, step in enumerate(program.steps):
            for name in step.reads:
                reading[name].append(index)
        self.readers = {name: _mask(indices) for name, indices in reading.items()}
        self.following = [sorted({index for name in step.writes for index in reading[name]}) for step in program.steps]
        self.alone = [_alone(program, step) for step in program.steps]

    def ordered(self, way: _Way) -> Program:
        """Return the program in the order of a complete way."""
        steps = []
        while way is not None:
            index, way = way
            steps.append(self.program.steps[index])
        return Program(tuple(reversed(steps)), self.program.sizes, self.program.inputs, self.program.outputs)

    def empty(self) -> _State:
        live = sum(self.program.sizes[name] for name in self.program.used_inputs)
        ready = tuple(index for index, needs in enumerate(self.needs) if not needs)
        return _State(0, ready, live, live, sum(self.alone), None)

    def successors(self, state: _State) -> list[_State]:
        """Return what can follow; one alone where that costs nothing."""
        found = []
        for index in state.ready:
            after = self._after(state, index)
            if after.peak == state.peak and after.live <= state.live:
                return [after]
            found.append(after)
        return found

    def _after(self, state: _State, index: int) -> _State:
        step, sizes = self.program.steps[index], self.program.sizes
        done = state.done | 1 << index
        dying = [name for name in step.reads if self._is_over(name, done)]
        written = sum(sizes[name] for name in step.writes)
        during = state.live + written - shared_bytes(step, sizes, dying)
        unread = sum(sizes[name] for name in step.writes if self._is_over(name, done))
        live = state.live + written - unread - sum(sizes[name] for name in dying)
        left, way = state.left - self.alone[index], (index, state.way)
        return _State(done, self._ready(state, index, done), max(state.peak, during), live, left, way)

    def _ready(self, state: _State, index: int, done: int) -> tuple[int, ...]:
        """Return what can run after operator `index`: what could before, and what waited for it alone."""
        fresh = [one for one in self.following[index] if self.needs[one] & ~done == 0]
        return tuple(sorted([*(one for one in state.ready if one != index), *fresh]))

    def _is_over(self, name: str, done: int) -> bool:
        return self.readers[name] & ~done == 0 and name not in self.program.kept


def _mask(indices: Iterable[int]) -> int:
    mask = 0
    for index in indices:
        mask |= 1 << index
    return mask
