"""Offsets: live tensors keep apart, nothing beats the bound or the exact solver, the checker sees all faults."""

import gc
import itertools
import math
import time
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attar.errors import PlanError
from attar.plan.arena import check, plan_arena
from attar.plan.buffers import Block, Buffer, aligned, covered, live_bytes, lower_bound, meetings, packed_bytes
from attar.plan.in_place import blocks
from attar.plan.placement import Neighbors, Placement, greedy, search
from attar.plan.placement_exact import exact
from attar.plan.program import Program, Step

from .programs import all_orders, programs

LIVES = st.tuples(st.integers(0, 7), st.integers(0, 4)).map(lambda life: (life[0], sum(life)))
BUFFERS = st.lists(st.tuples(st.integers(1, 9), LIVES), max_size=6).map(
    lambda all_: [Block((Buffer(str(i), size, *life),)) for i, (size, life) in enumerate(all_)]
)
# (bytes, first, last) of four buffers that largest first puts into 14 bytes, where 12 are enough.
KNOT = [Block((Buffer(str(i), *it),)) for i, it in enumerate([(3, 1, 2), (5, 1, 3), (4, 0, 2), (6, 3, 4)])]


def brute_force(found):
    """The least arena among all orders of first fit; exact where all members of a block begin at one byte."""
    neighbors = Neighbors(found)
    return min(neighbors.first_fit(order).arena_bytes for order in itertools.permutations(range(len(found))))


def apart(found, buffers):
    """Whether buffers of different blocks never meet in one byte."""
    owners = [i for i, block in enumerate(found) for _ in block.members]
    pairs = itertools.combinations(zip(owners, buffers, strict=True), 2)
    return all(i == j or not a.overlaps(b) for (i, a), (j, b) in pairs)


def assert_apart(found, placement):
    buffers = placement.buffers(found)
    assert apart(found, buffers)
    assert all(buffer.offset >= 0 and buffer.end <= placement.arena_bytes for buffer in buffers)
    assert placement.arena_bytes >= lower_bound(found)


@given(BUFFERS, st.integers(0, 3))
def test_live_buffers_keep_apart_and_the_bound_holds(found, seed):
    assert_apart(found, greedy(found))
    assert_apart(found, search(found, seed=seed, effort=50))


@given(BUFFERS)
def test_exact_is_brute_force_and_no_worse_than_search_nor_search_than_greedy(found):
    best, walked = exact(found), search(found, effort=50)
    assert_apart(found, best)
    assert best.arena_bytes == brute_force(found) <= walked.arena_bytes <= greedy(found).arena_bytes


def test_where_greedy_wastes_memory_the_search_does_not():
    assert greedy(KNOT).arena_bytes == 14
    assert search(KNOT).arena_bytes == exact(KNOT).arena_bytes == lower_bound(KNOT) == 12


@settings(max_examples=60)
@given(programs(max_steps=4))
def test_exact_is_no_worse_than_any_first_fit_where_blocks_interlock(program):
    found = blocks(program)
    assume(len(found) <= 6)
    best = exact(found)
    assert_apart(found, best)
    assert best.arena_bytes <= brute_force(found)


@settings(max_examples=40)
@given(programs(max_steps=3, max_bytes=3))
def test_exact_is_as_good_as_trying_every_byte_for_every_block(program):
    found = blocks(program)
    best = exact(found)
    ranges = [range(best.arena_bytes - block.size_bytes) for block in found]
    assume(math.prod(map(len, ranges)) < 2000)
    places = itertools.product(*ranges)
    assert not any(apart(found, Placement(place, 0).buffers(found)) for place in places)


def test_exact_gives_up_where_it_may_not_look_far_enough():
    found = [Block((Buffer(str(i), 3 + i, i // 2, i // 2 + 2),)) for i in range(9)]
    assert search(found).arena_bytes == lower_bound(found) or exact(found, max_states=1) is None


def test_the_search_gives_the_same_for_the_same_seed():
    found = [Block((Buffer(str(i), 7 * i % 11 + 1, i % 5, i % 5 + i % 3),)) for i in range(12)]
    assert search(found, seed=4) == search(found, seed=4)


@given(programs(), st.booleans())
def test_plans_pass_their_check_and_stay_above_the_bound(program, reorder):
    plan = plan_arena(program, reorder=reorder, effort=50)
    check(program, plan)
    assert plan.arena_bytes >= plan.lower_bound_bytes == program.ordered(plan.order).peak_bytes()
    assert reorder or plan.order == program.names


@given(programs(max_steps=5))
def test_no_order_has_a_lower_bound_below_a_proven_one(program):
    plan = plan_arena(program, effort=20)
    assert plan.order_is_proven == (plan.lower_bound_bytes == min(each.peak_bytes() for each in all_orders(program)))
    assert not plan_arena(program, reorder=False, effort=20).order_is_proven


@given(programs())
def test_what_a_program_computes_survives_its_plan(program):
    """Carry a plan out on bytes that carry their tensor's name: whoever reads finds what was written."""
    plan = plan_arena(program, effort=50)
    at = {buffer.name: range(buffer.offset, buffer.end) for buffer in plan.buffers}
    memory = {byte: name for name in program.used_inputs for byte in at[name]}
    for step in program.ordered(plan.order).steps:
        assert all(memory[byte] == name for name in step.reads for byte in at[name])
        memory |= {byte: name for name in step.writes for byte in at[name]}
    assert all(memory[byte] == name for name in program.outputs for byte in at[name])


@given(programs())
def test_blocks_hold_every_tensor_once_and_never_need_less_than_the_program_bound(program):
    found = blocks(program)
    names = [member.name for block in found for member in block.members]
    assert sorted(names) == sorted(program.lifetimes())
    assert lower_bound(found) >= program.peak_bytes()
    assert len(live_bytes(found)) <= max(len(program.steps), 1)


def chain():
    """x (4 bytes) -> wide (6), over which relu is written -> y (2)."""
    steps = (
        Step("wide", ("x",), ("wide",)),
        Step("relu", ("wide",), ("relu",), over=("wide",)),
        Step("y", ("relu",), ("y",)),
    )
    return Program(steps, {"x": 4, "wide": 6, "relu": 6, "y": 2}, ("x",), ("y",))


def test_a_chain_by_hand():
    plan = plan_arena(chain())
    assert plan.arena_bytes == plan.lower_bound_bytes == 10
    places = {buffer.name: buffer.offset for buffer in plan.buffers}
    assert places["wide"] == places["relu"]


def test_inputs_of_a_concat_lie_inside_it():
    steps = (
        Step("a", ("x",), ("a",)),
        Step("b", ("x",), ("b",)),
        Step("c", ("a", "b"), ("c",), (), (("a", 0), ("b", 3))),
    )
    plan = plan_arena(Program(steps, {"x": 1, "a": 3, "b": 5, "c": 8}, ("x",), ("c",)))
    places = {buffer.name: buffer.offset for buffer in plan.buffers}
    assert plan.arena_bytes == 9
    assert places["a"] == places["c"] and places["b"] == places["c"] + 3


def test_what_is_still_wanted_is_not_written_over():
    steps = (Step("relu", ("x",), ("relu",), over=("x",)), Step("y", ("x", "relu"), ("y",), over=("x", "relu")))
    assert plan_arena(Program(steps, {"x": 4, "relu": 4, "y": 4}, ("x",), ("y",))).arena_bytes == 8
    assert plan_arena(Program(steps[:1], {"x": 4, "relu": 4}, ("x",), ("x", "relu"))).arena_bytes == 8


def test_a_network_that_hands_its_input_through():
    plan = plan_arena(Program((), {"x": 4, "unread": 9}, ("x", "unread"), ("x",)))
    assert plan.arena_bytes == 4 and [buffer.name for buffer in plan.buffers] == ["x"]


def put(plan, tensor, **fields):
    return replace(plan, buffers=tuple(replace(b, **fields) if b.name == tensor else b for b in plan.buffers))


FAULTS = {
    "shares bytes": (lambda p: put(p, "x", offset=1), "tensors 'wide' and 'x' share bytes while both are live"),
    "shifted in place": (lambda p: put(replace(p, arena_bytes=11), "relu", offset=5), "'wide' and 'relu' share bytes"),
    "below the arena": (lambda p: put(p, "y", offset=-1), "outside the arena of 10"),
    "above the arena": (lambda p: put(p, "y", offset=9), "tensor 'y' has bytes 9 to 11, outside the arena of 10"),
    "a false bound": (lambda p: replace(p, lower_bound_bytes=9), "the lower bound of its order is 10"),
    "a false size": (lambda p: put(p, "y", size_bytes=1), "tensor 'y' has 2 bytes in steps 2 to 2, not 1 bytes"),
    "a false life": (lambda p: put(p, "relu", last=1), "tensor 'relu' has 6 bytes in steps 1 to 2"),
    "a tensor too few": (lambda p: replace(p, buffers=p.buffers[1:]), "has no place or several"),
    "a tensor twice": (lambda p: replace(p, buffers=(*p.buffers, p.buffers[0])), "has no place or several"),
    "a strange tensor": (lambda p: put(p, "y", name="z"), "is not a tensor of the network|has no place"),
    "a wrong order": (lambda p: replace(p, order=("relu", "wide", "y")), "reads 'wide' before it is made"),
    "misaligned": (lambda p: replace(p, alignment=4), "no multiple of 4"),
}


@pytest.mark.parametrize(("fault", "says"), FAULTS.values(), ids=FAULTS)
def test_the_checker_sees(fault, says):
    steps = chain()
    places = {"x": 0, "wide": 4, "relu": 4, "y": 1}
    plan = plan_arena(steps)
    good = replace(plan, buffers=tuple(replace(b, offset=places[b.name]) for b in plan.buffers))
    check(steps, good)
    with pytest.raises(PlanError, match=says):
        check(steps, fault(good))


def test_the_checker_refuses_an_arena_below_the_lower_bound():
    steps = (Step("y", ("x",), ("y",)),)
    program = Program(steps, {"x": 0, "y": 4}, ("x",), ("y",))
    with pytest.raises(PlanError):
        check(program, replace(plan_arena(program), arena_bytes=3, buffers=()))


@given(st.integers(0, 1000), st.integers(1, 32), st.integers(1, 64))
def test_bytes_of_packed_numbers(elements, bits, alignment):
    size = packed_bytes(elements, bits)
    assert 8 * (size - 1) < elements * bits <= 8 * size
    assert size <= aligned(size, alignment) < size + alignment
    assert aligned(size, alignment) % alignment == 0


def test_widths_and_alignments_that_cannot_be():
    assert packed_bytes(5, 4) == 3
    for call in (lambda: packed_bytes(1, 0), lambda: packed_bytes(1, 65), lambda: aligned(1, 0)):
        with pytest.raises(ValueError, match=r"are known|is needed"):
            call()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=5))
def test_covered_counts_each_byte_once(pieces):
    buffers = [Buffer("", size, 0, 0, offset) for offset, size in pieces]
    assert covered(buffers) == len({byte for b in buffers for byte in range(b.offset, b.end)})


def test_a_tensor_without_numbers_shares_no_byte():
    """Inside of another buffer it holds nothing, wherever it lies."""
    full, empty = Buffer("full", 2, 0, 3, offset=4), Buffer("empty", 0, 1, 2, offset=5)
    assert not full.overlaps(empty) and not empty.overlaps(full)
    assert full.overlaps(Buffer("other", 1, 1, 2, offset=5))


def long_chain(length, *, in_place):
    """Operators in a row, none, half or all of which can write over what they read."""
    steps = [
        Step(f"t{i}", (f"t{i - 1}" if i else "x",), (f"t{i}",), over=(f"t{i - 1}",) if i and i % 2 < in_place else ())
        for i in range(length)
    ]
    sizes = dict.fromkeys(["x", *(step.name for step in steps)], 8)
    return Program(tuple(steps), sizes, ("x",), (f"t{length - 1}",))


@pytest.fixture
def no_garbage_collection():
    """What other tests have left is not looked through meanwhile, which takes longer than the plan."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("in_place", [0, 1, 2])
def test_a_plan_takes_time_by_the_operators_not_by_their_square(in_place, no_garbage_collection):
    seconds = []
    for length in (400, 2400):
        program, start = long_chain(length, in_place=in_place), time.process_time()
        plan = plan_arena(program)
        seconds.append(time.process_time() - start)
        assert plan.arena_bytes == plan.lower_bound_bytes
    assert seconds[1] < 15 * seconds[0]  # 6 times as many operators; the square would be 36


@given(st.lists(st.tuples(st.integers(1, 9), LIVES), max_size=9))
def test_all_pairs_that_meet_are_found_once(drawn):
    buffers = [Buffer(str(i), size, *life) for i, (size, life) in enumerate(drawn)]
    wanted = [(i, j) for i, j in itertools.combinations(range(len(buffers)), 2) if buffers[i].meets(buffers[j])]
    assert sorted(tuple(sorted(pair)) for pair in meetings(buffers)) == wanted


@given(programs())
def test_what_is_live_is_what_is_counted_step_by_step(program):
    found = blocks(program)
    steps = max(member.last for block in found for member in block.members) + 1
    by_hand = [
        sum(covered(member for member in block.members if member.first <= step <= member.last) for block in found)
        for step in range(steps)
    ]
    assert live_bytes(found) == by_hand
