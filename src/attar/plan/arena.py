"""Plan the memory that a network's activations need: an order of its operators, a byte offset for every tensor.

The arena is one range of bytes. Two tensors may share bytes when they are not live at one step, or when one is written
over the other, number by number, as it dies.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import PlanError
from .buffers import Buffer, meetings
from .in_place import blocks
from .order import best_order
from .placement import EFFORT, Placement, search
from .placement_exact import exact
from .program import Program

FEW_BLOCKS = 10  # up to which the least arena is sought by branch and bound where the search has not proven its own


@dataclass(frozen=True)
class ArenaPlan:
    """Where every tensor lies, and when.

    Attributes:
        order: operators by name. buffers: the tensors, at their offsets. arena_bytes: of all.
        lower_bound_bytes: the most that is live at one step of this order; no arena of it can be smaller.
        alignment: of offsets and sizes. order_is_proven: whether it is proven that no order has a lower bound below
            this one's; the check does not prove it again.
    """

    order: tuple[str, ...]
    buffers: tuple[Buffer, ...]
    arena_bytes: int
    lower_bound_bytes: int
    alignment: int = 1
    order_is_proven: bool = False


def plan_arena(
    program: Program, *, reorder: bool = True, alignment: int = 1, seed: int = 0, effort: int = EFFORT
) -> ArenaPlan:
    """Return a plan of small arena; its own check has passed.

    Args:
        reorder: whether the operators may run in another order than that of the program.
        alignment: that which the sizes of the program were rounded to.
        seed, effort: of the search for offsets, which the clock has no part in.
    """
    best = _reordered(program, alignment, seed, effort) if reorder else _plan(program, alignment, seed, effort)
    check(program, best)
    return best


def _reordered(program: Program, alignment: int, seed: int, effort: int) -> ArenaPlan:
    ordered = best_order(program)
    plans = [_plan(ordered.program, alignment, seed, effort)]
    if plans[0].arena_bytes > plans[0].lower_bound_bytes:
        plans.append(_plan(program, alignment, seed, effort))  # a lower peak may lie worse
    best = min(plans, key=lambda plan: plan.arena_bytes)
    return replace(best, order_is_proven=ordered.is_exact and best.lower_bound_bytes == ordered.peak_bytes)


def _plan(program: Program, alignment: int, seed: int, effort: int) -> ArenaPlan:
    bound = program.peak_bytes()
    best = _placed(program, bound, seed, effort, concat=True)
    if best[1].arena_bytes > bound and any(step.inside for step in program.steps):
        apart = _placed(program, bound, seed, effort, concat=False)
        best = min(best, apart, key=lambda placed: placed[1].arena_bytes)
    buffers = sorted(best[1].buffers(best[0]), key=lambda buffer: (buffer.first, buffer.offset))
    return ArenaPlan(program.names, tuple(buffers), best[1].arena_bytes, bound, alignment)


def _placed(program: Program, bound: int, seed: int, effort: int, *, concat: bool) -> tuple[Sequence, Placement]:
    found = blocks(program, concat=concat)
    placement = search(found, seed=seed, effort=effort)
    if placement.arena_bytes > bound and len(found) <= FEW_BLOCKS:
        placement = exact(found, seed=seed) or placement
    return found, placement


def check(program: Program, plan: ArenaPlan) -> None:
    """Hold a plan against the network that it is for: `program` in any order, with the plan's alignment.

    Raises:
        PlanError: it names other operators or tensors, tells wrong sizes or lifetimes, puts two live tensors into one
            byte where they may not share it, leaves the arena, or promises less memory than the lower bound.
    """
    ordered = program.ordered(plan.order)
    lives = ordered.lifetimes()
    _check_tensors(lives, plan.buffers)
    for buffer in plan.buffers:
        _check_place(buffer, plan)
    _check_overlaps(ordered, plan.buffers)
    bound = ordered.peak_bytes()
    if plan.arena_bytes < bound or plan.lower_bound_bytes != bound:
        told = f"{plan.arena_bytes:,} bytes and a lower bound of {plan.lower_bound_bytes:,}"
        raise PlanError(f"the plan tells of {told}; the lower bound of its order is {bound:,}")


def _check_tensors(lives: dict[str, Buffer], buffers: Sequence[Buffer]) -> None:
    counts = Counter(buffer.name for buffer in buffers)
    strange = sorted(counts.keys() ^ lives.keys()) or [name for name, count in counts.items() if count > 1]
    if strange:
        where = "is not a tensor of the network" if strange[0] not in lives else "has no place or several"
        raise PlanError(f"tensor '{strange[0]}' {where}")
    for buffer in buffers:
        life = lives[buffer.name]
        if buffer.moved(-buffer.offset) != life:
            told, true = (f"{b.size_bytes:,} bytes in steps {b.first} to {b.last}" for b in (buffer, life))
            raise PlanError(f"tensor '{buffer.name}' has {true}, not {told}")


def _check_place(buffer: Buffer, plan: ArenaPlan) -> None:
    if buffer.offset < 0 or buffer.end > plan.arena_bytes:
        place = f"bytes {buffer.offset:,} to {buffer.end:,}"
        raise PlanError(f"tensor '{buffer.name}' has {place}, outside the arena of {plan.arena_bytes:,}")
    if buffer.offset % plan.alignment:
        raise PlanError(f"tensor '{buffer.name}' begins at byte {buffer.offset:,}, no multiple of {plan.alignment}")


def _check_overlaps(program: Program, buffers: Sequence[Buffer]) -> None:
    allowed = _allowed(program)
    clashes = [
        (one, two)
        for one, two in map(sorted, meetings(buffers))
        if buffers[one].overlaps(buffers[two]) and not _may_share(buffers[one], buffers[two], allowed)
    ]
    if clashes:
        a, b = (buffers[place] for place in min(clashes))
        raise PlanError(f"tensors '{a.name}' and '{b.name}' share bytes while both are live")


def _may_share(a: Buffer, b: Buffer, allowed: Mapping[tuple[str, str], int]) -> bool:
    return any(allowed.get((x.name, y.name)) == x.offset - y.offset for x, y in ((a, b), (b, a)))


def _allowed(program: Program) -> dict[tuple[str, str], int]:
    """Return which pairs (input that dies, output) may share bytes, and where in the output the input begins."""
    lives = program.lifetimes()
    found = {}
    for index, step in enumerate(program.steps):
        places = [*step.inside, *((n, 0) for n in step.over if program.sizes[n] >= program.sizes[step.writes[0]])]
        found.update({(name, step.writes[0]): place for name, place in places if program.dies(name, index, lives)})
    return found
