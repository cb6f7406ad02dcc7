"""Names that attar makes up are nobody else's, wherever in the network that one may be."""

import numpy as np
import onnx
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run

import attar
from attar.graph import insert_low_rank, load
from attar.graph.names import fresh_name, taken_names
from attar.graph.readings import name_hidden_states
from attar.graph.rewrite import factors_of

LOW_RANK = {"version": 1, "steps": [{"technique": "approximate.svd", "rank": 2}]}


def beside(value="a", constant="other", node="", output="y"):
    """Two matrices, "w" the first of them, beside things of other names."""
    text = f"""n (float[k, 8] x) => (float[k, 6] "{output}") {{
        "{value}" = Relu (x)  h = MatMul ("{value}", w)  g = Add (h, "{constant}")  "{output}" = MatMul (g, v) }}"""
    low = (normal(8, 2) @ normal(2, 7)).astype(np.float32)
    net = build(text.replace('"', ""), {"w": low, "v": normal(7, 6), constant.replace('"', ""): normal(7)})
    net.graph.node[0].name = node
    return net


def renamed(net, old, new):
    """The parser takes no name with a slash."""
    for node in net.graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for value in (*net.graph.initializer, *net.graph.output):
        value.name = new if value.name == old else value.name
    onnx.checker.check_model(net, full_check=True)
    return net


NEIGHBORS = {
    "a value": renamed(beside(), "a", "w/in"),
    "a constant": renamed(beside(), "other", "w/out"),
    "an output": renamed(beside(), "y", "w/in"),
    "the value between": renamed(beside(), "a", "w/in:y"),
    "another layer": renamed(beside(), "v", "w/in"),
    "a node": beside(node="w/in"),
}


@pytest.mark.parametrize("name", NEIGHBORS)
def test_factors_stand_beside_whatever_has_their_names(name):
    net = NEIGHBORS[name]
    result = attar.compress(net, data=normal(60, 8), recipe=LOW_RANK, max_error=100, only="w")
    (change,) = result.report.changes
    assert [row.shape for row in change.now] == [(8, 2), (2, 7)]
    model = result.file.model()
    x = {"x": normal(5, 8)}
    for ours, theirs in zip(run(model, x), run(load(net), x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert [value.name for value in model.graph.outputs] == [value.name for value in net.graph.output]


def test_two_layers_of_which_one_has_the_name_of_the_others_factor():
    net = renamed(beside(), "v", "w/in")
    result = attar.compress(net, data=normal(60, 8), recipe=LOW_RANK, max_error=100)
    assert {change.name: [row.shape for row in change.now] for change in result.report.changes} == {
        "w": [(8, 2), (2, 7)],
        "w/in": [(7, 2), (2, 6)],
    }


def test_factors_are_found_again():
    assert factors_of("w", {"w/in", "w/out"}, {"w"}) == ("w/in", "w/out")
    assert factors_of("w", {"w/in", "w/in_1", "w/out_1"}, {"w", "w/in"}) == ("w/in_1", "w/out_1")
    with pytest.raises(KeyError):
        factors_of("w", {"w"}, {"w"})


def test_every_name_of_a_network_is_taken():
    model = load(networks.branches())
    names = taken_names(model)
    inner = [value for graph in model.graphs() for node in graph for value in node.outputs]
    assert {value.name for value in (*inner, *model.graph.inputs, *model.graph.outputs)} <= names
    assert fresh_name("new", names) == "new" and fresh_name("new", names) == "new_1" and "new_1" in names


def test_hidden_states_get_a_name_of_their_own():
    text = """l (float[7, n, 4] x) => (float[1, n, 5] last, float[n, 4] z) {
        , last = LSTM <hidden_size = 5> (x, w, r)  s = ReduceMax <keepdims = 0> (x, zero)  z = Relu (s) }"""
    net = build(text, {"w": normal(1, 20, 4), "r": normal(1, 20, 5), "zero": np.array([0])})
    model = load(renamed(net, "s", "LSTM:states"))
    assert name_hidden_states(model) == ["LSTM:states_1"]
    assert run(model, random_feeds(model))


def test_the_names_of_factors_are_told():
    model = load(NEIGHBORS["a value"])
    assert insert_low_rank(model, "w", normal(8, 2), normal(2, 7)) == ("w/in_1", "w/out_1")
