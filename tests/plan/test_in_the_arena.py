"""Networks that run inside of their arenas, operator by operator, answer as onnxruntime does with all the memory."""

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
from common.networks import NETWORKS, build, normal

from attar.graph import load, serialize
from attar.graph.extract import extract
from attar.graph.flow import Flow
from attar.graph.lifetimes import activations
from attar.graph.sizes import inferred
from attar.plan.arena import plan_arena
from attar.plan.program import in_bytes

BRANCHES = """net (float[batch, 4, 6, 6] x) => (float[batch, 12, 6, 6] y, float[batch, 144] e) {
    a = Relu (x)
    b = Conv <pads = [1, 1, 1, 1]> (a, w)
    c = Clip (b, low)
    d = Add (a, c)
    e = Flatten (d)
    f = Exp (c)
    g = Concat <axis = 1> (f, d, b)
    h = Sigmoid (g)
    y = Mul (h, g)
}"""
FLOATS = sorted(set(NETWORKS) - {"detector", "branches", "half"})


def branches():
    return build(BRANCHES, {"w": normal(4, 4, 3, 3), "low": np.float32(-0.5)})


@pytest.mark.parametrize("name", [*FLOATS, "of_this_file"])
@pytest.mark.parametrize("alignment", [4, 64])
def test_it_answers_the_same(name, alignment):
    model = load(NETWORKS.get(name, branches)())
    flow = activations(model)
    plan = plan_arena(in_bytes(flow, 32, alignment=alignment), alignment=alignment)
    feeds = {name: normal(*flow.tensors[name].shape, seed=1) for name in flow.inputs}
    assert_equal(run_inside(model, flow, plan, feeds), run(model, feeds))


def run_inside(model, flow, plan, feeds):
    """Carry out a plan: every operator reads from one array of bytes and writes into it."""
    memory = np.zeros(plan.arena_bytes, np.uint8)
    sized = inferred(model, {name: values.shape for name, values in feeds.items()})
    shapes = {v.name: tuple(v.shape) for n in sized.graph for v in n.outputs} | {n: v.shape for n, v in feeds.items()}
    offsets = {buffer.name: buffer.offset for buffer in plan.buffers}

    def at(name):
        start = offsets[flow.views.get(name, name)]
        return memory[start : start + 4 * int(np.prod(shapes[name]))].view(np.float32).reshape(shapes[name])

    for name, values in feeds.items():
        at(name)[...] = values
    wiring, nodes = Flow(model.graph), {value.name: node for node in model.graph for value in node.outputs}
    types = {name: (ir.DataType.FLOAT, len(shape)) for name, shape in shapes.items()}
    for name in plan.order:
        node = nodes[name]
        single = extract(model, wiring, [node], node.outputs, types)
        made = run(single, {value.name: at(value.name).copy() for value in single.graph.inputs})
        for value, values in zip(node.outputs, made, strict=True):
            at(value.name)[...] = values
    return [at(value.name).copy() for value in model.graph.outputs]


def run(model, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(serialize(model), options, ["CPUExecutionProvider"]).run(None, feeds)


def assert_equal(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
