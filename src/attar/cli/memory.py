"""attar memory: how much memory the activations of a network need, and where each of them lies."""

import json as json_module
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import ModelError, PlanError
from ..files import Kind, Output, read_file
from ..files.limits import MAX_NODES
from ..report.names import shown
from ._common import Force, Json, MaxMemory, MaxNodes, console, load_either, print_json, say

if TYPE_CHECKING:
    from ..plan.arena_json import Saved

EXAMPLES = """
[bold]Examples[/]

  attar memory model.onnx

  attar memory model.attar --bits 4 --align 16 -o plan.json

  attar memory detector.onnx --shape image=1x3x320x320

  attar memory model.onnx --check plan.json
"""
MAX_PLAN_BYTES = 64_000_000


def command(
    model: Annotated[Path, typer.Argument(help="An .onnx or .attar file.")],
    bits: Annotated[int, typer.Option(min=1, max=32, help="Bits of an activation; integers keep their own.")] = 8,
    align: Annotated[int, typer.Option(min=1, max=4096, help="Offsets and sizes are multiples of this.")] = 1,
    order: Annotated[
        Literal["keep", "search"], typer.Option(help="Keep the order of the operators, or look for a better one.")
    ] = "search",
    seed: Annotated[int, typer.Option(min=0, help="Of the search for offsets.")] = 0,
    shape: Annotated[
        list[str] | None, typer.Option(help="Shape of an input, NAME=1x3x224x224; may be repeated.")
    ] = None,
    check: Annotated[Path | None, typer.Option(help="Hold this saved plan against the network; plan nothing.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Save the plan here, as JSON.")] = None,
    force: Force = False,
    max_memory: MaxMemory = None,
    max_nodes: MaxNodes = MAX_NODES,
    json: Json = False,
) -> None:
    """Plan the memory of the activations of one sample: offsets in one arena, tensors that share, memory over time."""
    from ..graph.external import files_of_network
    from ..graph.lifetimes import activations, nested
    from ..plan.arena import plan_arena
    from ..plan.arena_json import Saved, to_json
    from ..plan.program import in_bytes, width_of
    from ..report.memory import facts_of, print_memory

    if check is not None:
        _check(model, check, as_json=json)
        return
    target = None
    if output is not None:
        target = Output(output, PLAN, lambda: files_of_network(model), force=force)
        target.check()  # found out before the work, not after it
    network = load_either(model)
    flow = activations(network, _shapes(shape or []))
    program = in_bytes(flow, bits, alignment=align)
    plan = plan_arena(program, reorder=order == "search", alignment=align, seed=seed)
    facts = facts_of(flow, program, plan, bits)
    widths = {name: width_of(flow, name, bits) for name in flow.tensors}
    document = to_json(Saved(plan, widths, flow.views, {name: flow.tensors[name].shape for name in flow.inputs}))
    if target:
        target.write((json_module.dumps(document, indent=1) + "\n").encode())
    hidden = sorted(set(nested(network)))
    if json:
        print_json({"file": str(model), "bits": bits, **vars(facts), "not_planned": hidden, "plan": document})
        return
    out = console()
    print_memory(facts, flow, plan, out)
    if hidden:
        out.print(f"[yellow]not planned: what runs inside of {shown(', '.join(hidden))}[/]")
    if output is not None:
        out.print(f"written to {shown(str(output))}")


def _shapes(words: list[str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of "NAME=1x3x224x224" words by name.

    Raises:
        ModelError: one is not of that form.
    """
    found = {}
    for word in words:
        name, _, text = word.rpartition("=")
        if not name or not re.fullmatch(r"[0-9]{1,9}(x[0-9]{1,9})*", text):
            raise ModelError(f"shape '{word}' is not of the form NAME=1x3x224x224")
        found[name] = tuple(int(extent) for extent in text.split("x"))
    return found


def _check(model: Path, path: Path, *, as_json: bool) -> None:
    from ..graph.lifetimes import activations
    from ..plan.arena import check
    from ..plan.program import in_bytes, width_of

    saved = _saved(path)
    flow = activations(load_either(model), saved.inputs)
    try:
        check(in_bytes(flow, saved.bits, alignment=saved.plan.alignment), saved.plan)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from error
    wrong = [name for name, bits in saved.bits.items() if bits != width_of(flow, name, saved.bits)]
    if wrong:
        raise PlanError(f"{path}: tensor '{wrong[0]}' has integers of {flow.tensors[wrong[0]].width_bits} bits")
    if saved.views != flow.views:
        raise PlanError(f"{path}: other views than those of the network")
    arena_bytes, bound = saved.plan.arena_bytes, saved.plan.lower_bound_bytes
    if as_json:
        facts = {"arena_bytes": arena_bytes, "lower_bound_bytes": bound, "tensors": len(saved.plan.buffers)}
        print_json({"file": str(model), "checked": str(path), **facts})
    else:
        say(f"{path}: right for {model}: {len(saved.plan.buffers)} tensors in {arena_bytes:,} bytes")


def _saved(path: Path) -> "Saved":
    """Return the plan of a file.

    Raises:
        PlanError: it is too large, cannot be read, isn't JSON, or isn't a plan.
    """
    data = read_file(path, error=PlanError, most_bytes=MAX_PLAN_BYTES)
    try:
        return _plan_of(data)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path}: cannot be read: {error}") from error


def _plan_of(data: bytes) -> "Saved":
    from ..plan.arena_json import from_json

    return from_json(json_module.loads(data))


PLAN = Kind("a memory plan", lambda file: _plan_of(file.read(MAX_PLAN_BYTES)) is not None)
