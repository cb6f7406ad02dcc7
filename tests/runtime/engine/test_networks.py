"""Whole random networks, all kinds of operator together: the engine gives the oracle's integers, in planned memory."""

import numpy as np
import pytest
from common.networks import normal
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.graph import load
from attar.numerics.formats import quantize
from attar.runtime.engine import KERNELS
from attar.runtime.integer import Affine, FixedPoint, MinMax, calibrate, lower, run_integers

from ..integer.test_networks import random_network
from .beside_oracle import machine

SCHEMES = (Affine(), FixedPoint(), Affine(4, 4), FixedPoint(12, 8))


@pytest.mark.parametrize("kernels", KERNELS)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), scheme=st.sampled_from(SCHEMES), threads=st.integers(1, 3))
def test_random_networks_equal_the_oracle(kernels, seed, scheme, threads):
    model, feeds = load(random_network(seed)), {"x": normal(4, 3, 8, 8, seed=seed)}
    program = lower(model, calibrate(model, feeds, scheme, method=MinMax(), threads=1), scheme)
    inputs = {name: quantize(feeds[name], program.tensors[name].format) for name in program.inputs}
    found = machine(program, kernels=kernels, threads=threads).run_integers(inputs)
    for name, wanted in run_integers(program, inputs).outputs.items():
        np.testing.assert_array_equal(found[name].reshape(wanted.shape), wanted)
