"""Streams of channels: where a factor passes, and that the network's answers stay when one is put in."""

import numpy as np
import pytest
from common.networks import NETWORKS
from common.running import random_feeds, run
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.graph import load
from attar.graph.norms import simplify_norms
from attar.graph.sizes import inferred
from attar.graph.streams import scale, streams

from .equalizable import SAMPLES, network


def prepared(model):
    return inferred(simplify_norms(model).model, {})


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_answers_stay_whatever_the_factors(seed):
    rng = np.random.default_rng(seed)
    model = prepared(network(rng))
    feeds = {"x": rng.normal(size=(SAMPLES, 3, 9, 9)).astype(np.float32)}
    before, found = run(model, feeds)[0], streams(model)
    assert found
    for stream in found:
        scale(model, stream, np.exp(rng.normal(size=stream.channels)))
    after = run(model, feeds)[0]
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-4 * np.abs(before).max())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_answers_of_any_network_stay(name):
    model = prepared(load(NETWORKS[name]()))
    feeds, rng = random_feeds(model), np.random.default_rng(0)
    before = run(model, feeds)
    for stream in streams(model):
        if np.isinf(stream.limit):
            scale(model, stream, np.exp(rng.normal(size=stream.channels)))
    for old, new in zip(before, run(model, feeds), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-2, atol=1e-3 * max(np.abs(old).max(initial=0), 1e-6))


def test_a_residual_sum_joins_what_it_adds():
    found = streams(prepared(network(np.random.default_rng(1), residual=True)))
    assert max(len(stream.makers) for stream in found) == 2


def test_what_no_factor_passes_ends_a_stream():
    assert not streams(prepared(network(np.random.default_rng(1), function="Sigmoid", residual=False)))
