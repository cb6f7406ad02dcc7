"""Weights that another tool has put on a grid, into a codebook or made zero: no recipe makes them larger."""

import numpy as np
import pytest
from common.networks import build, normal

import attar
from attar.compression.recipe import named_recipes

SHAPE = (24, 64)
RNG = np.random.default_rng(11)


def per_channel():
    integers = RNG.integers(-90, 91, SHAPE).astype(np.float32)
    return integers * RNG.uniform(0.001, 0.01, (SHAPE[0], 1)).astype(np.float32)


CODED = {
    "ternary": RNG.integers(-1, 2, SHAPE) * np.float32(0.0213),
    "binary": RNG.choice([-1, 1], SHAPE) * np.float32(0.017),
    "a codebook of 16": normal(16)[RNG.integers(0, 16, SHAPE)],
    "8 bits a channel": per_channel(),
    "mostly zeros": normal(*SHAPE) * (RNG.random(SHAPE) < 0.03),
    "all equal": np.full(SHAPE, 0.375),
    "all zero": np.zeros(SHAPE),
}
RECIPES = sorted({*named_recipes()} - {"candidates"})  # whose search is that of deep_compression, with more to choose
X = normal(64, SHAPE[1])


def network(name):
    text = f"""c (float[n, {SHAPE[1]}] x) => (float[n, 5] y) {{
        h = Gemm <transB = 1> (x, w) r = Relu (h) y = MatMul (r, v) }}"""
    return build(text, {"w": CODED[name].astype(np.float32), "v": normal(SHAPE[0], 5)})


def stored(result):
    """Return the bytes that hold the first layer, and whether it is as it was."""
    streams = {entry.name: entry.length for entry in result.file.entries if entry.name.split("/")[0] == "w"}
    values = result.file.tensor("w") if "w" in streams else None
    return sum(streams.values()), values


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", CODED)
def test_no_recipe_makes_them_larger_or_changes_them_for_nothing(name, recipe):
    options = {"data": X, "recipe": recipe, "max_error": 0.01, "time_limit": 0.3}
    lossless, _ = stored(attar.compress(network(name), exclude="w", **options))
    result = attar.compress(network(name), only="w", **options)
    size, values = stored(result)
    assert size <= lossless
    if size == lossless:
        np.testing.assert_array_equal(values, CODED[name].astype(np.float32))
    assert {change.name for change in result.report.changes} == (set() if size == lossless else {"w"})


def test_the_reason_is_said():
    result = attar.compress(network("ternary"), data=X, recipe="int8", max_error=9)
    reasons = {name: reason for name, _, reason in result.report.left_alone}
    assert reasons["w"] == "the weights as they are take no more bytes"


def test_a_plan_that_asks_for_more_bits_than_there_are_changes_nothing():
    plan = {"w": [{"technique": "quantize.uniform", "bits": 8}]}
    result = attar.compress(network("binary"), plan=plan, data=X, max_error=9)
    np.testing.assert_array_equal(result.file.tensor("w"), CODED["binary"])


def test_weights_of_any_values_are_changed_as_before():
    text = "g (float[n, 30] x) => (float[n, 40] y) { y = MatMul (x, w) }"
    result = attar.compress(build(text, {"w": normal(30, 40)}), recipe="int8")
    assert [change.name for change in result.report.changes] == ["w"]
