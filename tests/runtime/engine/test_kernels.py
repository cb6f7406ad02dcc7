"""Every kernel of every kind of processor equals the oracle bit for bit, on random operators of all shapes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.runtime.engine import KERNELS

from .beside_oracle import assert_equal
from .programs import RANDOM, Draw, turned, widest

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("kind", RANDOM)
@pytest.mark.parametrize("kernels", KERNELS)
@settings(max_examples=60)
@given(seed=SEEDS)
def test_an_operator_equals_the_oracle(kind, kernels, seed):
    draw = Draw(seed)
    program = RANDOM[kind](draw)
    if widest(program) <= 48:
        assert_equal(program, draw, kernels=kernels)


@pytest.mark.parametrize("kind", RANDOM)
@pytest.mark.parametrize("kernels", KERNELS)
@settings(max_examples=60)
@given(seed=SEEDS)
def test_an_operator_of_eight_bits_equals_the_oracle_for_any_number_of_threads(kind, kernels, seed):
    draw = Draw(seed, bits=8)
    program = RANDOM[kind](draw)
    if widest(program) <= 48:
        assert_equal(program, draw, kernels=kernels, threads=1 + seed % 3)


@pytest.mark.parametrize("kind", RANDOM)
@settings(max_examples=60)
@given(seed=SEEDS)
def test_an_operator_equals_the_oracle_in_any_order_of_axes(kind, seed):
    draw = Draw(seed)
    program = turned(draw, RANDOM[kind](draw))
    if widest(program) <= 48:
        assert_equal(program, draw)
