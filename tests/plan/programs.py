"""Random programs for the solvers of memory: operators that read what is there, some of which may share memory."""

import itertools

from hypothesis import strategies as st

from attar.plan.program import Program, Step


@st.composite
def programs(draw, max_steps=6, max_bytes=9):
    """Draw a program of one or two inputs; outputs are what nobody reads, and sometimes more."""
    sizes = {f"in{i}": draw(st.integers(0, max_bytes)) for i in range(draw(st.integers(1, 2)))}
    inputs, steps = tuple(sizes), []
    for index in range(draw(st.integers(1, max_steps))):
        reads = tuple(draw(st.lists(st.sampled_from(sorted(sizes)), min_size=1, max_size=3, unique=True)))
        steps.append(draw(_steps(index, reads, sizes, max_bytes)))
    read = {name for step in steps for name in step.reads}
    kept = [name for name in sizes if name not in read or draw(st.integers(0, 5)) == 0]
    return Program(tuple(steps), sizes, inputs, tuple(kept))


@st.composite
def _steps(draw, index, reads, sizes, max_bytes):
    """Draw one operator and note the sizes of its outputs: elementwise, a Concat, or any other."""
    kind, output = draw(st.sampled_from(["elementwise", "concat", "other"])), f"t{index}"
    if kind == "elementwise":
        sizes[output] = draw(st.sampled_from([sizes[name] for name in reads]))
        return Step(output, reads, (output,), over=reads)
    if kind == "concat":
        places = tuple(itertools.accumulate((sizes[name] for name in reads), initial=0))
        sizes[output] = places[-1]
        return Step(output, reads, (output,), inside=tuple(zip(reads, places, strict=False)))
    names = tuple(f"{output}{letter}" for letter in "ab"[: draw(st.integers(1, 2))])
    sizes.update((name, draw(st.integers(0, max_bytes))) for name in names)
    return Step(output, reads, names)


def all_orders(program):
    """Yield the program in every order that works."""
    yield from (_in_order(program, order) for order in _extensions(program.steps, set(program.inputs)))


def _in_order(program, steps):
    return Program(steps, program.sizes, program.inputs, program.outputs)


def _extensions(steps, there):
    if not steps:
        yield ()
    for i, step in enumerate(steps):
        if there.issuperset(step.reads):
            for rest in _extensions((*steps[:i], *steps[i + 1 :]), there | set(step.writes)):
                yield (step, *rest)


def simulated_peak(program):
    """The most bytes at one step, by carrying the program out on a set of tensors: slow, and by another way."""
    live, peak = set(program.used_inputs), sum(program.sizes[name] for name in program.used_inputs)
    for index, step in enumerate(program.steps):
        wanted = {name for later in program.steps[index + 1 :] for name in later.reads} | set(program.outputs)
        dying = live - wanted
        live |= set(step.writes)
        own = program.sizes[step.writes[0]]
        replaced = any(name in dying and program.sizes[name] >= own for name in step.over)
        shared = own if replaced else sum(program.sizes[n] for n, _ in step.inside if n in dying)
        peak = max(peak, sum(program.sizes[name] for name in live) - shared)
        live &= wanted
    return peak
