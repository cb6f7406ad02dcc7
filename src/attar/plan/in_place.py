"""Which tensors share bytes: an output over an input that dies there, inputs that lie inside a Concat's output."""

from collections.abc import Iterable, Mapping, Sequence

from .buffers import Block, Buffer, meetings
from .program import Program, Step


def blocks(program: Program, *, concat: bool = True) -> tuple[Block, ...]:
    """Return the tensors of `program`, each in one block; what shares memory shares a block.

    An output goes over the first input that allows it. Only what dies with the step is shared, and nothing joins a
    block where it would meet another tensor of it in the same byte.

    Args:
        concat: whether inputs may lie inside an output.
    """
    groups = _Groups(program)
    for index, step in enumerate(program.steps):
        for name, place in _places(program, step, concat):
            if program.dies(name, index, groups.lives):
                groups.join(name, step.writes[0], place)
    return groups.blocks()


def _places(program: Program, step: Step, concat: bool) -> Iterable[tuple[str, int]]:
    """Yield the inputs that may share bytes with the output, and where in it each begins."""
    if not step.writes:
        return
    if concat:
        yield from step.inside
    own = program.sizes[step.writes[0]]
    yield from ((name, 0) for name in step.over if program.sizes[name] >= own)


class _Groups:
    """Tensors in groups of fixed relative places, joined step by step; the smaller of two groups moves."""

    def __init__(self, program: Program) -> None:
        self.lives: Mapping[str, Buffer] = program.lifetimes()
        self.members: dict[str, list[str]] = {name: [name] for name in self.lives}
        self.offsets = dict.fromkeys(self.lives, 0)
        self._meet = _meeting(list(self.lives.values()))

    def join(self, inner: str, output: str, place: int) -> None:
        """Put `inner` at byte `place` of `output` where that works."""
        if self.members[inner] is self.members[output]:
            return
        distance = self.offsets[output] + place - self.offsets[inner]
        small, large = self.members[inner], self.members[output]
        if len(small) > len(large):
            small, large, distance = large, small, -distance
        pairs = {(name, other) for name in small for other in self._meet[name] if self.members[other] is large}
        if any(self._clash(*pair, distance) for pair in pairs - {(inner, output), (output, inner)}):
            return
        self.offsets.update((name, self.offsets[name] + distance) for name in small)
        self.members.update(dict.fromkeys(small, large))
        large += small

    def _clash(self, name: str, other: str, distance: int) -> bool:
        return self._placed(name).moved(distance).overlaps(self._placed(other))

    def _placed(self, name: str) -> Buffer:
        return self.lives[name].moved(self.offsets[name])

    def blocks(self) -> tuple[Block, ...]:
        distinct = {id(group): group for group in self.members.values()}
        return tuple(_block(self._placed(name) for name in group) for group in distinct.values())


def _meeting(lives: Sequence[Buffer]) -> dict[str, list[str]]:
    """Return which tensors hold something at a step at which a tensor does, by its name."""
    found: dict[str, list[str]] = {life.name: [] for life in lives}
    for a, b in meetings(lives):
        found[lives[a].name].append(lives[b].name)
        found[lives[b].name].append(lives[a].name)
    return found


def _block(buffers: Iterable[Buffer]) -> Block:
    """Return the buffers as a block, in the order of their first steps, the lowest byte at 0."""
    members = sorted(buffers, key=lambda buffer: (buffer.first, buffer.offset))
    lowest = min(member.offset for member in members)
    return Block(tuple(member.moved(-lowest) for member in members))
