"""The search along the slope, on functions that are known: near the limit in few passes, and never without a point."""

import math
import time

import numpy as np
import pytest

from attar.compression.descent import NEAR, Descent, Point

PASSES = 8


def point(slope, size_bytes, damage, load):
    return Point(slope, bytes(max(int(size_bytes), 1)), None, damage, load)


def network(*, limit=1e-6, power=0.9, size=20_000, shrink=-0.45, noise=0.0):
    """A network whose load is 1 at slope `limit`, and whose file has `size` bytes there."""
    rng = np.random.default_rng(0)

    def make(slope):
        load = (slope / limit) ** power * math.exp(noise * rng.normal())
        return point(slope, size * (slope / limit) ** shrink, 0.01 * load, load)

    return make


def descended(make, start, *, passes=PASSES, target_bytes=None, deadline=None):
    descent = Descent(make, target_bytes=target_bytes, deadline=deadline)
    descent.run(start, passes=passes)
    return descent


def smallest_within(points):
    return min((p for p in points if p.load <= 1), key=lambda p: p.size_bytes)


@pytest.mark.parametrize("start", [1e-8, 3e-7, 1e-6, 4e-6, 1e-4])
@pytest.mark.parametrize("power", [0.5, 0.9, 2.0])
def test_the_limit_on_quality_is_used_up(start, power):
    descent = descended(network(power=power), start)
    assert descent.best.load <= 1
    assert descent.best.slope == pytest.approx(1e-6, rel=0.12)
    assert descent.stopped is None


@pytest.mark.parametrize("start", [1e-8, 1e-6, 1e-4])
@pytest.mark.parametrize("target", [5_000, 20_000, 60_000])
@pytest.mark.parametrize("shrink", [-0.2, -0.45, -0.9])
def test_the_target_size_is_used_up(start, target, shrink):
    best = descended(network(shrink=shrink), start, target_bytes=target, passes=12).best
    assert 0.95 * target <= best.size_bytes <= target


def test_a_good_start_takes_few_passes():
    assert len(descended(network(), 1.1e-6, passes=20).points) <= 5


def test_it_ends_where_two_slopes_are_near_enough():
    descent = descended(network(), 1e-8, passes=100)
    within, beyond = (
        [p.slope for p in descent.points if p.load <= 1],
        [p.slope for p in descent.points if p.load > 1],
    )
    assert min(beyond) / max(within) <= NEAR
    assert len(descent.points) < 20


@pytest.mark.parametrize("noise", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("start", [1e-8, 1e-6, 1e-4])
def test_noise_costs_bytes_but_never_the_budget(noise, start):
    descent = descended(network(noise=noise), start, passes=12)
    assert descent.best is smallest_within(descent.points)


def test_a_load_that_jumps_is_met_from_below():
    def make(slope):
        return point(slope, 1e4 * slope**-0.45, 0.0, 0.2 if slope < 1e-6 else 50.0)

    best = descended(make, 1e-5, passes=12).best
    assert best.load == 0.2 and best.slope == pytest.approx(1e-6, rel=0.1)


def test_a_limit_out_of_reach_leaves_what_is_least_beyond_it():
    descent = descended(lambda slope: point(slope, 100, 1.0, 2 + slope), 1e-3)
    assert len(descent.points) == PASSES and descent.best.load == min(p.load for p in descent.points)
    slopes = [p.slope for p in descent.points]
    assert slopes == sorted(slopes, reverse=True)


def test_a_target_out_of_reach_leaves_the_smallest():
    descent = descended(lambda slope: point(slope, 1_000 + 1 / slope, slope, 0.0), 1e-3, target_bytes=900)
    assert descent.best.size_bytes == min(p.size_bytes for p in descent.points)
    slopes = [p.slope for p in descent.points]
    assert slopes == sorted(slopes)


@pytest.mark.parametrize("load", [0.0, 1e-30])
def test_where_nothing_does_harm_it_goes_on_to_fewer_bytes(load):
    descent = descended(lambda slope: point(slope, 1e4 * slope**-0.45, 0.0, load), 1e-6)
    assert len(descent.points) == PASSES
    assert descent.best.size_bytes == min(p.size_bytes for p in descent.points) < 1e4 * 1e-6**-0.45


def test_a_network_that_breaks_is_beyond_any_limit():
    def make(slope):
        return point(slope, 1e4 * slope**-0.45, math.inf, math.inf if slope > 1e-6 else 0.5)

    assert descended(make, 1.0, passes=20).best.load == 0.5


def test_a_limit_met_exactly_is_met():
    assert descended(lambda slope: point(slope, 1e4 * slope**-0.45, 1.0, 1.0), 1e-6).best.load == 1.0
    assert descended(lambda slope: point(slope, 500, 1.0, 0.0), 1e-6, target_bytes=500).best.size_bytes == 500


def test_of_points_within_a_target_the_least_damage_is_best():
    """Not the largest file: a slope that codes to a few bytes more may do more harm."""
    sizes = {1e-3: (400, 0.3), 1e-4: (450, 0.1), 1e-5: (480, 0.2), 1e-6: (600, 0.0)}
    descent = Descent(None, target_bytes=500, deadline=None)
    descent.points += [point(slope, size, damage, 0.0) for slope, (size, damage) in sizes.items()]
    assert descent.best.damage == 0.1


@pytest.mark.parametrize("passes", [1, 2, 5])
def test_no_more_passes_than_allowed(passes):
    assert len(descended(network(), 1e-9, passes=passes).points) == passes


def test_without_a_pass_there_is_no_best():
    assert descended(network(), 1e-6, passes=0).best is None


@pytest.mark.parametrize("at", [1, 2, 4])
def test_an_interrupt_keeps_what_there_is(at):
    calls, make = [], network()

    def interrupted(slope):
        calls.append(slope)
        if len(calls) == at:
            raise KeyboardInterrupt
        return make(slope)

    descent = descended(interrupted, 1e-8)
    assert descent.stopped == "it was interrupted"
    assert len(descent.points) == at - 1 and (descent.best is None) == (at == 1)


def test_a_deadline_ends_it_between_passes():
    assert descended(network(), 1e-6, deadline=time.monotonic() - 1).points == []

    def slow(slope):
        time.sleep(0.02)
        return network()(slope)

    descent = descended(slow, 1e-9, deadline=time.monotonic() + 0.03)
    assert descent.stopped == "the time limit was reached"
    assert 1 <= len(descent.points) < PASSES


# --- jumps ----------------------------------------------------------------------------------------------------------


def either(slope, is_thin):
    """A network with a layer that is whole or thin: thin, it is half as large and damages twice as much."""
    return point(slope, 20_000 * (slope / 1e-6) ** -0.45 * (0.5 if is_thin else 1), 0.01, slope / 1e-6 * (1 + is_thin))


@pytest.mark.parametrize("at", [0.6e-6, 0.9e-6])
def test_at_a_jump_either_side_is_followed(at):
    """Thin from slope `at` on, where its load is beyond the limit: a thin one of a gentler slope is the smallest."""
    descent = descended(lambda slope: either(slope, slope >= at), 2e-6, passes=20)
    steep, gentle = sorted(descent.jump, key=lambda each: -each.slope)
    assert gentle.slope < at <= steep.slope <= gentle.slope * NEAR and gentle.size_bytes > 1.9 * steep.size_bytes
    before = descent.best
    for near, is_thin in ((steep, True), (gentle, False)):
        descent.follow(near, lambda slope, is_thin=is_thin: either(slope, is_thin), passes=6)
    assert descent.best.size_bytes < 0.8 * before.size_bytes
    assert descent.best.slope == pytest.approx(0.5e-6, rel=0.2)
    assert all(descent.points.count(known) == 1 for known in (steep, gentle))


def test_where_sizes_are_near_there_is_no_jump():
    assert descended(network(), 1e-6, passes=20).jump == ()
    assert descended(network(), 1e-6, passes=1).jump == ()
