"""The walk along all hulls is optimal at every slope: an exhaustive search finds nothing better."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar.plan.allocate import Option, lower_hull, trade_off

OPTIONS = st.lists(st.builds(Option, st.integers(0, 40), st.integers(0, 40).map(float)), min_size=1, max_size=5)
LAYERS = st.lists(OPTIONS, min_size=1, max_size=3)


def totals(layers, choice):
    picked = [options[i] for options, i in zip(layers, choice, strict=True)]
    return sum(option.size_bytes for option in picked), sum(option.damage for option in picked)


def all_totals(layers):
    return [totals(layers, choice) for choice in itertools.product(*(range(len(options)) for options in layers))]


@given(LAYERS, st.floats(1e-3, 1e3))
def test_at_every_slope_the_curve_holds_a_best_choice(layers, slope):
    def cost(total):
        return total[0] + slope * total[1]

    found = min(cost(totals(layers, choice)) for choice in trade_off(layers))
    best = min(cost(total) for total in all_totals(layers))
    assert found == pytest.approx(best, rel=1e-12)


@given(LAYERS)
def test_no_choice_of_the_curve_is_beaten_in_both_bytes_and_damage(layers):
    everything = all_totals(layers)
    for choice in trade_off(layers):
        size, damage = totals(layers, choice)
        assert not any(s <= size and d <= damage and (s, d) != (size, damage) for s, d in everything)


@given(LAYERS)
def test_the_curve_falls_in_bytes_and_rises_in_damage(layers):
    walk = [totals(layers, choice) for choice in trade_off(layers)]
    assert all(a[0] > b[0] and a[1] < b[1] for a, b in itertools.pairwise(walk))


@given(LAYERS)
def test_every_step_moves_one_layer_and_costs_more_a_byte_than_the_last(layers):
    curve = trade_off(layers)
    slopes = []
    for a, b in itertools.pairwise(curve):
        assert sum(x != y for x, y in zip(a, b, strict=True)) == 1
        (size_a, damage_a), (size_b, damage_b) = totals(layers, a), totals(layers, b)
        slopes.append((damage_b - damage_a) / (size_a - size_b))
    assert slopes == pytest.approx(sorted(slopes))


@given(LAYERS)
def test_the_curve_runs_from_least_damage_to_fewest_bytes(layers):
    everything, curve = all_totals(layers), trade_off(layers)
    assert totals(layers, curve[0])[1] == min(damage for _, damage in everything)
    assert totals(layers, curve[-1])[0] == min(size for size, _ in everything)


@given(OPTIONS)
def test_no_option_lies_below_the_hull(options):
    hull = [options[i] for i in lower_hull(options)]
    for option in options:
        for a, b in itertools.pairwise(hull):
            if b.size_bytes <= option.size_bytes <= a.size_bytes:
                share = (a.size_bytes - option.size_bytes) / (a.size_bytes - b.size_bytes)
                assert option.damage >= a.damage + share * (b.damage - a.damage) - 1e-9


@given(OPTIONS)
def test_the_hull_bends_one_way(options):
    hull = [options[i] for i in lower_hull(options)]
    slopes = [(b.damage - a.damage) / (a.size_bytes - b.size_bytes) for a, b in itertools.pairwise(hull)]
    assert all(a < b for a, b in itertools.pairwise(slopes))
    assert all(slope > 0 for slope in slopes)


@given(LAYERS)
def test_the_walk_is_the_same_every_time(layers):
    assert trade_off(layers) == trade_off([list(options) for options in layers])


@given(OPTIONS)
def test_an_option_whose_damage_is_unknown_is_never_chosen(options):
    poisoned = [*options, Option(-1, math.nan)]
    assert lower_hull(poisoned) == lower_hull(options)


def test_without_layers_there_is_one_empty_choice():
    assert trade_off([]) == [()]
