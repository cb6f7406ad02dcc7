"""Orders of operators: the peak is counted right, and no order of all has a lower one."""

import pytest
from hypothesis import given

from attar.errors import PlanError
from attar.plan.order import best_order
from attar.plan.program import Program, Step

from .programs import all_orders, programs, simulated_peak


def branches(*sizes):
    """One input of a byte read by branches that first grow to a size and then shrink to one byte, all added up."""
    wide = [Step(f"wide{i}", ("x",), (f"wide{i}",)) for i in range(len(sizes))]
    thin = [Step(f"thin{i}", (f"wide{i}",), (f"thin{i}",)) for i in range(len(sizes))]
    end = Step("y", tuple(step.name for step in thin), ("y",))
    bytes_ = {"x": 1, "y": 1} | {f"wide{i}": size for i, size in enumerate(sizes)}
    return Program((*wide, *thin, end), bytes_ | {step.name: 1 for step in thin}, ("x",), ("y",))


@given(programs())
def test_the_peak_is_that_of_a_simulation(program):
    assert program.peak_bytes() == simulated_peak(program)


@given(programs(max_steps=5))
def test_no_order_of_all_has_a_lower_peak(program):
    found = best_order(program)
    assert found.is_exact
    assert found.peak_bytes == found.program.peak_bytes() == min(each.peak_bytes() for each in all_orders(program))


@given(programs())
def test_the_order_works_and_is_the_same_every_time(program):
    found = best_order(program).program
    found.check_order()
    assert found.names == best_order(program).program.names
    assert program.ordered(found.names) == found


@given(programs(max_steps=9))
def test_a_narrow_search_is_never_worse_than_the_given_order(program):
    narrow = best_order(program, width=1)
    assert narrow.peak_bytes == narrow.program.peak_bytes() <= program.peak_bytes()
    assert narrow.peak_bytes >= best_order(program).peak_bytes


def test_branches_run_one_after_the_other():
    program = branches(10, 10, 10)
    assert program.peak_bytes() == 31  # all wide ones and the input
    found = best_order(program)
    assert found.peak_bytes == 13  # the input, two thin ones, a wide one
    assert found.is_exact


def test_a_search_that_is_too_narrow_proves_nothing_but_the_floor():
    program = branches(10, 11, 12)
    assert not best_order(program, width=1).is_exact
    large_end = Program(program.steps, {**program.sizes, "y": 100}, program.inputs, program.outputs)
    assert best_order(large_end, width=1).is_exact  # the last operator alone needs as much in any order


def test_the_given_order_stays_where_nothing_is_gained():
    program = branches(10)
    assert best_order(program).program is program


def test_thirty_branches_are_no_trouble():
    assert best_order(branches(*range(100, 130))).peak_bytes == 131  # the wide one first: x, it, and one more each time


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (("thin0", "wide0", "y"), "operator 'thin0' reads 'wide0' before it is made"),
        (("wide0", "y"), "names 2 operators, not each of the network's 3 once"),
        (("wide0", "wide0", "y"), "names 3 operators"),
        (("wide0", "thin0", "z"), "names 3 operators"),
    ],
)
def test_an_order_that_does_not_work_is_refused(order, says):
    with pytest.raises(PlanError, match=says):
        branches(10).ordered(order)
