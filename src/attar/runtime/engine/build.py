"""Put a program into a file: its weights and biases stay in the table where the table has them."""

from collections.abc import Iterator, Sequence

import numpy as np

from ... import codec
from ...container import AttarFile, TensorEntry
from ...container import open as open_file
from ...errors import FormatError, first_line
from ..ends import End, to_plain
from ..integer.lower import Lowered
from ..integer.program import Program, Weighted
from .arena import Planned, planned
from .native import Machine
from .physical import physical
from .section import section
from .stored import InTable

GRID = "grid"


def section_of(program: Program) -> bytes:
    """Return a section that holds all of its constants."""
    return section(planned(physical(program)))


def machine_of(program: Program, *, threads: int = 1) -> Machine:
    """Return an engine for a program that is in no file yet."""
    made = Machine(section_of(program), threads=threads)
    made.ready()
    return made


def machine_or_refusal(done: Lowered, *, threads: int = 1) -> Machine:
    """Return an engine for a program; where there is none for it, find out which operator is why.

    Raises:
        Refusal: of the step that the operator belongs to, and whatever else `machine_of` raises.
    """
    try:
        return machine_of(done.program, threads=threads)
    except Exception:
        for operator in done.program.operators:
            reason = _reason(done.program.part([operator], [operator.output]))
            if reason is not None:
                raise done.step_of[operator.output].refusal(f"the engine does not take it: {reason}") from None
        raise


def _reason(program: Program) -> str | None:
    """Return why the engine does not take a program; None of one that it takes."""
    try:
        machine_of(program)
    except Exception as error:  # a kernel's own refusal, or a number that no section holds
        return first_line(error)
    return None


def with_program(data: bytes, program: Program) -> tuple[bytes, Planned]:
    """Return the file's bytes with the program as its section, and the plan of its arena."""
    written, (plan,) = with_programs(data, [program], in_parts=False)
    return written, plan


def with_programs(
    data: bytes, programs: Sequence[Program], *, in_parts: bool, ends: Sequence[End] = ()
) -> tuple[bytes, list[Planned]]:
    """Return the file's bytes with programs, of the whole network or of its parts, and the plans of their arenas.

    ends: what the outputs of a whole network's program become; none where they are the network's.
    """
    file = open_file(data, graph=False)
    plans = [planned(physical(program)) for program in programs]
    sections = [section(plan, dict(_stored(file, program))) for plan, program in zip(plans, programs, strict=True)]
    return file.with_programs(sections, in_parts=in_parts, outputs=to_plain(ends)), plans


def quantized(file: AttarFile, entry: TensorEntry) -> codec.Quantized | None:
    """Return the integers of up to 16 bits and the scales of a tensor on a grid; None of one that has none."""
    if not codec.describe(entry.coder).startswith(GRID):
        return None
    for element in ("int8", "int16"):
        try:
            return file.quantized(entry.name, element=element)
        except FormatError:  # an integer that the element does not hold
            continue
    return None


def _stored(file: AttarFile, program: Program) -> Iterator[tuple[str, InTable]]:
    """Yield what of the table the program's operators may refer to."""
    weighted = [operator for operator in program.operators if isinstance(operator, Weighted)]
    wanted = {operator.source for operator in weighted} | {operator.bias_source for operator in weighted}
    for entry in file.entries:
        if entry.name in wanted:
            found = quantized(file, entry) if len(entry.shape) > 1 else None
            if found is not None:
                yield entry.name, InTable(entry.place, integers=found.integers, steps=found.scales)
            elif len(entry.shape) == 1 and entry.dtype == np.float32:
                yield entry.name, InTable(entry.place, numbers=file.tensor(entry.name))
