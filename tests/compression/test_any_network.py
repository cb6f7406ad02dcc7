"""Networks of any kind through the recipes, beside onnxruntime: no crash, no number that nobody wrote, nothing silent.

Fifty random networks, and one of each of eight families by either of torch's exporters; one recipe each, in turn.
`benches/fuzz_networks.py` does the same with as many as there is time for.
"""

from pathlib import Path

import numpy as np
import onnx
import pytest
from common.beside_onnxruntime import WAYS, findings_of
from common.grown import network, usable_network

EXPORTED = sorted((Path(__file__).parents[1] / "common" / "exported").glob("*.onnx"))
SEEDS, PASSES = range(50), 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_network(seed):
    net = usable_network(seed)
    assert findings_of(net.proto, net.samples, net.batch, ways=[WAYS[seed % len(WAYS)]], passes=PASSES) == []


@pytest.mark.parametrize("number", range(len(EXPORTED)), ids=[path.stem for path in EXPORTED])
def test_an_exported_network(number):
    proto = onnx.load(EXPORTED[number])
    shape = [extent.dim_value for extent in proto.graph.input[0].type.tensor_type.shape.dim][1:]

    def samples(count, seed):
        return {"x": np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)}

    assert findings_of(proto, samples, ways=[WAYS[-1 - number % 2]], passes=PASSES) == []


def test_the_networks_are_of_all_kinds():
    nets = [network(seed) for seed in range(120)]
    assert len({node.op_type for net in nets for node in net.proto.graph.node}) >= 60
    assert {net.batch for net in nets} == {None, 1, 4}
    assert any(len(net.proto.graph.output) > 2 for net in nets) and any(len(net.inputs) > 1 for net in nets)
