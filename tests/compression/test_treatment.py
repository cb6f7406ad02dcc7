"""One slope for all layers: what a bit is worth settles step, rank and biases, and layers without effect are let be."""

import numpy as np
import pytest
from common.networks import build, gemm, matmul, normal
from common.running import random_feeds

from attar.codec import encoded_size
from attar.compression.treatment import NEAREST, RANKS, SLOPES, Treatment, data_free, ranks_of
from attar.compression.walk import Walk
from attar.graph import load, survey
from attar.numerics.low_rank import break_even_rank
from attar.passes.catalog import config_from_json, config_to_json
from attar.passes.pipeline import chain
from attar.passes.quantize.bias_correction import BiasCorrection
from attar.passes.quantize.rate_distortion import Problem, RateDistortion, coded_bits, plan


def seen(proto, *, samples=200, name="w"):
    """One layer of a network and its weights with moments."""
    model = load(proto)
    (layer,) = [layer for layer in survey(model).layers if layer.name == name]
    return layer, Walk(model, random_feeds(model, samples=samples), threads=1).weights(layer)


def thin(rank=4, outputs=120, inputs=100):
    """A Gemm whose matrix is nearly of a low rank."""
    proto = gemm(inputs=inputs, outputs=outputs)
    values = normal(outputs, rank) @ normal(rank, inputs) + 0.01 * normal(outputs, inputs, seed=3)
    proto.graph.initializer[0].raw_data = values.astype(np.float32).tobytes()
    return proto


@pytest.fixture(scope="module")
def square():
    return seen(gemm(inputs=40, outputs=30))


def bits(done):
    return 8 * sum(encoded_size(part.values, hint=part.hint) for part in done.parts)


# --- one slope ------------------------------------------------------------------------------------------------------


def test_a_steeper_slope_takes_fewer_bits(square):
    layer, weights = square
    treatment = Treatment({"w": 1.0})
    sizes = [bits(treatment.at(slope)(layer, weights)) for slope in (1e-5, 1e-3, 1e-1)]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 3


def test_a_layer_twice_as_sensitive_gets_half_the_slope(square):
    layer, weights = square
    once, twice = (Treatment({"w": s}).at(1e-3)(layer, weights).steps[0].slope for s in (1.0, 2.0))
    assert once == pytest.approx(1e-3) and twice == pytest.approx(5e-4)


@pytest.mark.parametrize("proto", [gemm(inputs=40, outputs=30), thin()], ids=["whole", "factors"])
def test_the_steps_say_all_that_was_done(proto):
    """Through JSON and carried out again by the pipeline: as from a saved plan."""
    layer, weights = seen(proto)
    done = Treatment({"w": 1.0}).at(1e-3)(layer, weights)
    steps = tuple(config_from_json(config_to_json(step)) for step in done.steps)
    again = chain(weights, steps)
    assert again.steps == done.steps
    for one, two in zip(done.parts, again.parts, strict=True):
        assert one.values.tobytes() == two.values.tobytes()
    np.testing.assert_array_equal(done.shift.values, again.shift.values)


@pytest.mark.parametrize("sensitivity", [1e-300, 1e-40, 1e40, 1e300])
@pytest.mark.parametrize("slope", [1e-20, 1e20])
def test_slopes_stay_within_what_a_plan_can_name(square, sensitivity, slope):
    layer, weights = square
    done = Treatment({"w": sensitivity}).at(slope)(layer, weights)
    assert SLOPES[0] <= done.steps[0].slope <= SLOPES[1]
    for step in done.steps:
        assert config_from_json(config_to_json(step)) == step
    assert np.isfinite(done.parts[0].values).all() and np.isfinite(done.shift.values).all()


# --- layers that are let be -----------------------------------------------------------------------------------------


def test_a_layer_that_was_not_asked_for_stays(square):
    layer, weights = square
    done = Treatment({}).at(1e-3)(layer, weights)
    assert done.parts[0] is weights and done.steps == ()


def test_a_layer_of_zeros_stays(square):
    layer, weights = square
    zeros = weights.with_values(0 * weights.values)
    done = Treatment({"w": 0.0}).at(1e-3)(layer, zeros)
    assert done.parts[0] is zeros and done.steps == ()
    assert data_free(layer, zeros, 0.2).parts[0] is zeros


# --- rank -----------------------------------------------------------------------------------------------------------


def test_a_matrix_of_low_rank_becomes_two_which_costs_less_than_one():
    layer, weights = seen(thin())
    done = Treatment({"w": 1.0}).at(1e-3)(layer, weights)
    chosen, whole = done.steps[0], plan(weights, RateDistortion(slope=1e-3))
    assert len(done.parts) == 2 and chosen.rank < break_even_rank(*weights.matrix.shape)
    decision = plan(weights, chosen)
    assert decision.error + 1e-3 * coded_bits(decision) < whole.error + 1e-3 * coded_bits(whole)


def test_a_matrix_of_full_rank_stays_whole():
    layer, weights = seen(gemm(inputs=100, outputs=100))
    assert Treatment({"w": 1.0}).at(1e-3)(layer, weights).steps[0].rank is None


def tried(monkeypatch, treatment, layer, weights, slope):
    ranks, original = [], Problem.factors
    with monkeypatch.context() as patch:
        patch.setattr(Problem, "factors", lambda *args: ranks.append(args[2]) or original(*args))
        treatment.at(slope)(layer, weights)
    return ranks


def test_of_a_small_matrix_every_pass_tries_all_ranks(monkeypatch):
    layer, weights = seen(gemm(inputs=100, outputs=100))
    treatment = Treatment({"w": 1.0})
    first, second = (tried(monkeypatch, treatment, layer, weights, slope) for slope in (1e-3, 1.1e-3))
    assert first == second and len(first) == len(RANKS)


def test_of_a_large_matrix_later_passes_look_near_what_the_first_one_found(monkeypatch):
    monkeypatch.setattr("attar.compression.treatment.ALL_RANKS", 0)
    layer, weights = seen(thin(rank=12))
    treatment = Treatment({"w": 1.0})
    first, second = (tried(monkeypatch, treatment, layer, weights, slope) for slope in (1e-3, 1.1e-3))
    assert len(first) < len(RANKS) and len(second) <= 2 * NEAREST + 1 and set(second) <= set(first)


def test_a_large_matrix_that_stayed_whole_once_is_not_taken_apart_again(monkeypatch):
    monkeypatch.setattr("attar.compression.treatment.ALL_RANKS", 0)
    layer, weights = seen(gemm(inputs=100, outputs=100))
    treatment = Treatment({"w": 1.0})
    assert tried(monkeypatch, treatment, layer, weights, 1e-3) != []
    assert tried(monkeypatch, treatment, layer, weights, 1e-3) == []


SMALL = gemm(inputs=20, outputs=20)
TWICE = build(
    "n (float[n, 80] x) => (float[n, 80] y) { h = MatMul (x, w)  y = MatMul (h, w) }", {"w": normal(80, 80) / 9}
)


@pytest.mark.parametrize(
    ("proto", "name"), [(SMALL, "w"), (TWICE, "w"), (matmul(), "of_heads")], ids=["small", "read twice", "of heads"]
)
def test_what_cannot_become_two_is_not_tried_as_two(monkeypatch, proto, name):
    layer, weights = seen(proto, name=name)
    assert tried(monkeypatch, Treatment({name: 1.0}), layer, weights, 1e-3) == []


# --- biases ---------------------------------------------------------------------------------------------------------


def test_the_bias_gets_a_grid_that_goes_with_the_slope(square):
    layer, weights = square
    steps = [Treatment({"w": 1.0}).at(slope)(layer, weights).steps[1] for slope in (1e-4, 4e-4)]
    assert all(isinstance(step, BiasCorrection) for step in steps)
    assert steps[1].step == pytest.approx(2 * steps[0].step)


def test_without_a_bias_there_is_nothing_to_correct():
    layer, weights = seen(matmul(), name="shared_by_heads")
    done = Treatment({"shared_by_heads": 1.0}).at(1e-3)(layer, weights)
    assert [type(step) for step in done.steps] == [RateDistortion] and done.declined == ()


# --- without samples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.05, 0.2, 0.8])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_without_samples_the_step_is_a_share_of_the_deviation(square, share, scale):
    layer, weights = square
    values = scale * weights.values
    unseen = type(weights).of(layer, values)
    done = data_free(layer, unseen, share)
    assert done.parts[0].hint.scales[0] == pytest.approx(share * np.sqrt(np.mean(values**2)), rel=0.01)
    assert np.abs(done.parts[0].values - values).max() <= 2 * done.parts[0].hint.scales[0]


def test_without_samples_a_smaller_share_takes_more_bits(square):
    layer, weights = square
    unseen = type(weights).of(layer, weights.values)
    sizes = [bits(data_free(layer, unseen, share)) for share in (0.8, 0.2, 0.05)]
    assert sizes == sorted(sizes) and len(set(sizes)) == 3


def test_without_samples_an_enormous_share_still_leaves_a_layer(square):
    layer, weights = square
    done = data_free(layer, type(weights).of(layer, weights.values), 1e6)
    assert done.parts[0].values.any()


def test_ranks_that_are_fixed_are_not_chosen_again(monkeypatch):
    layer, weights = seen(thin())
    treatment = Treatment({"w": 1.0})
    for rank in (0, 9):
        treatment.fixed = {"w": rank}
        assert tried(monkeypatch, treatment, layer, weights, 1e-3) == [rank] * (rank > 0)
        done = treatment.at(1e-3)(layer, weights)
        assert done.steps[0].rank == (rank or None) and len(done.parts) == 1 + (rank > 0)
        assert ranks_of({"w": done.steps}) == {"w": rank}
    assert treatment.ranks == {}
