"""Which layers take part, what is left alone and why, and where a network is cut."""

import numpy as np
import pytest

import attar

from . import nets


def untouched(result, network):
    """Names of initializers that came through bit for bit."""
    original = nets.weights(network)
    return {n for n, v in result.file.tensors() if n in original and np.array_equal(v, original[n])}


def reasons(result):
    return {name: reason for name, _, reason in result.report.left_alone}


@pytest.mark.parametrize(
    ("patterns", "treated"),
    [
        ({"only": ["fc1_weight"]}, {"fc1_weight"}),
        ({"only": ["fc*"]}, {"fc1_weight", "fc2_weight"}),
        ({"exclude": ["conv*"]}, {"fc1_weight", "fc2_weight"}),
        ({"only": ["*_weight"], "exclude": ["fc?_*"]}, {"conv_weight"}),
        ({"exclude": ["*"]}, set()),
    ],
)
@pytest.mark.parametrize("recipe", ["int8", nets.BITS], ids=["fixed", "searched"])
def test_only_and_exclude(network, labelled, patterns, treated, recipe):
    result = attar.compress(network, data=labelled, recipe=recipe, max_error=5, **patterns)
    assert set(result.report.plan) == treated
    assert untouched(result, network) == set(nets.weights(network)) - treated
    for name in {"conv_weight", "fc1_weight", "fc2_weight"} - treated:
        assert reasons(result)[name] in ("not among --only", "named by --exclude")


def test_a_pattern_without_a_match(network):
    with pytest.raises(attar.ModelError, match=r"no layer matches 'fc9\*'; the network has conv_weight, fc1_weight"):
        attar.compress(network, recipe="int8", only=["fc9*"])


def bracketed():
    """Layers whose names are patterns too: "fc[0].w" as a pattern means "fc0.w"."""
    text = """<ir_version: 10, opset_import: ["" : 21]> g (float[n, 6] x) => (float[n, 3] y)
              { a = MatMul (x, p) b = MatMul (a, q) y = MatMul (b, r) }"""
    net = nets.model(text, {"p": (6, 8), "q": (8, 7), "r": (7, 3)}, seed=0)
    names = {"p": "fc[0].w", "q": "fc0.w", "r": "fc[1].w"}
    for tensor in net.graph.initializer:
        tensor.name = names[tensor.name]
    for node in net.graph.node:
        node.input[1] = names[node.input[1]]
    return net


@pytest.mark.parametrize(
    ("patterns", "treated"),
    [
        ({"only": "fc[0].w"}, {"fc[0].w"}),
        ({"exclude": "fc[0].w"}, {"fc0.w", "fc[1].w"}),
        ({"exclude": ["fc[[]1].w"]}, {"fc[0].w", "fc0.w"}),
        ({"only": ["fc[0-9].w"]}, {"fc0.w"}),
        ({"only": ["fc[1].w", "fc[0].w"], "exclude": ["fc[1].w"]}, {"fc[0].w"}),
    ],
)
def test_a_name_with_brackets_is_taken_as_that_name(patterns, treated):
    assert set(attar.compress(bracketed(), recipe="int8", **patterns).report.plan) == treated


def test_a_pattern_with_brackets_that_matches_nothing_says_what_they_mean():
    with pytest.raises(attar.ModelError, match=r"no layer matches 'fc\[2\].w'.*\[\[\] a bracket"):
        attar.compress(bracketed(), recipe="int8", only=["fc[2].w"])


def test_a_name_that_is_no_layer_is_said_with_its_reason(network):
    with pytest.raises(attar.ModelError, match="'fc1_bias' is no layer that attar changes: bias"):
        attar.compress(network, recipe="int8", exclude=["fc1_bias"])


def test_a_network_without_weights():
    net = nets.model(
        '<ir_version: 10, opset_import: ["" : 21]> g (float[n, 2] x) => (float[n, 2] y) { y = Relu (x) }', {}, seed=0
    )
    with pytest.raises(attar.ModelError, match="no layer with weights that attar can change"):
        attar.compress(net, recipe="int8")


@pytest.mark.parametrize("recipe", ["int8", "default", "candidates", "deep_compression"])
def test_every_initializer_is_changed_or_listed_with_a_reason(network, labelled, recipe):
    result = attar.compress(network, data=labelled, recipe=recipe, max_drop=10, time_limit=2)
    changed = {change.name for change in result.report.changes}
    assert changed | set(reasons(result)) >= {"conv_weight", "fc1_weight", "fc2_weight"}
    assert not changed & set(reasons(result))
    assert all(reasons(result).values())


def test_what_is_said_to_be_left_alone_is_bit_for_bit_as_it_was(network, labelled):
    recipe = {
        "version": 1,
        "steps": [{"technique": "quantize.uniform", "bits": 3}, {"technique": "quantize.bias_correction"}],
    }
    result = attar.compress(network, data=labelled, recipe=recipe)
    assert set(reasons(result)) == untouched(result, network)


def test_cut_at_an_inner_tensor(network):
    x = nets.images(20)
    result = attar.compress(network, data=x, outputs=["features"], max_error=5, recipe=nets.BITS)
    opened = attar.open(result.data)
    assert opened.session.outputs == ("features",)
    assert opened(x)["features"].shape == (20, 24)
    assert "fc2_weight" not in {entry.name for entry in result.file.entries}


def test_cut_at_an_unknown_tensor(network):
    with pytest.raises(attar.ModelError, match=r"no tensor 'feature' to cut at.*near it: features"):
        attar.compress(network, outputs=["feature"], recipe="int8")


def test_unknown_operators_come_through_with_known_layers_compressed():
    net = nets.with_unknown_operators()
    x = nets.images(40)
    result = attar.compress(net, data=x, max_error=5, recipe=nets.BITS)
    assert result.met
    treated = {"conv_weight", "fc_weight", "lstm_w", "lstm_r"}
    assert set(result.report.plan) == treated
    assert untouched(result, net) == set(nets.weights(net)) - treated
    assert reasons(result)["lstm_b"] == "bias of LSTM"
    model = attar.open(result.data).model
    assert {"LSTM", "Resize", "NonMaxSuppression"} <= {node.op_type for node in model.graph}


def test_a_compressed_model_compresses_again(network, labelled, result):
    import onnx

    from attar.export import to_onnx

    once = onnx.load_from_string(to_onnx(result.file))
    again = attar.compress(once, data=labelled, max_drop=5, recipe=nets.BITS)
    assert again.met and again.size_bytes <= result.size_bytes + 100
    lossless = attar.compress(once, data=labelled, plan={})
    assert lossless.measurement.relative_error == 0
    assert abs(lossless.size_bytes - result.size_bytes) < 300


def test_metadata_travels_with_the_network(labelled):
    net = nets.classifier()
    net.metadata_props.add(key="class_names", value='["a", "b", "c", "d"]')
    net.metadata_props.add(key="preprocessing", value='{"rescale_factor": 0.5}')
    file = attar.compress(net, recipe="int8").file
    assert file.class_names == ["a", "b", "c", "d"] and file.preprocessing == {"rescale_factor": 0.5}
