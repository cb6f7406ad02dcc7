"""Networks of indices and masks are timed with indices that exist and masks that let something through."""

import numpy as np
import onnx_ir as ir
import pytest
from common.networks import build, normal
from common.running import run

from attar.evaluate.trial_inputs import inputs_of, trial_inputs
from attar.graph import load

TOKENS = """t (int64[n, 40] ids, int32[n, 40] kinds, bool[n, 40] keep, float[n, 40, 4] x, double[n] scale)
    => (float[n, 40, 4] y) {
    flat = Cast <to = 7> (ids)  e = Gather (words, flat)  k = Gather <axis = -2> (kinds_table, kinds)  s = Add (e, k)
    m = Unsqueeze (keep, last)  w = Where (m, s, x)  f = Cast <to = 1> (scale)  u = Unsqueeze (f, both)
    y = Mul (w, u) }"""
ARRAYS = {"words": normal(9, 4), "kinds_table": normal(3, 4), "last": np.array([2]), "both": np.array([1, 2])}


@pytest.fixture
def tokens():
    return build(TOKENS, ARRAYS)


def test_integers_index_what_is_there(tokens):
    found = inputs_of(ir.from_proto(tokens))
    assert found["ids"].dtype == np.int64 and found["ids"].shape == (1, 40) and 2 < found["ids"].max() < 9
    assert found["kinds"].dtype == np.int32 and set(np.unique(found["kinds"])) == {0, 1, 2}
    assert found["keep"].all() and found["scale"].dtype == np.float64
    assert np.isfinite(run(load(tokens), found)[0]).all()


def test_a_file_says_the_same(tokens, tmp_path):
    (tmp_path / "m.onnx").write_bytes(tokens.SerializeToString())
    found, wanted = trial_inputs(tmp_path / "m.onnx"), inputs_of(ir.from_proto(tokens))
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


def test_networks_of_floats_need_none():
    assert inputs_of(load(build("f (float[n, 4] x) => (float[n, 4] y) { y = Relu (x) }"))) is None


def test_integers_that_index_nothing_are_small():
    model = load(build("f (int64[n, 30] x) => (float[n, 30] y) { y = Cast <to = 1> (x) }"))
    assert set(np.unique(inputs_of(model)["x"])) == {0, 1}


def test_what_is_no_network_is_left_to_who_runs_it(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"no network at all")
    assert trial_inputs(tmp_path / "m.onnx") is None
