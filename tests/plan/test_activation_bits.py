"""Ge et al.'s memory: exchanges keep the sum of bits, E_m only falls."""

from hypothesis import given
from hypothesis import strategies as st

from attar.plan.activation_bits import LEAST_BITS, solve
from attar.plan.shared_buffer import ping_pong_bits, shared_buffer_bits

LAYERS = st.lists(st.tuples(st.integers(2, 12), st.integers(1, 100)), min_size=1, max_size=6)


def noise(widths):
    """An error that every bit halves."""
    return sum(2.0**-width for width in widths)


def test_one_buffer_and_two_in_turn():
    assert shared_buffer_bits([8, 4, 8], [10, 30, 5]) == 120
    assert ping_pong_bits([8, 4, 8], [10, 30, 5]) == 200
    assert ping_pong_bits([8], [3]) == shared_buffer_bits([8], [3]) == 24
    assert shared_buffer_bits([], []) == ping_pong_bits([], []) == 0


@given(LAYERS, st.floats(0, 1), st.integers(1, 40))
def test_the_sum_of_bits_is_kept_and_the_buffer_never_grows(layers, weight, most):
    widths, elements = zip(*layers, strict=True)
    asked = []
    solved = solve(widths, elements, lambda m: asked.append(m) or noise(m), memory_weight=weight, max_evaluations=most)
    assert sum(solved.widths) == sum(widths)
    assert solved.shared_bits == shared_buffer_bits(solved.widths, elements) <= shared_buffer_bits(widths, elements)
    assert min(solved.widths) >= min(LEAST_BITS, *widths)
    assert solved.evaluations == len(asked) <= most
    assert all(sum(m) == sum(widths) for m in asked)


@given(LAYERS, st.floats(0, 1))
def test_the_objective_never_rises(layers, weight):
    widths, elements = zip(*layers, strict=True)
    solved = solve(widths, elements, noise, memory_weight=weight)
    before = weight * shared_buffer_bits(widths, elements) + noise(widths)
    assert weight * solved.shared_bits + solved.error <= before + 1e-12
    assert solved.error == noise(solved.widths)


def test_a_bit_of_the_largest_layer_goes_where_it_costs_least():
    solved = solve((8, 8, 8), (100, 10, 10), lambda m: float(m[1] != 9) + noise(m) / 100, memory_weight=1e-3)
    assert solved.widths[0] < 8 and solved.widths[1] > 8
    assert solved.shared_bits == 100 * solved.widths[0]


def test_layers_that_are_largest_together_give_together():
    assert solve((8, 8, 8), (50, 50, 1), noise, memory_weight=1.0).widths[:2] == (LEAST_BITS, LEAST_BITS)


def test_an_error_that_weighs_too_much_changes_nothing():
    assert solve((8, 8), (100, 10), noise, memory_weight=1e-9).widths == (8, 8)
