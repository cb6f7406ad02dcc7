"""Rows of weights times the columns seen give what the layer puts out, for every operator that multiplies."""

import numpy as np
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run

from attar.graph import WeightLayer, load, set_initializer, survey
from attar.graph.expose import expose
from attar.graph.readings import Unseen, name_hidden_states
from attar.numerics.positions import Positions
from attar.runtime import batch as batch_module
from attar.runtime.layer_inputs import find_inputs, row_counts
from attar.runtime.stages import Stages


def layer_of(model, name, channel_axis=0):
    """A layer that the survey may not know yet."""
    shape = tuple(model.graph.initializers[name].const_value.shape)
    return WeightLayer(name, "", shape, channel_axis, (), "convolution")


def columns_of(model, name, feeds, positions=None, weights=None):
    stages, found = Stages(model, feeds), find_inputs(model, layer_of(model, name))
    stages.replace(weights or {})
    blocks = list(found.column_blocks(stages, positions or Positions()))
    return found.layout, np.concatenate(blocks, axis=1)


def products_of(model, name, feeds):
    layout, columns = columns_of(model, name, feeds)
    return np.einsum("god,gpd->gpo", layout.rows(model.graph.initializers[name].const_value.numpy()), columns)


def weighted_part(model, name, feeds):
    """What the weights add to the output of their operator: the output without what they don't change."""
    node = model.graph.initializers[name].uses()[0].node
    silent = model.clone()
    set_initializer(silent, name, np.zeros(silent.graph.initializers[name].const_value.shape))
    with_weights, without = (run(expose(m, [node.outputs[0].name]), feeds)[0] for m in (model, silent))
    return with_weights.astype(np.float32) - without.astype(np.float32), node


def by_group(output, node, groups):
    """Return an output as (groups, positions, outputs per group)."""
    if node.op_type in ("Conv", "ConvTranspose"):
        split = output.reshape(len(output), groups, output.shape[1] // groups, -1)
        return split.transpose(1, 0, 3, 2).reshape(groups, -1, output.shape[1] // groups)
    if groups > 1:  # (samples, heads, rows, outputs)
        return output.transpose(1, 0, 2, 3).reshape(groups, -1, output.shape[-1])
    return output.reshape(1, -1, output.shape[-1])


OTHERWISE = {"twice", "tied", "left", "lstm_w", "lstm_r", "inner", "deeper"}  # below, or inside a subgraph
LAYERS = [
    (name, layer.name)
    for name, builder in networks.NETWORKS.items()
    for layer in survey(load(builder())).layers
    if layer.name not in OTHERWISE
]


@pytest.mark.parametrize("network, layer", LAYERS)
def test_rows_times_columns_are_what_the_weights_put_out(network, layer):
    model = load(networks.NETWORKS[network]())
    feeds = random_feeds(model)
    output, node = weighted_part(model, layer, feeds)
    found = products_of(model, layer, feeds)
    tolerance = 3e-2 if network == "half" else 1e-4
    np.testing.assert_allclose(found, by_group(output, node, len(found)), rtol=tolerance, atol=tolerance)


def test_weights_on_the_left():
    model = load(networks.matmul())
    feeds = random_feeds(model)
    (output,) = run(model, feeds)
    found = products_of(model, "left", feeds)
    wanted = np.swapaxes(output, -1, -2).reshape(1, -1, 9)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("flags", ["transA = 1", "transA = 1, transB = 1"])
def test_samples_along_the_second_axis_of_a_gemm(flags):
    shape = (6, 4) if "transB" in flags else (4, 6)
    text = f"g (float[4, 5] x) => (float[5, 6] y) {{ y = Gemm <{flags}> (x, w) }}"
    model = load(build(text, {"w": normal(*shape)}))
    feeds = {"x": normal(4, 5)}
    np.testing.assert_allclose(products_of(model, "w", feeds)[0], run(model, feeds)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("flags, shape, data", [("transA = 1", (4, 6), (4, 5)), ("transB = 1", (6, 4), (5, 4))])
def test_a_gemm_with_weights_on_the_left(flags, shape, data):
    text = f"g (float[{data[0]}, {data[1]}] x) => (float[6, 5] y) {{ y = Gemm <{flags}> (w, x) }}"
    model = load(build(text, {"w": normal(*shape)}))
    feeds = {"x": normal(*data)}
    np.testing.assert_allclose(products_of(model, "w", feeds)[0].T, run(model, feeds)[0], rtol=1e-5, atol=1e-5)


def test_all_readers_of_shared_weights_one_after_the_other():
    model = load(networks.shared())
    feeds = random_feeds(model)
    _, found = columns_of(model, "twice", feeds)
    np.testing.assert_allclose(found[0], np.concatenate(run(expose(model, ["x", "a"]), feeds)), rtol=1e-5, atol=1e-5)


def test_weights_turned_around_by_an_operator():
    text = "t (float[n, 4] x) => (float[n, 6] y) { t = Transpose (w)  y = MatMul (x, t) }"
    model = load(build(text, {"w": normal(6, 4)}))
    feeds = random_feeds(model)
    np.testing.assert_allclose(products_of(model, "w", feeds)[0], run(model, feeds)[0], rtol=1e-5, atol=1e-5)


def test_original_and_changed_network_are_seen_at_the_same_places(monkeypatch):
    monkeypatch.setattr(batch_module, "BATCH", 2)
    model = load(networks.conv_net())
    feeds, positions = random_feeds(model, samples=5), Positions(3, seed=7)
    twice = {name: 2 * model.graph.initializers[name].const_value.numpy() for name in ("point", "point_bias")}
    _, every = columns_of(model, "square", feeds)
    _, before = columns_of(model, "square", feeds, positions)
    _, doubled = columns_of(model, "square", feeds, positions, twice)
    places = [64 * sample + positions.choose(64, range(sample, sample + 1))[0] for sample in range(5)]
    np.testing.assert_array_equal(before, every[:, np.concatenate(places)])
    np.testing.assert_allclose(doubled, 2 * before, rtol=1e-5, atol=1e-6)


def recurrent(direction, initial):
    """An RNN without a nonlinearity: its states are W x + R h."""
    count = 2 if direction == "bidirectional" else 1
    words, ones = ", ".join(['"Affine"'] * count), ", ".join(["1.0"] * count)
    given = {"none": "", "constant": ", , , first", "tensor": ", , , turned"}[initial]
    text = f"""r (float[3, 7, 4] x, float[3, {count}, 5] start) => (float[7, {count}, 3, 5] y) {{
        steps = Transpose <perm = [1, 0, 2]> (x)
        turned = Transpose <perm = [1, 0, 2]> (start)
        y = RNN <hidden_size = 5, direction = "{direction}", activations = [{words}],
                 activation_alpha = [{ones}]> (steps, w, r{given})
    }}"""
    weights = {"w": normal(count, 5, 4), "r": normal(count, 5, 5) / 3}
    return load(build(text, weights | ({"first": normal(count, 3, 5)} if initial == "constant" else {})))


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("initial", ["none", "constant", "tensor"])
def test_a_recurrent_layer_is_its_inputs_and_the_states_before(direction, initial):
    model = recurrent(direction, initial)
    feeds = random_feeds(model)
    (states,) = run(model, feeds)
    seen = sum(products_of(model, name, feeds) for name in ("w", "r"))
    wanted = states.transpose(1, 2, 0, 3).reshape(states.shape[1], -1, 5)
    np.testing.assert_allclose(seen, wanted, rtol=1e-4, atol=1e-4)


def test_hidden_states_that_are_no_output_can_be_made_one():
    text = """l (float[7, n, 4] x) => (float[1, n, 5] last) { , last = LSTM <hidden_size = 5> (x, w, r) }"""
    model = load(build(text, {"w": normal(1, 20, 4), "r": normal(1, 20, 5)}))
    assert "see name_hidden_states" in find_inputs(model, layer_of(model, "r")).reason
    (name,) = name_hidden_states(model)
    assert find_inputs(model, layer_of(model, "r")).tensors == (name,)


def test_rows_of_a_table_are_counted():
    text = "t (int64[n, 3] i) => (float[n, 3, 4] y) { y = Gather (table, i) }"
    model = load(build(text, {"table": normal(5, 4)}))
    layer = layer_of(model, "table")
    counts = row_counts(Stages(model, {"i": np.array([[0, 1, 1], [4, -1, 1]])}), layer)
    np.testing.assert_array_equal(counts, [1, 3, 0, 0, 2])
    assert find_inputs(model, layer).reason == "its rows are looked up, not multiplied"


@pytest.mark.parametrize(
    "text, reason",
    [
        ("u (float[n, 4] x) => (float[n, 4] y) { y = Mul (x, w) }", "read by Mul as input 1"),
        ("u (float[n, 4] x) => (float[n, 4] y) { s = MatMul (w, w)  y = MatMul (x, s) }", "by a constant"),
        ("u (float[n, 4] x) => (float[n, 4] y) { a = Gemm (x, w)  y = Gemm <transB = 1> (a, w) }", "different axes"),
    ],
)
def test_what_cannot_be_seen_has_a_reason(text, reason):
    model = load(build(text, {"w": normal(4, 4)}), fold=False)
    found = find_inputs(model, layer_of(model, "w"))
    assert isinstance(found, Unseen) and reason in found.reason


def test_a_layer_inside_a_subgraph_has_a_reason():
    text = """s (float[n, 4] x, bool flag) => (float[n, 4] y) {
        y = If (flag) <
            then_branch = a () => (float[n, 4] p) { p = MatMul (x, w) },
            else_branch = b () => (float[n, 4] q) { q = Neg (x) }
        >
    }"""
    model = load(build(text, {"w": normal(4, 4)}))
    assert find_inputs(model, layer_of(model, "w")) == Unseen("read by MatMul inside a subgraph")
