"""A memory plan as a person reads it: its figures, its largest tensors, and a picture of memory over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.console import Console, Group
from rich.text import Text

from ..graph.lifetimes import Activations
from ..plan.arena import ArenaPlan
from ..plan.buffers import Buffer
from ..plan.program import Program, width_of
from ..plan.shared_buffer import ping_pong_bits, shared_buffer_bits
from .listing import Listing
from .names import shown
from .terminal import shape_text, size

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
COLORS = ("cyan", "magenta", "yellow", "green", "blue", "red", "bright_cyan", "bright_magenta", "bright_yellow")
OTHER, FREE = "▒", "·"
ROWS, LISTED = 16, 12
MARGIN = 11  # characters for the bytes beside the picture


@dataclass(frozen=True)
class MemoryFacts:
    """What a plan comes to, in bytes.

    Attributes:
        steps: operators that run. arena_bytes: of the plan. lower_bound_bytes: for the plan's order.
        given_order_bytes: the lower bound for the order of the file. unshared_bytes: all tensors side by side.
        shared_buffer_bytes: one buffer for the largest layer (Ge et al. 2017, eq. 6).
        ping_pong_bytes: the most of two layers in a row. reordered: whether the plan has another order than the file.
        order_is_proven: whether it is proven that no order has a lower bound below this one's.
    """

    steps: int
    arena_bytes: int
    lower_bound_bytes: int
    given_order_bytes: int
    unshared_bytes: int
    shared_buffer_bytes: int
    ping_pong_bytes: int
    reordered: bool
    order_is_proven: bool


@dataclass(frozen=True)
class Tenant:
    """Tensors that have one place one after the other, and the bytes of the largest."""

    buffers: tuple[Buffer, ...]

    @property
    def size_bytes(self) -> int:
        return max(buffer.size_bytes for buffer in self.buffers)


def facts_of(flow: Activations, program: Program, plan: ArenaPlan, bits: int) -> MemoryFacts:
    """Return the figures of a plan. Layers, for those of the paper, are operators that don't run in place."""
    layers = [operator.writes[0] for operator in flow.operators if not operator.over]
    widths = [width_of(flow, name, bits) for name in layers]
    elements = [flow.tensors[name].elements for name in layers]
    return MemoryFacts(
        steps=len(program.steps),
        arena_bytes=plan.arena_bytes,
        lower_bound_bytes=plan.lower_bound_bytes,
        given_order_bytes=program.peak_bytes(),
        unshared_bytes=sum(buffer.size_bytes for buffer in plan.buffers),
        shared_buffer_bytes=-(-shared_buffer_bits(widths, elements) // 8),
        ping_pong_bytes=-(-ping_pong_bits(widths, elements) // 8),
        reordered=plan.order != program.names,
        order_is_proven=plan.order_is_proven,
    )


def print_memory(facts: MemoryFacts, flow: Activations, plan: ArenaPlan, console: Console) -> None:
    """Print the largest tensors, the picture, and the figures last."""
    tenants = tenants_of(plan.buffers)
    console.print(tenants_table(tenants[:LISTED], flow))
    if len(tenants) > LISTED:
        console.print(f"[dim]and {len(tenants) - LISTED} smaller ones[/]")
    console.print(picture(plan, tenants, console.width))
    for line in facts_lines(facts):
        console.print(line)


def tenants_of(buffers: Sequence[Buffer]) -> list[Tenant]:
    """Return the tensors, those that take over each other's place together; largest first."""
    chains: list[list[Buffer]] = []
    open_at: dict[int, list[list[Buffer]]] = {}  # chains by their place, as long as something lives in them
    for buffer in sorted(buffers, key=lambda buffer: (buffer.first, buffer.last)):
        here = [chain for chain in open_at.get(buffer.offset, []) if chain[-1].last >= buffer.first]
        home = next((chain for chain in here if chain[-1].overlaps(buffer)), None)
        if home is None:
            home = []
            chains.append(home)
            here.append(home)
        home.append(buffer)
        open_at[buffer.offset] = here
    tenants = (Tenant(tuple(chain)) for chain in chains)
    return sorted(tenants, key=lambda tenant: (-tenant.size_bytes, tenant.buffers[0].first))


def tenants_table(tenants: Sequence[Tenant], flow: Activations) -> Listing:
    """The largest tensors, under the letters that they have in the picture."""
    table = Listing("", "tensor", "shape", ">bytes", ">offset", ">steps")
    for rank, tenant in enumerate(tenants):
        first = tenant.buffers[0]
        more = f" [dim]and {len(tenant.buffers) - 1} over it[/]" if len(tenant.buffers) > 1 else ""
        table.add_row(
            Text(*_look(rank)),
            shown(first.name) + more,
            shape_text(flow.tensors[first.name].shape),
            f"{tenant.size_bytes:,}",
            f"{first.offset:,}",
            f"{first.first} to {tenant.buffers[-1].last}",
        )
    return table


def facts_lines(facts: MemoryFacts) -> list[str]:
    """The figures of a plan, one a line."""
    over = facts.arena_bytes / facts.lower_bound_bytes - 1 if facts.lower_bound_bytes else 0.0
    above = "no arena is smaller in this order" if over == 0 else f"{100 * over:.1f} % above the lower bound"
    order = f"this order, {facts.given_order_bytes:,} in the file's" if facts.reordered else "the order of the file"
    return [
        f"arena [bold]{size(facts.arena_bytes)}[/] ({facts.arena_bytes:,} bytes) for {facts.steps} steps: {above}",
        f"lower bound {facts.lower_bound_bytes:,} bytes in {order}; all tensors side by side {facts.unshared_bytes:,}",
        f"order proven optimal: {'yes' if facts.order_is_proven else 'no'}",
        f"one buffer for the largest layer (Ge et al.) {facts.shared_buffer_bytes:,}; the most of two layers in a row "
        f"{facts.ping_pong_bytes:,}",
    ]


def picture(plan: ArenaPlan, tenants: Sequence[Tenant], width: int) -> Group:
    """Draw the arena: a column for a step (or the fullest of some), a row for a range of bytes, high ones above."""
    columns = _columns(plan, max(width - MARGIN - 1, 1))
    wide = max(1, min(4, (width - MARGIN - 1) // max(len(columns), 1)))
    looks = {buffer.name: _look(rank) for rank, tenant in enumerate(tenants) for buffer in tenant.buffers}
    lines = [_row(plan, columns, looks, row, wide) for row in reversed(range(ROWS))]
    steps = f"{'step':>{MARGIN}} {columns[0]}" if columns else ""
    last = str(columns[-1]) if len(columns) > 1 else ""
    return Group(*lines, Text(steps + last.rjust(wide * len(columns) - len(steps) + MARGIN + 1), "dim"))


def _columns(plan: ArenaPlan, most: int) -> list[int]:
    """Return the steps to draw, at most `most`: of each group of neighbors the one where most is live."""
    count = max((buffer.last for buffer in plan.buffers), default=-1) + 1
    live = _side_by_side(plan.buffers, count)
    group = -(-count // most)
    return [max(range(s, min(s + group, count)), key=live.__getitem__) for s in range(0, count, group or 1)]


def _side_by_side(buffers: Sequence[Buffer], steps: int) -> list[int]:
    """Return the bytes of all tensors that are live at every step, those that share some counted each."""
    changes = [0] * (steps + 1)
    for buffer in buffers:
        changes[buffer.first] += buffer.size_bytes
        changes[buffer.last + 1] -= buffer.size_bytes
    return list(accumulate(changes[:steps]))


def _row(plan: ArenaPlan, columns: Sequence[int], looks: dict[str, tuple[str, str]], row: int, wide: int) -> Text:
    byte = (2 * row + 1) * plan.arena_bytes // (2 * ROWS)
    line = Text(f"{size((row + 1) * plan.arena_bytes / ROWS):>{MARGIN}} ", "dim")
    for step in columns:
        here = [b for b in plan.buffers if b.first <= step <= b.last and b.offset <= byte < b.end]
        letter, style = looks[here[-1].name] if here else (FREE, "dim")
        line.append(letter * wide, style)
    return line


def _look(rank: int) -> tuple[str, str]:
    """Return the letter and the color of a tenant of that rank."""
    return (LETTERS[rank] if rank < len(LETTERS) else OTHER, COLORS[rank % len(COLORS)])
