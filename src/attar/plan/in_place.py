"""Which tensors share bytes: an output over an input that dies there, inputs that lie inside a Concat's output."""

from collections.abc import Iterable, Mapping

from .buffers import Block, Buffer
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
    """Tensors in groups of fixed relative places, joined step by step."""

    def __init__(self, program: Program) -> None:
        self.lives: Mapping[str, Buffer] = program.lifetimes()
        self.members: dict[str, dict[str, Buffer]] = {name: {name: life} for name, life in self.lives.items()}

    def join(self, inner: str, output: str, place: int) -> None:
        """Put `inner` at byte `place` of `output` where that works."""
        ours, theirs = self.members[output], self.members[inner]
        if ours is theirs:
            return
        distance = ours[output].offset + place - theirs[inner].offset
        moved = {name: buffer.moved(distance) for name, buffer in theirs.items()}
        clashes = ((a.name, b.name) != (inner, output) for a in moved.values() for b in ours.values() if a.overlaps(b))
        if not any(clashes):
            ours.update(moved)
            self.members.update(dict.fromkeys(moved, ours))

    def blocks(self) -> tuple[Block, ...]:
        distinct = {id(group): group for group in self.members.values()}
        return tuple(_block(group.values()) for group in distinct.values())


def _block(buffers: Iterable[Buffer]) -> Block:
    """Return the buffers as a block, in the order of their first steps, the lowest byte at 0."""
    members = sorted(buffers, key=lambda buffer: (buffer.first, buffer.offset))
    lowest = min(member.offset for member in members)
    return Block(tuple(member.moved(-lowest) for member in members))
