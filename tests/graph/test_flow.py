"""Flow knows who reads what, subgraphs included; an extracted part computes the same and holds no more."""

import numpy as np
import onnx_ir as ir
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run

from attar.graph import load
from attar.graph.expose import expose
from attar.graph.extract import extract
from attar.graph.flow import Flow
from attar.graph.sizes import inferred, most_bytes


def values_of(model):
    found = {value.name: value for value in model.graph.inputs} | dict(model.graph.initializers)
    return found | {value.name: value for node in model.graph for value in node.outputs}


@pytest.fixture
def model():
    return load(networks.branches())


def test_a_node_reads_what_its_subgraphs_capture(model):
    flow, values = Flow(model.graph), values_of(model)
    assert [value.name for value in flow.reads[values["y"].producer()]] == ["flag", "h", "inner", "deeper"]
    assert flow.readers[values["h"]] == [values["y"].producer()]


def test_what_is_needed_ends_where_something_is_given(model):
    flow, values = Flow(model.graph), values_of(model)
    assert [node.outputs[0].name for node in flow.needed([values["y"]], ())] == ["h", "y"]
    assert [node.outputs[0].name for node in flow.needed([values["y"]], {values["h"]})] == ["y"]
    assert flow.needed([values["x"]], ()) == []


def test_what_lies_behind_depends_on_a_value(model):
    flow, values = Flow(model.graph), values_of(model)
    assert flow.behind([values["front"]]) == {values["h"], values["y"]}
    assert flow.behind([values["y"]]) == set()


def test_an_extracted_part_computes_the_same_from_inner_tensors():
    model = load(networks.conv_net())
    flow, values, feeds = Flow(model.graph), values_of(model), random_feeds(model)
    part = extract(model, flow, flow.needed([values["d"]], {values["b"]}), [values["d"]], {"b": (ir.DataType.FLOAT, 4)})
    assert [value.name for value in part.graph.inputs] == ["b"]
    assert list(part.graph.initializers) == ["square", "square_bias"]
    assert part.graph.initializers["square"].const_value is model.graph.initializers["square"].const_value
    given, wanted = run(expose(model, ["b", "d"]), feeds)
    np.testing.assert_allclose(run(part, {"b": given})[0], wanted, rtol=1e-5, atol=1e-6)


def test_the_largest_operator_decides_the_bytes():
    text = "s (float[n, c, 4] x) => (float[n, c, 4] y) { r = Relu (x)  y = Add (r, w) }"
    model = load(build(text, {"w": normal(1, 1, 4)}))
    assert most_bytes(inferred(model, {"x": (2, 3, 4)})) == 2 * 2 * 3 * 4 * 4
    assert most_bytes(model) == 0  # no extent of the channels is known
    assert model.graph.inputs[0].shape[1] == "c"
