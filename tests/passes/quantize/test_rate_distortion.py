"""Rate-distortion quantization of one layer: what it reports is true, bits cost what it pays, errors are made up for.

Cards RDOQ (never dearer than plain rounding, more bits for a lower slope) and OBC (others make up for an error).
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attar import codec
from attar.codec import GridHint
from attar.numerics.quadratic import quadratic
from attar.numerics.second_moments import second_moments
from attar.numerics.weight_rows import convolution_rows, matrix_rows
from attar.passes.quantize.rate_distortion import RateDistortion, apply, coded_bits, plan
from attar.passes.settling import BREADTH, DAMPING, MOST_ERROR, MOST_STEPS, Problem
from attar.passes.weights import NotApplicable, Weights, product

SEEDS = st.integers(0, 1000)
SLOPES = st.sampled_from([1e-6, 1e-4, 1e-2, 1e-1])
FEW = settings(max_examples=20, deadline=None)


def columns(seed, n, count=400):
    """Correlated inputs (count, n), as neighboring pixels are, and not centered."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(count, n)) @ np.linalg.qr(rng.normal(size=(n, n)))[0] * np.geomspace(2, 0.1, n)
    return (mixed @ rng.normal(size=(n, n)) / np.sqrt(n) + 0.3).astype(np.float32)


def seen(before, now=None):
    """Moments of columns (count, n); of the changed network's beside the original's where two are given."""
    return second_moments([(before[None], before[None] if now is None else now[None])])


def matrix(seed=0, shape=(24, 40), *, axis=0, moments="own", **known):
    """A matrix that reads correlated inputs."""
    values = np.random.default_rng(seed).standard_t(4, size=shape).astype(np.float32)
    own = seen(columns(seed, shape[1 - axis])) if isinstance(moments, str) else moments
    return Weights(values, "MatMul", axis, is_matrix=True, layout=matrix_rows(shape, axis), moments=own, **known)


def convolution(seed=0, shape=(6, 2, 3, 3), groups=2):
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    layout = convolution_rows(shape, groups)
    return Weights(values, "Conv", 0, layout=layout)


def row_cost(seed, rows):
    """What errors of the outputs cost, of mean 1."""
    mixed = np.random.default_rng(seed).normal(size=(rows, 2 * rows))
    return quadratic((mixed @ mixed.T / (2 * rows))[None], damping=0.5)


def treated(weights, **config):
    return apply(weights, plan(weights, RateDistortion(**config)))


def damped(moment):
    """The moment with what keeps errors from hiding in directions that the samples lack."""
    return moment + DAMPING * np.trace(moment) / len(moment) * np.eye(len(moment))


# --- what comes out -------------------------------------------------------------------------------------------------


@FEW
@given(SEEDS, SLOPES, st.sampled_from([0, 1]), st.sampled_from([None, 3]))
def test_hints_reproduce_the_values_bit_for_bit_through_the_codec(seed, slope, axis, rank):
    done = treated(matrix(seed, axis=axis), slope=slope, rank=rank)
    for part in done if rank else (done,):
        values = part.hint.integers.astype(np.float32) * part.hint.scales[0]
        assert part.values.tobytes() == values.tobytes()
        stored = codec.encode(part.values, hint=part.hint)
        again = codec.decode(stored.coder, stored.payload, dtype=np.dtype(np.float32), shape=part.values.shape)
        assert again.tobytes() == part.values.tobytes()


@FEW
@given(SEEDS, SLOPES, st.sampled_from([0, 1]), st.sampled_from([None, 2, 5]))
def test_the_bits_are_those_of_the_streams(seed, slope, axis, rank):
    decision = plan(matrix(seed, axis=axis), RateDistortion(slope=slope, rank=rank))
    streams = [codec.encode(p.integers.astype(np.float32) * p.scales[0], hint=p) for p in decision.parts]
    assert coded_bits(decision) == 8 * sum(len(stream.payload) for stream in streams)


def test_a_step_takes_two_bytes():
    (part,) = plan(matrix(), RateDistortion(slope=1e-3)).parts
    assert part.scales.size == 1 and part.scales.view(np.uint32) % 2**16 == 0


@FEW
@given(SEEDS, st.sampled_from([0, 1]), st.integers(1, 9))
def test_factors_have_the_layer_s_layout_and_stand_for_it(seed, axis, rank):
    weights = matrix(seed, (20, 30), axis=axis)
    parts = treated(weights, slope=1e-9, rank=rank)
    assert [part.channel_axis for part in parts] == [axis, axis]
    assert product(parts).shape == (20, 30)
    whole = np.linalg.norm(weights.values - product(treated(weights, slope=1e-9, rank=19)))
    assert whole <= np.linalg.norm(weights.values - product(parts)) * (1 + 1e-3)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_convolutions_keep_their_shape(groups):
    weights = convolution(shape=(6, 2, 3, 3), groups=groups)
    done = treated(weights, slope=1e-4)
    assert done.values.shape == weights.values.shape
    assert np.abs(done.values - weights.values).max() < 0.2


# --- what it reports ------------------------------------------------------------------------------------------------


@FEW
@given(SEEDS, SLOPES, st.booleans(), st.sampled_from([None, 4]))
def test_the_error_is_that_of_the_outputs(seed, slope, coupled, rank):
    weights = matrix(seed, row_cost=row_cost(seed, 24) if coupled else None)
    decision = plan(weights, RateDistortion(slope=slope, rank=rank))
    done = apply(weights, decision)
    missed = product(done if rank else (done,)).astype(np.float64) - weights.values
    form = damped(weights.moments.moment[0])
    rows = weights.row_cost.form[0] if coupled else np.eye(24)
    assert decision.error == pytest.approx(np.trace(rows @ missed @ form @ missed.T), rel=1e-4)


def test_without_samples_the_error_is_that_of_the_weights():
    weights = convolution()
    decision = plan(weights, RateDistortion(slope=1e-3))
    missed = apply(weights, decision).values.astype(np.float64) - weights.values
    assert decision.error == pytest.approx(np.sum(np.square(missed)), rel=1e-5)


@pytest.mark.parametrize("coupled", [False, True])
def test_rounding_at_a_step_reports_its_error_too(coupled):
    weights = matrix(row_cost=row_cost(1, 24) if coupled else None)
    errors = []
    for step in (1.0, 0.5, 0.25):
        values, error = Problem(weights).rounded(step)
        assert values.shape == weights.values.shape
        np.testing.assert_array_equal(values, np.rint(values / step) * np.float32(step))
        missed, rows = values.astype(np.float64) - weights.values, weights.row_cost.form[0] if coupled else np.eye(24)
        assert error == pytest.approx(np.trace(rows @ missed @ damped(weights.moments.moment[0]) @ missed.T), rel=1e-4)
        errors.append(error)
    assert errors == sorted(errors, reverse=True)


# --- what a bit is worth --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moments", ["own", None], ids=["seen", "unseen"])
@pytest.mark.parametrize("coupled", [False, True], ids=["rows alike", "rows weighed"])
@pytest.mark.parametrize("rank", [None, 6])
def test_a_lower_slope_takes_more_bits_for_less_error(moments, coupled, rank):
    weights = matrix(3, (40, 60), moments=moments, row_cost=row_cost(3, 40) if coupled else None)
    found = [plan(weights, RateDistortion(slope=slope, rank=rank)) for slope in np.geomspace(1e-1, 1e-5, 5)]
    bits, errors = ([of(decision) for decision in found] for of in (coded_bits, lambda decision: decision.error))
    assert bits == sorted(bits) and len(set(bits)) == 5
    assert errors == sorted(errors, reverse=True)


@FEW
@given(SEEDS, st.sampled_from([0.2, 0.5, 1.0]))
def test_error_and_bits_together_are_never_dearer_than_plain_rounding_at_the_same_step(seed, deviations):
    weights = matrix(seed, (30, 50))
    problem = Problem(weights)
    form = quadratic(weights.moments.moment, damping=DAMPING)
    decision = problem.whole(form.effective * (deviations * weights.values.std()) ** 2 / BREADTH)
    (part,) = decision.parts
    step = float(part.scales[0])
    nearest = np.rint(weights.values / step).astype(np.int32)
    missed = (nearest * step - weights.values).astype(np.float64)
    plain = float(form.cost(missed[None]).sum())
    plain_bits = 8 * codec.encoded_size(nearest * np.float32(step), hint=GridHint(nearest, part.scales))
    rate = step**2 * form.effective / BREADTH
    assert decision.error + rate * coded_bits(decision) < plain + rate * plain_bits


def test_correlated_inputs_leave_less_error_than_plain_rounding():
    weights = matrix(5, (30, 50))
    values, error = Problem(weights).rounded(0.5)
    missed = (np.rint(weights.values / 0.5) * 0.5 - weights.values).astype(np.float64)
    assert error < 0.8 * quadratic(weights.moments.moment, damping=DAMPING).cost(missed[None]).sum()
    assert np.abs(values - weights.values).max() > 0.25  # some weights went farther than to the nearest value


def test_without_correlations_it_is_plain_rounding():
    weights = convolution(shape=(8, 4, 3, 3), groups=1)
    values, _ = Problem(weights).rounded(0.25)
    np.testing.assert_array_equal(values, np.rint(weights.values / 0.25) * np.float32(0.25))


@pytest.mark.parametrize("axis", [0, 1])
def test_large_layers_are_settled_some_rows_at_a_time(axis, monkeypatch):
    weights = matrix(4, (40, 40), axis=axis)
    slope = 1e-3 * float(np.square(weights.values).mean())
    (values, error), decision = Problem(weights).rounded(0.3), plan(weights, RateDistortion(slope=slope))
    monkeypatch.setattr("attar.passes.settling.PART", 7 * 40)
    (in_parts, same_error), parts = Problem(weights).rounded(0.3), plan(weights, RateDistortion(slope=slope))
    np.testing.assert_array_equal(in_parts, values)
    assert same_error == pytest.approx(error, rel=1e-9)
    assert parts.error == pytest.approx(decision.error, rel=1e-9)
    assert coded_bits(parts) == coded_bits(decision)


# --- what layers in front have done ---------------------------------------------------------------------------------


def outputs_missed(weights, done, before, now):
    """Mean squared difference of the changed layer on what it sees now from the original on what that saw."""
    difference = before @ weights.values.T.astype(np.float64) - now @ done.values.T.astype(np.float64)
    return float(np.mean(np.square(difference)))


@FEW
@given(SEEDS, st.sampled_from([1e-6, 1e-4, 1e-2]))  # coarser, and the layer's own rounding drowns what came before
def test_with_cross_moments_outputs_are_nearer_to_the_original_s(seed, slope):
    before = columns(seed, 40)
    rng = np.random.default_rng((seed, 1))
    now = (before @ (np.eye(40) + 0.1 * rng.normal(size=(40, 40)) / np.sqrt(40)) * 0.9).astype(np.float32)
    aware, unaware = (matrix(seed, moments=moments) for moments in (seen(before, now), seen(now)))
    kept, lost = (outputs_missed(w, treated(w, slope=slope), before, now) for w in (aware, unaware))
    assert kept < lost


def test_the_target_undoes_what_can_be_undone():
    before = columns(2, 40)
    half = matrix(2, moments=seen(before, 0.5 * before))
    same = matrix(2, moments=seen(before, before.copy()))
    scale = np.sum(Problem(half).target * half.values) / np.sum(np.square(half.values))
    assert 1.1 < scale < 2  # damping leans towards the weights as they were
    np.testing.assert_allclose(Problem(same).target[0], same.values, atol=1e-4)
    np.testing.assert_array_equal(Problem(matrix(2)).target[0], matrix(2).values)


# --- ends -----------------------------------------------------------------------------------------------------------


def test_weights_on_a_grid_stay_where_bits_cost_nearly_nothing():
    integers = np.random.default_rng(0).integers(-8, 9, (24, 40))
    integers[0, 0] = 8
    weights = matrix(moments=None).with_values(integers * 0.25)
    np.testing.assert_array_equal(treated(weights, slope=1e-30).values, weights.values)


@pytest.mark.parametrize("slope", [1e-30, 1e-12, 1e12, 1e30])
@pytest.mark.parametrize("rank", [None, 5])
@pytest.mark.parametrize("size", [1e-20, 1.0, 1e20])
def test_any_slope_ends_somewhere(slope, rank, size):
    weights = matrix(7)
    weights = weights.with_values(weights.values * size)
    decision = plan(weights, RateDistortion(slope=slope, rank=rank))
    assert np.isfinite(decision.error)
    assert all(np.abs(part.integers).max() <= 1.02 * MOST_STEPS for part in decision.parts)


@pytest.mark.parametrize("slope", [1.0, 1e30])
def test_a_layer_is_never_all_error(slope):
    weights = matrix(8)
    power = quadratic(weights.moments.moment, damping=DAMPING).cost(weights.values[None].astype(np.float64)).sum()
    assert plan(weights, RateDistortion(slope=slope)).error <= 1.01 * MOST_ERROR * power


@pytest.mark.parametrize("moments", ["own", None], ids=["seen", "unseen"])
def test_weights_of_zero_stay_zero(moments):
    weights = matrix(moments=moments)
    done = treated(weights.with_values(0 * weights.values), slope=1e-4)
    assert not done.values.any()


def test_inputs_that_are_always_zero_take_any_weights():
    weights = matrix(moments=seen(np.zeros((100, 40), np.float32)))
    for rank in (None, 4):
        decision = plan(weights, RateDistortion(slope=1e-4, rank=rank))
        assert decision.error < 1e-20


CUT = replace(matrix_rows((24, 40), 0), blocks=2)


@pytest.mark.parametrize(
    ("weights", "rank", "reason"),
    [
        (convolution(), 2, "Conv: only the second operand of one Gemm or MatMul can become two layers"),
        (matrix(shape=(24, 40)), 24, "MatMul: rank 24 is not below 24"),
        (matrix(shape=(40, 24)), 65536, "MatMul: rank 65536 is not below 24"),
        (
            replace(matrix(moments=None), layout=replace(matrix_rows((24, 40), 0), blocks=2)),
            2,
            "MatMul: too many inputs",
        ),
    ],
)
def test_what_cannot_become_two_layers_is_declined(weights, rank, reason):
    with pytest.raises(NotApplicable, match=reason):
        plan(weights, RateDistortion(rank=rank))
