"""Every technique, on weights kept in every way: what it writes runs, and every tensor is accounted for."""

import numpy as np
import pytest
from common.any_model import CASES, feeds_of
from common.networks import build
from common.running import run
from common.techniques import steps_of

from attar import codec
from attar.graph import load, survey
from attar.passes.catalog import CATALOG
from attar.passes.pipeline import apply_plan

everywhere = pytest.mark.parametrize("builder", CASES.values(), ids=CASES)


@everywhere
@pytest.mark.parametrize("name", CATALOG)
def test_every_tensor_is_changed_or_listed_and_the_network_runs(builder, name):
    proto = builder().proto
    model = load(proto)
    steps = steps_of(CATALOG[name].config(), CATALOG[name])
    layers = survey(model).layers
    applied = apply_plan(model, {layer.name: steps for layer in layers})
    listed = {alone.name for alone in applied.left_alone}
    assert {layer.name for layer in layers} <= set(applied.changed) | listed
    assert all(np.isfinite(values).all() for values in run(applied.model, feeds_of(proto)))


INTEGERS = {"int8": (np.int8, 1.1), "uint8": (np.uint8, 1.1), "int4": (np.int8, 0.6)}


@pytest.mark.parametrize("kind", INTEGERS)
def test_what_was_dequantized_is_coded_as_small_as_its_integers(kind):
    """Uniform integers, which no code makes smaller than themselves."""
    dtype, bytes_each = INTEGERS[kind]
    low, high = (-8, 8) if kind == "int4" else (np.iinfo(dtype).min, np.iinfo(dtype).max + 1)
    values = np.random.default_rng(0).integers(low, high, (64, 96)).astype(dtype)
    scales = np.random.default_rng(1).uniform(0.01, 0.1, 96).astype(np.float32)
    text = """net (float[n, 64] x) => (float[n, 96] y) {
        u = DequantizeLinear <axis = 1> (w, s, z)  y = MatMul (x, u)
    }"""
    zeros = np.full(96, 0 if dtype is np.int8 else 128, dtype)
    model = load(build(text, {"w": values, "s": scales, "z": zeros}))
    size = codec.encoded_size(model.graph.initializers["w"].const_value.numpy())
    assert size < values.size * bytes_each + 4 * scales.size + 100
