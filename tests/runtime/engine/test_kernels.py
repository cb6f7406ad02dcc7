"""Every kernel of every kind of processor equals the oracle bit for bit, on random operators of all shapes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.runtime.engine import KERNELS, Machine

from .beside_oracle import assert_answers, assert_equal
from .programs import RANDOM, Draw, turned, widest
from .seeds import as_in_table, bias_in_table, in_table

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


@pytest.mark.parametrize("bits", [4, 16])
@pytest.mark.parametrize("kind", RANDOM)
@pytest.mark.parametrize("kernels", KERNELS[1:])
@settings(max_examples=30)
@given(seed=SEEDS)
def test_an_operator_of_other_widths_equals_the_oracle_for_any_number_of_threads(kind, kernels, bits, seed):
    draw = Draw(seed, bits=bits)
    program = RANDOM[kind](draw)
    if widest(program) <= 48:
        assert_equal(program, draw, kernels=kernels, threads=1 + seed % 3)


@pytest.mark.parametrize("kind", ["convolution", "depthwise", "dense", "transposed convolution"])
@pytest.mark.parametrize("kernels", KERNELS)
@settings(max_examples=30)
@given(seed=SEEDS)
def test_a_layer_with_weights_of_the_table_equals_the_oracle(kind, kernels, seed):
    draw = Draw(seed)
    program = RANDOM[kind](draw)
    if widest(program) > 48:
        return
    made, operator = Machine(in_table(program), kernels=kernels), program.operators[0]
    for number, wanted in made.wanted().items():
        if wanted.is_bias:
            made.load_floats(number, bias_in_table(program))
            continue
        rows = as_in_table(operator).reshape(wanted.rows, wanted.columns)
        made.load_floats(number, operator.scales)
        made.load_rows(number, 0, rows if wanted.is_wide else rows.astype("int8"))
    made.ready()
    assert_answers(made, program, draw)


@pytest.mark.parametrize("kind", RANDOM)
@settings(max_examples=60)
@given(seed=SEEDS)
def test_an_operator_equals_the_oracle_in_any_order_of_axes(kind, seed):
    draw = Draw(seed)
    program = turned(draw, RANDOM[kind](draw))
    if widest(program) <= 48:
        assert_equal(program, draw)
