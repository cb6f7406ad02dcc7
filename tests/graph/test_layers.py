"""Every initializer is either a layer, with its facts right, or left alone for a reason that names the operator."""

import numpy as np
import onnx_ir as ir
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run

from attar.graph import load, survey
from attar.graph.layers import Offset
from attar.graph.readings import Unseen, only_reading, readings


def layers_of(proto):
    return {layer.name: layer for layer in survey(load(proto)).layers}


def reasons_of(proto):
    return {alone.name: alone.reason for alone in survey(load(proto)).left_alone}


@pytest.mark.parametrize("builder", networks.NETWORKS.values(), ids=networks.NETWORKS)
def test_every_initializer_is_listed_exactly_once(builder):
    model = load(builder())
    found = survey(model)
    names = [entry.name for entry in (*found.layers, *found.left_alone)]
    assert sorted(names) == sorted(model.graph.initializers)


@pytest.mark.parametrize("builder", networks.NETWORKS.values(), ids=networks.NETWORKS)
def test_the_channel_axis_is_the_one_along_which_weights_and_outputs_go_together(builder):
    """Zero weights of one channel change the layer's output in that channel alone."""
    model = load(builder())
    for layer in survey(model).layers:
        # The gates of recurrent layers mix their channels.
        if isinstance(readings(model, layer.name), Unseen) or layer.role in ("left_matrix", "recurrent"):
            continue
        values = model.graph.initializers[layer.name].const_value.numpy().copy()
        np.moveaxis(values, layer.channel_axis, 0)[0] = 0
        changed = model.clone()
        changed.graph.initializers[layer.name].const_value = ir.tensor(values)
        outputs = [m.graph.initializers[layer.name].uses()[0].node.outputs[0].name for m in (model,)]
        feeds = random_feeds(model)
        before, after = (run(_with_output(m, outputs[0]), feeds)[0] for m in (model, changed))
        axis = 1 if layer.op_type in ("Conv", "ConvTranspose") else before.ndim - 1
        touched = np.moveaxis(before != after, axis, 0)
        assert touched[0].any() and not touched[1:].any()


def _with_output(model, name):
    from attar.graph.expose import expose

    return expose(model, [name])


def test_roles_tell_matrices_on_the_right_from_all_else():
    roles = {name: layer.role for name, layer in layers_of(networks.matmul()).items()}
    assert roles == {"shared_by_heads": "matrix", "of_heads": "convolution", "left": "left_matrix"}


def test_groups_are_those_of_the_convolution():
    assert [layer.groups for layer in layers_of(networks.grouped_conv()).values()] == [2, 6]


def test_weights_read_twice_along_one_axis_are_one_layer():
    assert len(layers_of(networks.shared())["twice"].nodes) == 2


@pytest.mark.parametrize(
    "builder, name, reason",
    [
        (networks.detector, "lstm_b", "bias of LSTM"),
        (networks.detector, "scales", "bias, norm statistics or constant of Resize"),
        (networks.detector, "to_rows", "int64 values are not weights"),
        (networks.conv_norm, "scale", "bias, norm statistics or constant of BatchNormalization"),
    ],
)
def test_what_is_left_alone_has_its_reason(builder, name, reason):
    assert reasons_of(builder())[name] == reason


def test_weights_that_are_not_finite_are_left_alone():
    proto = networks.gemm()
    values = normal(16, 12)
    values[0, :2] = np.inf, -np.inf
    proto.graph.initializer[0].raw_data = values.tobytes()
    assert reasons_of(proto)["w"] == "2 of its values are infinite"


def test_weights_without_values_are_left_alone():
    empty = build("e (float[n, 4] x) => (float[n, 0] y) { y = MatMul (x, w) }", {"w": normal(4, 0)})
    assert reasons_of(empty)["w"] == "holds no values"


def test_weights_that_are_an_output_too_are_left_alone():
    both = build("b (float[n, 4] x) => (float[n, 3] y, float[4, 3] w) { y = MatMul (x, w) }", {"w": normal(4, 3)})
    assert reasons_of(both)["w"] == "an output of the network too"


def test_an_initializer_that_nothing_reads_is_left_alone():
    idle = build("i (float[n, 4] x) => (float[n, 4] y) { y = Relu (x) }", {"w": normal(4, 3)})
    assert reasons_of(idle)["w"] == "no operator reads it"


def test_operators_of_other_domains_are_not_ours():
    model = load(networks.gemm())
    next(iter(model.graph)).domain = "com.example"
    assert survey(model).layers == ()


def test_a_bias_is_where_an_output_is_shifted():
    layers = layers_of(networks.conv_net())
    assert [layers[n].offset for n in ("point", "fc")] == [Offset("point_bias", 1), Offset("fc_bias", 1)]


def test_the_mean_of_a_batch_normalization_behind_is_where_an_output_is_shifted_back():
    assert layers_of(networks.conv_norm())["point"].offset == Offset("mean", -1)


@pytest.mark.parametrize("rows", [3, 5])
def test_a_normalization_of_rows_is_not_one_of_a_matrixs_channels(rows):
    """It goes by axis 1, the matrix's outputs lie along axis 2; that both may have as many tells nothing."""
    net = f"""t (float[n, {rows}, 4] x) => (float[n, {rows}, 3] y) {{
        h = MatMul (x, w)  y = BatchNormalization (h, g, b, m, v)
    }}"""
    tensors = {name: normal(rows) for name in "gbm"} | {"v": np.ones(rows, np.float32), "w": normal(4, 3)}
    assert layers_of(build(net, tensors))["w"].offset is None


def test_weights_on_the_left_have_no_bias_for_each_of_their_rows():
    net = build("t (float[4, n] x) => (float[3, n] y) { y = Gemm (w, x, b) }", {"w": normal(3, 4), "b": normal(3)})
    assert layers_of(net)["w"].offset is None


@pytest.mark.parametrize("attributes", [", alpha = 0.5", ", beta = 0.5"])
def test_a_scaled_gemm_has_no_place_for_a_shift(attributes):
    assert layers_of(networks.gemm(attributes=attributes))["w"].offset is None


def test_a_bias_of_one_number_has_no_place_for_a_shift_per_channel():
    one = build("o (float[n, 4] x) => (float[n, 3] y) { y = Gemm (x, w, b) }", {"w": normal(4, 3), "b": normal(1)})
    assert layers_of(one)["w"].offset is None


def test_a_bias_that_two_layers_read_belongs_to_neither():
    two = build(
        "t (float[n, 4] x) => (float[n, 4] y) { h = Gemm (x, v, b)  y = Gemm (h, w, b) }",
        {"v": normal(4, 4), "w": normal(4, 4, seed=1), "b": normal(4)},
    )
    assert [layer.offset for layer in layers_of(two).values()] == [None, None]


def test_a_normalization_beside_another_reader_does_not_count():
    beside = build(
        """b (float[n, 3, 2, 2] x) => (float[n, 3, 2, 2] y, float[n, 3, 2, 2] z) {
            a = Conv (x, w)  y = BatchNormalization (a, s, b, m, v)  z = Relu (a)
        }""",
        {"w": normal(3, 3, 1, 1), "s": normal(3), "b": normal(3), "m": normal(3), "v": np.ones(3, np.float32)},
    )
    assert layers_of(beside)["w"].offset is None


def only_readings(proto):
    """Return the tensor that each layer with one operator multiplies."""
    model = load(proto)
    found = {layer.name: only_reading(model, layer) for layer in survey(model).layers}
    return {name: reading.tensor for name, reading in found.items() if reading is not None}


def test_only_readings_are_of_the_tensors_that_weights_multiply():
    assert only_readings(networks.conv_net()) == {"point": "x", "square": "b", "fc": "e"}


def test_layers_whose_inputs_are_not_samples_by_features_have_none():
    turned = build("t (float[4, 5] x) => (float[5, 3] y) { y = Gemm <transA = 1> (x, w) }", {"w": normal(4, 3)})
    assert only_readings(turned) == {}
    assert "left" not in only_readings(networks.matmul())
    assert only_readings(networks.shared()) == {}
