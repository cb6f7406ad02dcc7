"""A tail gives what a full run gives from the changed tensor on, and runs no more than what depends on it."""

import numpy as np
import onnx_ir as ir
import pytest
from common.networks import branches, build, normal
from common.running import random_feeds, run

from attar.errors import DataError, ModelError
from attar.graph import layer_macs, load, serialize
from attar.graph.expose import expose
from attar.runtime import batch as batch_module
from attar.runtime import tail as tail_module
from attar.runtime.tail import Tail, tail_macs

from .stage_networks import HARD, concat, residual, two_inputs

CUTS = {
    "residual": ["x", "stem", "r0", "a", "c", "d", "e", "f", "y"],
    "concat": ["x", "h", "a", "b", "b2", "j", "y"],
    "two_inputs": ["a", "b", "p", "q", "s", "y"],
    "turned_weights": ["h", "r", "g", "k"],
    "shape_arithmetic": ["x", "back", "flat", "y"],
    "with_sequence": ["h", "first", "a", "y"],
}


def severed(model: ir.Model, tensor: str, rank: int) -> ir.Model:
    """Return the oracle: a copy of the network that reads a new input `changed` wherever it read `tensor`."""
    copy = model.clone()
    values = {v.name: v for node in copy.graph for v in node.outputs} | {v.name: v for v in copy.graph.inputs}
    changed = ir.Value(name="changed", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape([None] * rank))
    values[tensor].replace_all_uses_with(changed, replace_graph_outputs=True)
    copy.graph.inputs[:] = [*(value for value in copy.graph.inputs if value.name != tensor), changed]
    return copy


def assert_like_full_runs(model: ir.Model, feeds: dict[str, np.ndarray], tail: Tail, tensor: str) -> None:
    assert_close([tail.values], run(expose(model, [tensor]), feeds))
    assert_close(tail.outputs(tail.values), run(model, feeds))
    changed = tail.values + normal(*tail.values.shape)
    assert_close(tail.outputs(changed), run_severed(model, feeds, tensor, changed))


def run_severed(model, feeds, tensor, changed):
    others = {name: values for name, values in feeds.items() if name != tensor}
    return run(severed(model, tensor, changed.ndim), others | {"changed": changed})


def assert_close(found, wanted):
    for values, oracle in zip(found, wanted, strict=True):
        np.testing.assert_allclose(values, oracle, rtol=1e-4, atol=1e-4)


@pytest.fixture
def behind(monkeypatch):
    """The operators of every tail, by their first outputs."""
    tails, extract = [], tail_module.extract

    def watched(model, flow, nodes, *rest):
        tails.append([node.outputs[0].name for node in nodes])
        return extract(model, flow, nodes, *rest)

    monkeypatch.setattr(tail_module, "extract", watched)
    return tails


@pytest.mark.parametrize("batch", [2, 256])
@pytest.mark.parametrize("name", CUTS)
def test_outputs_are_those_of_a_full_run(name, batch, monkeypatch):
    monkeypatch.setattr(batch_module, "BATCH", batch)
    model = load(HARD[name]())
    feeds = random_feeds(model, samples=5)
    for tensor in CUTS[name]:
        assert_like_full_runs(model, feeds, Tail(model, tensor, feeds), tensor)


@pytest.mark.parametrize("sign", [1, -1])
def test_branches_that_capture_the_tensor_see_it_changed(sign):
    model = load(HARD["with_subgraph"]())
    feeds = random_feeds(model)
    tail = Tail(model, "h", feeds)
    changed = sign * np.abs(tail.values)  # the sum decides which branch runs
    assert_close(tail.outputs(changed), run_severed(model, feeds, "h", changed))


@pytest.mark.parametrize("samples", [1, 3, 4, 9])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("tensor", ["a", "p", "s", "y"])
def test_a_fixed_batch_takes_any_number_of_samples(tensor, batch, samples):
    free = load(two_inputs())
    feeds = random_feeds(free, samples=samples)
    assert_like_full_runs(free, feeds, Tail(load(two_inputs(batch)), tensor, feeds), tensor)


def test_only_what_depends_on_the_tensor_runs_again(behind):
    for builder, tensor in [(residual, "e"), (concat, "b"), (two_inputs, "p")]:
        model = load(builder())
        Tail(model, tensor, random_feeds(model))
    assert behind == [["f", "g", "y"], ["b2", "b3", "j", "y"], ["s", "y"]]


def test_outputs_in_front_of_the_tensor_and_the_tensor_itself_are_outputs_too(behind):
    model = load(
        build(
            """net (float[n, 4] x) => (float[n, 4] a, float[n, 4] y, float[n, 4] b, float[n, 4] z) {
                a = Relu (x)  b = MatMul (a, w)  y = Tanh (b)  z = Neg (a)
            }""",
            {"w": normal(4, 4)},
        )
    )
    feeds = random_feeds(model)
    assert_like_full_runs(model, feeds, Tail(model, "b", feeds), "b")
    assert behind == [["y"]]


def test_the_last_tensor_has_nothing_behind_it(behind):
    model = load(concat())
    tail = Tail(model, "y", random_feeds(model))
    np.testing.assert_array_equal(tail.outputs(tail.values + 1)[0], tail.values + 1)
    assert not behind


def test_neither_the_network_nor_the_values_change():
    model = load(residual())
    before = serialize(model)
    tail = Tail(model, "d", random_feeds(model))
    kept = tail.values.copy()
    tail.outputs(2 * tail.values)
    np.testing.assert_array_equal(tail.values, kept)
    assert serialize(model) == before


def test_a_tensor_whose_first_axis_is_not_the_sample_is_a_model_error():
    model = load(HARD["shape_arithmetic"]())
    with pytest.raises(
        ModelError, match=r"tensor 'r' \(3, 5, 5\) of the first batch: its first axis is not the sample"
    ):
        Tail(model, "r", random_feeds(model, samples=5))


def test_an_unknown_tensor_is_a_model_error():
    model = load(residual())
    for ask in (lambda: Tail(model, "w1", random_feeds(model)), lambda: tail_macs(model, "w1")):
        with pytest.raises(ModelError, match="no tensor 'w1' among the 11 that flow"):
            ask()


def test_values_of_another_shape_are_a_data_error():
    model = load(concat())
    tail = Tail(model, "h", random_feeds(model, samples=5))
    with pytest.raises(DataError, match=r"tensor 'h' is \(5, 6\), not \(4, 6\)"):
        tail.outputs(tail.values[:4])


def test_the_cost_of_a_tail_is_that_of_the_layers_behind_it():
    model = load(concat())
    costs = {tensor: tail_macs(model, tensor) for tensor in ("x", "h", "b", "j", "y")}
    last = 21 * 5
    branch = 5 * 3 + last
    assert costs == {"x": 8 * 6 + 6 * 4 + 6 * 5 + branch, "h": 6 * 4 + 6 * 5 + branch, "b": branch, "j": last, "y": 0}
    assert tail_macs(model, "b", macs=layer_macs(model)) == branch


def test_the_cost_of_branches_behind_a_tensor_is_not_known():
    assert tail_macs(load(branches()), "h") is None
