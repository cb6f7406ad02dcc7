"""Card GE-1 as a technique: rank from ratio or outright, factors in the layer's layout, the metric as asked."""

import numpy as np
import pytest
from common.networks import normal

from attar.numerics.moments import InputStatistics
from attar.passes.approximate.svd import DataAware, Plain, TruncatedSvd, apply, plan
from attar.passes.weights import NotApplicable, Weights, product


def matrix(outputs, inputs, *, axis=0, statistics=None):
    values = normal(outputs, inputs) if axis == 0 else normal(inputs, outputs)
    return Weights(values, "Gemm", axis, is_matrix=True, statistics=statistics)


@pytest.mark.parametrize("axis", [0, 1])
def test_factors_are_laid_out_as_the_matrix(axis):
    inner, outer = apply(
        matrix(20, 30, axis=axis), plan(matrix(20, 30, axis=axis), TruncatedSvd(rank=4, metric=Plain()))
    )
    shapes = [(4, 30), (20, 4)] if axis == 0 else [(30, 4), (4, 20)]
    assert [inner.values.shape, outer.values.shape] == shapes
    assert inner.values.size + outer.values.size < 600


@pytest.mark.parametrize("ratio, rank", [(0.0, 1), (0.5, 6), (0.99, 11)])
def test_ratio_is_a_share_of_the_break_even_rank(ratio, rank):
    assert plan(matrix(20, 30), TruncatedSvd(ratio=ratio, metric=Plain())).rank == rank  # at most 11: 11 x 50 < 600


def test_rank_wins_over_ratio():
    assert plan(matrix(20, 30), TruncatedSvd(ratio=0.1, rank=7, metric=Plain())).rank == 7


def test_a_rank_that_saves_nothing_is_declined():
    assert plan(matrix(20, 30), TruncatedSvd(rank=11, metric=Plain())).rank == 11
    with pytest.raises(NotApplicable, match="rank 12 would not be smaller than 20 x 30: at most 11 is"):
        plan(matrix(20, 30), TruncatedSvd(rank=12, metric=Plain()))


def test_a_matrix_too_thin_for_any_rank_is_declined():
    with pytest.raises(NotApplicable, match="rank 1 would not be smaller than 1 x 30: at most 0 is"):
        plan(matrix(1, 30), TruncatedSvd(ratio=0.5, metric=Plain()))


def errors_on(samples, weights, config):
    parts = apply(weights, plan(weights, config))
    return np.sum((samples @ (weights.values - product(parts)).T) ** 2, dtype=np.float64)


def test_the_inputs_metric_loses_less_on_the_inputs_at_every_rank():
    samples = normal(300, 30) @ normal(30, 30)
    moment = samples.T.astype(np.float64) @ samples / 300
    weights = matrix(20, 30, statistics=InputStatistics(samples.mean(axis=0)[None], moment))
    for rank in range(1, 12):
        plain, aware = (errors_on(samples, weights, TruncatedSvd(rank=rank, metric=m())) for m in (Plain, DataAware))
        assert aware <= plain * (1 + 1e-5)


def test_the_inputs_metric_declines_a_layer_whose_inputs_were_not_measured():
    with pytest.raises(NotApplicable, match="its inputs were not measured"):
        plan(matrix(20, 30), TruncatedSvd(rank=3))


def test_inputs_that_were_all_zero_leave_finite_factors():
    weights = matrix(20, 30, statistics=InputStatistics(np.zeros((1, 30)), np.zeros((30, 30))))
    assert all(np.isfinite(p.values).all() for p in apply(weights, plan(weights, TruncatedSvd(rank=3))))
