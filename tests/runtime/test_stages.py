"""Stages give what a full run of the current network gives, in any order, and run no more than they need."""

import numpy as np
import onnx_ir as ir
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.errors import DataError, ModelError
from attar.graph import load, serialize, set_initializer
from attar.graph.expose import expose
from attar.runtime import batch as batch_module
from attar.runtime import stages as stages_module
from attar.runtime.stages import Stages

from .stage_networks import HARD, concat, residual, shape_arithmetic, turned_weights, two_inputs, with_sequence

ALL = networks.NETWORKS | HARD


def feeds_of(model: ir.Model, samples: int = 7) -> dict[str, np.ndarray]:
    return random_feeds(model, samples=samples)


def tensors_of(model: ir.Model) -> list[str]:
    """All tensors that flow, in topological order."""
    inputs = [value.name for value in model.graph.inputs]
    sequences = {"parts"}
    return [*inputs, *(v.name for node in model.graph for v in node.outputs if v.name and v.name not in sequences)]


def seen(stages: Stages, *tensors: str, axis: int = 0) -> list[np.ndarray]:
    batches = list(stages.batches(tensors))
    return [np.concatenate([np.atleast_1d(batch[name]) for batch in batches], axis=axis) for name in tensors]


def assert_like_a_full_run(model, feeds, stages, *tensors):
    for found, wanted in zip(seen(stages, *tensors), run(expose(model, list(tensors)), feeds), strict=True):
        tolerance = 2e-2 if wanted.dtype == np.float16 else 1e-4  # a full run keeps halves as floats in between
        np.testing.assert_allclose(found, np.atleast_1d(wanted), rtol=tolerance, atol=tolerance)


@pytest.fixture
def ran(monkeypatch):
    """The operators of every stage that ran: a list of lists of their first outputs."""
    stages, extract = [], stages_module.extract

    def watched(model, flow, nodes, *rest):
        stages.append([node.outputs[0].name for node in nodes])
        return extract(model, flow, nodes, *rest)

    monkeypatch.setattr(stages_module, "extract", watched)
    return stages


@pytest.mark.parametrize("name", ALL)
def test_every_tensor_is_that_of_a_full_run(name):
    model = load(ALL[name]())
    feeds = feeds_of(model)
    stages = Stages(model, feeds)
    for tensor in tensors_of(model):
        assert_like_a_full_run(model, feeds, stages, tensor)


@pytest.mark.parametrize("name", HARD)
@settings(max_examples=25)
@given(data=st.data())
def test_any_order_of_looks_and_changes_gives_what_a_full_run_gives(name, data):
    model = load(HARD[name]())
    feeds, names = feeds_of(model, 4), tensors_of(model)
    memory_bytes = data.draw(st.sampled_from([0, 700, 1 << 20]), label="memory_bytes")
    stages = Stages(model, feeds, memory_bytes=memory_bytes)
    layers = [x for x, v in model.graph.initializers.items() if v.dtype == ir.DataType.FLOAT and len(v.shape) > 1]
    for _ in range(data.draw(st.integers(1, 6))):
        if data.draw(st.booleans(), label="look"):
            assert_like_a_full_run(model, feeds, stages, *data.draw(st.lists(st.sampled_from(names), min_size=1)))
        else:
            layer = data.draw(st.sampled_from(layers))
            changed = model.graph.initializers[layer].const_value.numpy() * np.float32(0.9)
            stages.replace({layer: changed})
            set_initializer(model, layer, changed)


def test_a_walk_through_the_network_runs_every_operator_once(ran):
    model = load(residual())
    stages = Stages(model, feeds_of(model))
    for tensor, layer in [("x", "w0"), ("r0", "w1"), ("b", "w2"), ("e", "w3"), ("e", "w4"), ("y", None)]:
        seen(stages, tensor)
        if layer:
            stages.replace({layer: 2 * model.graph.initializers[layer].const_value.numpy()})
    assert ran == [["stem", "r0"], ["a", "b"], ["c", "d", "e"], ["f", "g", "y"]]


def test_only_the_branch_that_is_looked_at_runs(ran):
    model = load(concat())
    stages = Stages(model, feeds_of(model))
    seen(stages, "b2")
    seen(stages, "a")
    seen(stages, "j")
    assert ran == [["h", "b", "b2"], ["a"], ["b3", "j"]]


def test_changed_weights_drop_what_depends_on_them_alone(ran):
    model = load(concat())
    stages = Stages(model, feeds_of(model))
    seen(stages, "a", "b2")
    stages.replace({"w1": normal(6, 4, seed=9)})
    seen(stages, "a", "b2")
    assert ran == [["h", "a", "b", "b2"], ["a"]]


def test_without_memory_every_call_starts_at_the_inputs(ran):
    model = load(residual())
    stages = Stages(model, feeds_of(model), memory_bytes=0)
    seen(stages, "r0")
    seen(stages, "b")
    assert ran == [["stem", "r0"], ["stem", "r0", "a", "b"]]


def test_an_older_checkpoint_stays_when_the_newer_does_not_fit(ran):
    model = load(residual())
    feeds = feeds_of(model)
    one_tensor = 7 * 4 * 6 * 6 * 4
    stages = Stages(model, feeds, memory_bytes=one_tensor)
    seen(stages, "r0")
    seen(stages, "b")  # r0 and b are alive here
    seen(stages, "e")
    seen(stages, "y")
    assert ran == [["stem", "r0"], ["a", "b"], ["a", "b", "c", "d", "e"], ["f", "g", "y"]]


def test_turned_weights_are_not_kept_per_sample(ran):
    model = load(turned_weights())
    stages = Stages(model, feeds_of(model))
    seen(stages, "g")
    seen(stages, "k")
    seen(stages, "y")
    assert ran == [["h", "r", "t", "g"], ["k"], ["t", "y"]]


@pytest.mark.parametrize("batch", ["n", 3])
def test_weights_that_are_handed_out_are_outputs_that_change(batch):
    text = f"h (float[{batch}, 4] x) => (float[2, 4] t, float[{batch}, 2] y, float[4, 2] w) {{ "
    model = load(build(text + "y = MatMul (x, w)  t = Transpose (w) }", {"w": normal(4, 2)}))
    x, changed = normal(7, 4), normal(4, 2, seed=1)
    found = Stages(model, {"x": x}).outputs_with({"w": changed})
    for values, wanted in zip(found, (changed.T, x @ changed, changed), strict=True):
        np.testing.assert_allclose(values, wanted, rtol=1e-5, atol=1e-6)


def test_a_sequence_is_made_again_from_what_it_came_from(ran):
    model = load(with_sequence())
    stages = Stages(model, feeds_of(model))
    seen(stages, "first")
    seen(stages, "second")
    assert ran[1:] == [["h", "parts", "first"], ["parts", "second"]]  # the first stage showed what it is


def test_a_tensor_that_is_none_is_a_data_error():
    model = load(with_sequence())
    with pytest.raises(DataError, match="output 'parts' is a list, not a tensor"):
        seen(Stages(model, feeds_of(model)), "parts")


def test_an_iterator_that_is_not_exhausted_leaves_no_checkpoint(ran):
    model = load(residual())
    stages = Stages(model, feeds_of(model))
    next(stages.batches(["r0"]))
    seen(stages, "r0")
    assert ran == [["stem", "r0"], ["stem", "r0"]]


def test_a_change_in_the_middle_of_a_look_counts_from_the_next_one_on(monkeypatch):
    monkeypatch.setattr(batch_module, "BATCH", 2)
    model = load(residual())
    feeds = feeds_of(model)
    stages = Stages(model, feeds)
    batches = stages.batches(["r0"])
    found = [next(batches)["r0"]]
    stages.replace({"w0": 2 * model.graph.initializers["w0"].const_value.numpy()})
    found += [batch["r0"] for batch in batches]
    np.testing.assert_allclose(np.concatenate(found), run(expose(model, ["r0"]), feeds)[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(seen(stages, "r0")[0], 2 * np.concatenate(found), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 3, 4, 9])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_batch_takes_any_number_of_samples(batch, samples):
    model, free = load(two_inputs(batch)), load(two_inputs())
    feeds = feeds_of(free, samples)
    stages = Stages(model, feeds)
    for tensor in ("p", "s", "q", "y"):
        assert_like_a_full_run(free, feeds, stages, tensor)


def test_batches_are_small_where_tensors_are_large(monkeypatch):
    monkeypatch.setattr(batch_module, "LIVE_BYTES", 2000)
    model = load(residual())
    stages = Stages(model, feeds_of(model))  # an addition handles three tensors of 576 bytes a sample
    assert stages.batch == 1
    monkeypatch.setattr(batch_module, "LIVE_BYTES", 4 * 3 * 576)
    stages = Stages(model, feeds_of(model))
    assert [len(batch["r0"]) for batch in stages.batches(["r0"])] == [4, 3]
    assert_like_a_full_run(model, feeds_of(model), stages, "b")


def test_batches_where_time_comes_first_are_those_of_the_batch(monkeypatch):
    monkeypatch.setattr(batch_module, "BATCH", 3)
    model = load(shape_arithmetic())
    feeds = feeds_of(model)
    (found,) = seen(Stages(model, feeds), "r", axis=1)
    np.testing.assert_allclose(found, run(expose(model, ["r"]), feeds)[0], rtol=1e-5, atol=1e-5)


def test_a_filled_batch_that_cannot_be_cut_is_a_data_error():
    text = """m (float[4, 3, 2] x) => (float[4, 3, 2] y) {
        t = Transpose <perm = [1, 0, 2]> (x)
        y = Transpose <perm = [1, 0, 2]> (t)
    }"""
    stages = Stages(load(build(text)), {"x": normal(6, 3, 2)})
    with pytest.raises(DataError, match=r"'t': the last batch was filled with 2 .* \(3, 4, 2\) .* multiple of 4"):
        seen(stages, "t", axis=1)
    np.testing.assert_array_equal(seen(stages, "y")[0], normal(6, 3, 2))


def test_the_given_network_stays_as_it_is_and_the_changed_one_can_be_had():
    model = load(residual())
    before = serialize(model)
    stages = Stages(model, feeds_of(model))
    seen(stages, "b")
    stages.replace({"w1": np.zeros((4, 4, 3, 3), np.float32)})
    assert serialize(model) == before
    assert not stages.model.graph.initializers["w1"].const_value.numpy().any()
    assert stages.model.graph.initializers["w2"].const_value is model.graph.initializers["w2"].const_value


def test_unknown_tensors_and_weights_are_model_errors():
    model = load(residual())
    stages = Stages(model, feeds_of(model))
    with pytest.raises(ModelError, match="no tensor 'w0' among the 11 that flow"):
        stages.batches(["w0"])
    with pytest.raises(ModelError, match="no initializer 'z'"):
        stages.replace({"z": np.zeros(1)})


@pytest.mark.parametrize("feeds", [{}, {"a": normal(0, 3), "b": normal(0, 4)}, {"a": normal(2, 3), "b": normal(3, 4)}])
def test_unequal_numbers_of_samples_are_a_data_error(feeds):
    with pytest.raises(DataError, match="the same number of samples, one at least"):
        Stages(load(two_inputs()), feeds)


def test_an_input_that_is_needed_and_not_given_is_a_data_error():
    stages = Stages(load(two_inputs()), {"a": normal(2, 3)})
    seen(stages, "p")
    with pytest.raises(DataError, match="the network needs input 'b', which was not given: a were"):
        seen(stages, "q")
