"""Card BCORR: after correction, the mean of every output channel over the calibration samples is what it was."""

import numpy as np
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run, statistics_of

from attar.graph import load, survey
from attar.graph.layers import Offset
from attar.numerics.moments import InputStatistics
from attar.passes.approximate.svd import TruncatedSvd
from attar.passes.pipeline import apply_plan
from attar.passes.prune.magnitude import Magnitude
from attar.passes.quantize.bias_correction import BiasCorrection, Shift, apply, plan
from attar.passes.quantize.uniform import Uniform
from attar.passes.weights import NotApplicable, Weights

CHANGES = [Uniform(bits=2), Magnitude(level=0.7), TruncatedSvd(ratio=0.3)]


def shifts(model, name, *steps):
    """Return the mean difference of every output channel on the calibration samples, and the steps that changed."""
    feeds = random_feeds(model, samples=200)
    applied = apply_plan(model, {name: steps}, statistics=statistics_of(model, [name], feeds))
    before, after = (np.moveaxis(run(m, feeds)[0], 1, 0).astype(np.float64) for m in (model, applied.model))
    channels = len(before)
    return (after - before).reshape(channels, -1).mean(axis=1), applied


def point():
    return build(
        "p (float[n, 3, 5, 5] x) => (float[n, 6, 5, 5] y) { y = Conv (x, w, b) }",
        {"w": normal(6, 3, 1, 1), "b": normal(6)},
    )


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("change", CHANGES, ids=lambda c: type(c).__name__)
def test_the_mean_output_of_a_gemm_is_restored(transposed, change):
    model = load(networks.gemm(transposed=transposed))
    plain, _ = shifts(model, "w", change)
    corrected, applied = shifts(model, "w", change, BiasCorrection())
    assert np.abs(plain).max() > 1e-2
    np.testing.assert_allclose(corrected, 0, atol=1e-5)
    assert applied.changed["w"] == (change, BiasCorrection())


@pytest.mark.parametrize("change", CHANGES[:2], ids=lambda c: type(c).__name__)
def test_the_mean_output_of_a_1x1_convolution_is_restored(change):
    model = load(point())
    assert np.abs(shifts(model, "w", change)[0]).max() > 1e-2
    np.testing.assert_allclose(shifts(model, "w", change, BiasCorrection())[0], 0, atol=1e-5)


def test_behind_a_convolution_the_normalizations_mean_moves_and_nothing_else():
    model = load(networks.conv_norm())
    assert np.abs(shifts(model, "point", Uniform(bits=2))[0]).max() > 1e-2
    corrected, applied = shifts(model, "point", Uniform(bits=2), BiasCorrection())
    np.testing.assert_allclose(corrected, 0, atol=1e-5)
    changed = {
        name
        for name, value in model.graph.initializers.items()
        if not np.array_equal(value.const_value.numpy(), applied.model.graph.initializers[name].const_value.numpy())
    }
    assert changed == {"point", "mean"}


def test_a_scaled_gemm_is_declined_rather_than_corrected_wrongly():
    model = load(networks.gemm(attributes=", alpha = 0.5"))
    plain, _ = shifts(model, "w", Uniform(bits=2))
    corrected, applied = shifts(model, "w", Uniform(bits=2), BiasCorrection())
    np.testing.assert_array_equal(plain, corrected)
    assert applied.declined[0].reason == "Gemm has no bias of its own, nor a batch normalization after it"


def test_without_statistics_it_is_declined():
    (layer,) = survey(load(networks.gemm())).layers
    weights = Weights.of(layer, normal(16, 12))
    with pytest.raises(NotApplicable, match="the mean of its inputs was not measured"):
        plan(weights, (weights,), BiasCorrection())


def test_a_layer_without_a_place_for_the_shift_is_declined():
    weights = Weights(normal(4, 3), "MatMul", 1, statistics=InputStatistics(np.ones((1, 4))))
    with pytest.raises(NotApplicable, match="MatMul has no bias of its own"):
        plan(weights, (weights,), BiasCorrection())


def test_groups_of_outputs_see_means_of_their_own():
    before = Weights(np.ones((2, 1, 1, 1), np.float32), "Conv", 0, offset=Offset("b", 1))
    before = Weights(
        before.values, "Conv", 0, statistics=InputStatistics(np.array([[10.0], [1.0]])), offset=before.offset
    )
    shift = plan(before, (before.with_values(np.full((2, 1, 1, 1), 1.5)),), BiasCorrection())
    assert shift.values.tolist() == [-5, -0.5]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sign_says_which_way_an_offset_moves(sign):
    moved = apply(np.array([1, 2], np.float16), sign, Shift(np.array([0.5, -0.25])))
    assert moved.dtype == np.float16 and moved.tolist() == [1 + sign * 0.5, 2 - sign * 0.25]
