"""A network cut at inner tensors gives those tensors, and keeps only what they need."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from common import networks
from common.running import random_feeds, run

from attar.errors import ModelError
from attar.graph import cut, load, serialize
from attar.graph.expose import expose


@pytest.fixture
def model():
    return load(networks.detector())


def test_a_cut_network_gives_the_inner_tensors_in_the_order_asked_for(model):
    feeds = random_feeds(model)
    expected = run(expose(model, ["l", "c"]), feeds)
    for found, wanted in zip(run(cut(model, ["l", "c"]), feeds), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_what_a_cut_network_does_not_need_is_gone(model):
    left = cut(model, ["c"])
    assert [node.op_type for node in left.graph] == ["Conv"]
    assert list(left.graph.initializers) == ["conv", "conv_bias"]


def test_inputs_that_nothing_reads_any_more_are_gone():
    two = networks.build("two (float[n, 3] a, float[n, 3] b) => (float[n, 3] y) { r = Relu (a)  y = Add (r, b) }")
    assert [value.name for value in cut(load(two), ["r"]).graph.inputs] == ["a"]


@pytest.mark.parametrize("tensor", ["c", "u", "l", "boxes"])
def test_a_cut_network_is_a_valid_one(model, tensor):
    onnx.checker.check_model(ir.to_proto(cut(model, [tensor])), full_check=True)


def test_the_given_network_stays_whole(model):
    before = serialize(model)
    cut(model, ["c"])
    expose(model, ["c", "x"])
    assert serialize(model) == before


def test_an_unknown_tensor_gets_the_nearest_names(model):
    with pytest.raises(ModelError, match=r"no tensor 'score5' to cut at among the 11 .*; near it: scores?, scores?"):
        cut(model, ["score5"])


def test_a_name_unlike_any_other_gets_no_suggestion(model):
    with pytest.raises(ModelError, match=r"no tensor 'zzzzzz' to cut at among the 11 of the network$"):
        cut(model, ["zzzzzz"])


def test_exposed_tensors_are_the_outputs_graph_inputs_included(model):
    feeds = random_feeds(model)
    x, conv = run(expose(model, ["x", "c"]), feeds)
    np.testing.assert_array_equal(x, feeds["x"])
    assert conv.shape == (1, 4, 8, 8)
