"""Normalizations get smaller, the network's outputs stay: wherever they stand, and whatever stands before them."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.graph import load, serialize, simplify_norms, survey

NORM = "BatchNormalization (a, s, b, m, v)"


def parameters(channels, *, dtype=np.float32, suffix="", seed=0):
    names = (f"{name}{suffix}" for name in "sbmv")
    values = (normal(channels, seed=seed + k) for k in range(4))
    made = dict(zip(names, values, strict=True))
    made[f"v{suffix}"] = np.square(made[f"v{suffix}"]) + 0.1
    return {name: array.astype(dtype) for name, array in made.items()}


def net(layer, weights, *, norm=NORM, x="float[n, 4, 6, 6]", y="float[n, 6, h, w]", **options):
    """One layer `a = ...` with a normalization behind it."""
    return build(f"net ({x} x) => ({y} y) {{ a = {layer}  y = {norm} }}", weights | parameters(6), **options)


def assert_equal(model, simplified, *, rtol=1e-4, atol=2e-5):
    onnx.checker.check_model(ir.to_proto(simplified), full_check=True)
    feeds = random_feeds(model)
    for before, after in zip(run(model, feeds), run(simplified, feeds), strict=True):
        np.testing.assert_allclose(after.astype(np.float64), before.astype(np.float64), rtol=rtol, atol=atol)


def numbers(model):
    """How many numbers are stored: tensors of one number throughout cost nothing."""
    arrays = [value.const_value.numpy() for value in model.graph.initializers.values()]
    return sum(array.size for array in arrays if np.ptp(array) != 0)


FOLDED = {
    "conv": net("Conv (x, w)", {"w": normal(6, 4, 3, 3)}),
    "conv with bias": net("Conv (x, w, c)", {"w": normal(6, 4, 3, 3), "c": normal(6, seed=9)}),
    "padded conv": net("Conv <pads = [1, 1, 1, 1]> (x, w)", {"w": normal(6, 4, 3, 3)}),
    "grouped conv": net("Conv <group = 2> (x, w)", {"w": normal(6, 2, 3, 3)}),
    "depthwise conv": net("Conv <group = 6> (x, w)", {"w": normal(6, 1, 3, 3)}, x="float[n, 6, 5, 5]"),
    "1-d conv": net("Conv (x, w)", {"w": normal(6, 4, 3)}, x="float[n, 4, 9]", y="float[n, 6, l]"),
    "transposed conv": net("ConvTranspose <strides = [2, 2]> (x, w)", {"w": normal(4, 6, 2, 2)}),
    "grouped transposed conv": net("ConvTranspose <group = 2> (x, w, c)", {"w": normal(4, 3, 2, 2), "c": normal(6)}),
    "gemm": net("Gemm (x, w)", {"w": normal(4, 6)}, x="float[n, 4]", y="float[n, 6]"),
    "turned gemm": net("Gemm <transB = 1> (x, w)", {"w": normal(6, 4)}, x="float[n, 4]", y="float[n, 6]"),
    "scaled gemm": net(
        "Gemm <alpha = 0.5, beta = 3.0> (x, w, c)",
        {"w": normal(4, 6), "c": normal(6, seed=9)},
        x="float[n, 4]",
        y="float[n, 6]",
    ),
    "gemm with one number for a bias": net(
        "Gemm (x, w, c)", {"w": normal(4, 6), "c": normal(1)}, x="float[n, 4]", y="float[n, 6]"
    ),
    "large epsilon": net("Conv (x, w)", {"w": normal(6, 4, 1, 1)}, norm=NORM.replace("(", "<epsilon = 0.5> (")),
    "opset 11": net("Conv (x, w)", {"w": normal(6, 4, 1, 1)}, opset=11, ir_version=6),
}


@pytest.mark.parametrize("proto", FOLDED.values(), ids=FOLDED)
def test_a_norm_behind_a_layer_goes_into_its_weights(proto):
    model = load(proto)
    result = simplify_norms(model)
    assert (result.folded, result.rewritten, result.left_alone) == ({"y": "w"}, (), {})
    assert "BatchNormalization" not in {node.op_type for node in result.model.graph}
    assert set(result.model.graph.initializers) == {"w", "c" if "c" in model.graph.initializers else "b"}
    assert_equal(model, result.model)


REWRITTEN = {
    "before a conv": build(
        """net (float[n, 6, 5, 5] x) => (float[n, 3, 5, 5] y) {
            a = Relu (x)  h = BatchNormalization (a, s, b, m, v)  y = Conv (h, w)
        }""",
        {"w": normal(3, 6, 1, 1)} | parameters(6),
    ),
    "behind an activation": build(
        """net (float[n, 4, 5, 5] x) => (float[n, 6, 5, 5] h) {
            c = Conv (x, w)  a = Relu (c)  h = BatchNormalization (a, s, b, m, v)
        }""",
        {"w": normal(6, 4, 1, 1)} | parameters(6),
    ),
    "behind a layer with another reader": build(
        """net (float[n, 4, 5, 5] x) => (float[n, 6, 5, 5] y) {
            a = Conv (x, w)  h = BatchNormalization (a, s, b, m, v)  y = Add (a, h)
        }""",
        {"w": normal(6, 4, 1, 1)} | parameters(6),
    ),
    "behind a layer that is an output": build(
        """net (float[n, 4, 5, 5] x) => (float[n, 6, 5, 5] h, float[n, 6, 5, 5] a) {
            a = Conv (x, w)  h = BatchNormalization (a, s, b, m, v)
        }""",
        {"w": normal(6, 4, 1, 1)} | parameters(6),
    ),
    "behind weights that another layer reads": build(
        """net (float[n, 6, 5, 5] x) => (float[n, 6, 5, 5] y) {
            a = Conv (x, w)  h = BatchNormalization (a, s, b, m, v)  y = Conv (h, w)
        }""",
        {"w": normal(6, 6, 1, 1)} | parameters(6),
    ),
    "behind weights that are computed": build(
        """net (float[n, 4, 5, 5] x) => (float[n, 6, 5, 5] h) {
            u = Softplus (w)  a = Conv (x, u)  h = BatchNormalization (a, s, b, m, v)
        }""",
        {"w": normal(6, 4, 1, 1)} | parameters(6),
    ),
    "behind a bias that is an input": build(
        """net (float[n, 4, 5, 5] x, float[6] c) => (float[n, 6, 5, 5] h) {
            a = Conv (x, w, c)  h = BatchNormalization (a, s, b, m, v)
        }""",
        {"w": normal(6, 4, 1, 1)} | parameters(6),
    ),
    "behind a bias for every row": build(
        """net (float[6, 4] x) => (float[6, 6] h) {
            a = Gemm (x, w, c)  h = BatchNormalization (a, s, b, m, v)
        }""",
        {"w": normal(4, 6), "c": normal(6, 1)} | parameters(6),
    ),
    "behind a matmul": build(
        "net (float[n, 4] x) => (float[n, 6] h) { a = MatMul (x, w)  h = BatchNormalization (a, s, b, m, v) }",
        {"w": normal(4, 6)} | parameters(6),
    ),
    "float64": build(
        "net (double[n, 6] x) => (double[n, 6] h) { h = BatchNormalization (x, s, b, m, v) }",
        parameters(6, dtype=np.float64),
    ),
}


@pytest.mark.parametrize("proto", REWRITTEN.values(), ids=REWRITTEN)
def test_any_other_norm_stores_two_tensors(proto):
    model = load(proto)
    result = simplify_norms(model)
    assert (result.folded, result.rewritten, result.left_alone) == ({}, ("h",), {})
    assert numbers(model) - numbers(result.model) == 2 * 6
    assert_equal(model, result.model)


def test_a_rewritten_norm_divides_by_one_in_every_type():
    for dtype in (ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.FLOAT, ir.DataType.DOUBLE):
        model = load(REWRITTEN["before a conv"])
        for value in model.graph.initializers.values():
            value.const_value = ir.tensor(value.const_value.numpy().astype(dtype.numpy()), dtype=dtype)
            value.dtype = dtype
        changed = simplify_norms(model).model.graph
        norm = changed.node(1)
        variance = norm.inputs[4].const_value
        assert variance.dtype == dtype
        assert variance.numpy()[0].astype(np.float64) + norm.attributes["epsilon"].as_float() == 1


LEFT = {
    "in training mode": build(
        """net (float[n, 6, 5, 5] x) => (float[n, 6, 5, 5] y) {
            y, rm, rv = BatchNormalization <training_mode = 1> (x, s, b, m, v)
        }""",
        parameters(6),
    ),
    "its parameters are not constant": build(
        "net (float[n, 6, 5, 5] x, float[6] s) => (float[n, 6, 5, 5] y) { y = BatchNormalization (x, s, b, m, v) }",
        {name: values for name, values in parameters(6).items() if name != "s"},
    ),
    "some of its channels are not finite": build(
        "net (float[n, 6, 5, 5] x) => (float[n, 6, 5, 5] y) { y = BatchNormalization (x, s, b, m, v) }",
        parameters(6) | {"v": np.full(6, -1, np.float32)},
    ),
    "its mean and variance hold one number each already": build(
        "net (float[n, 6, 5, 5] x) => (float[n, 6, 5, 5] y) { y = BatchNormalization (x, s, b, m, v) }",
        parameters(6) | {"m": np.zeros(6, np.float32), "v": np.ones(6, np.float32)},
    ),
    "its scale is too large for its type": build(
        "net (float16[n, 6] x) => (float16[n, 6] y) { y = BatchNormalization <epsilon = 0.0> (x, s, b, m, v) }",
        parameters(6, dtype=np.float16)
        | {"v": np.linspace(1e-7, 2e-7, 6).astype(np.float16), "s": np.full(6, 600, "e")},
    ),
}


@pytest.mark.parametrize("reason", LEFT)
def test_what_cannot_be_simplified_stays_for_a_reason(reason):
    model = load(LEFT[reason])
    result = simplify_norms(model)
    assert (result.folded, result.rewritten, result.left_alone) == ({}, (), {"y": reason})
    assert serialize(result.model) == serialize(model)


def test_an_old_norm_with_outputs_of_training_is_left_alone():
    model = load(net("Conv (x, w)", {"w": normal(6, 4, 1, 1)}, opset=9, ir_version=4))
    norm = model.graph.node(1)
    norm.resize_outputs(3)
    norm.outputs[1].name = "running"
    model.graph.outputs.append(norm.outputs[1])
    assert simplify_norms(model).left_alone == {"y": "in training mode"}


def test_an_old_norm_that_is_not_per_channel_is_left_alone():
    model = load(net("Conv (x, w)", {"w": normal(6, 4, 1, 1)}, opset=9, ir_version=4))
    model.graph.node(1).attributes["spatial"] = ir.AttrInt64("spatial", 0)
    assert simplify_norms(model).left_alone == {"y": "not per channel"}


def test_norms_that_share_their_parameters_are_left_alone():
    model = load(
        build(
            """net (float[n, 4, 5, 5] x) => (float[n, 6, 5, 5] y, float[n, 6, 5, 5] z) {
                a = Conv (x, w)  y = BatchNormalization (a, s, b, m, v)
                c = Conv (x, u)  z = BatchNormalization (c, t, b, d, e)
            }""",
            {"w": normal(6, 4, 1, 1), "u": normal(6, 4, 1, 1, seed=1), "t": normal(6), "d": normal(6)}
            | {"e": np.ones(6, np.float32)}
            | parameters(6),
        )
    )
    result = simplify_norms(model)
    assert set(result.left_alone.values()) == {"its parameters are read elsewhere too"}
    assert serialize(result.model) == serialize(model)


def test_two_norms_in_a_row_go_into_one_layer():
    model = load(
        build(
            """net (float[n, 4, 5, 5] x) => (float[n, 6, 5, 5] y) {
                a = Conv (x, w)  h = BatchNormalization (a, s, b, m, v)  y = BatchNormalization (h, s1, b1, m1, v1)
            }""",
            {"w": normal(6, 4, 1, 1)} | parameters(6) | parameters(6, suffix="1", seed=7),
        )
    )
    result = simplify_norms(model)
    assert result.folded == {"h": "w", "y": "w"} and set(result.model.graph.initializers) == {"w", "b"}
    assert_equal(model, result.model)


def test_a_bias_that_two_layers_read_is_not_changed_for_one():
    model = load(
        build(
            """net (float[n, 4, 5, 5] x) => (float[n, 6, 5, 5] y, float[n, 6, 5, 5] z) {
                a = Conv (x, w, c)  y = BatchNormalization (a, s, b, m, v)  z = Conv (x, u, c)
            }""",
            {"w": normal(6, 4, 1, 1), "u": normal(6, 4, 1, 1, seed=1), "c": normal(6, seed=9)} | parameters(6),
        )
    )
    result = simplify_norms(model)
    assert result.folded == {"y": "w"} and "c" in result.model.graph.initializers
    assert_equal(model, result.model)


def test_a_norm_inside_a_branch_is_folded_there():
    model = load(
        build(
            """net (float[n, 4, 5, 5] x, bool flag) => (float[n, 6, 5, 5] y) {
                y = If (flag) <
                    then_branch = yes () => (float[n, 6, 5, 5] t) {
                        a = Conv (x, w)  t = BatchNormalization (a, s, b, m, v)
                    },
                    else_branch = no () => (float[n, 6, 5, 5] e) { e = Conv (x, u) }
                >
            }""",
            {"w": normal(6, 4, 1, 1), "u": normal(6, 4, 1, 1, seed=1)} | parameters(6),
        )
    )
    result = simplify_norms(model)
    assert result.folded == {"t": "w"}
    assert_equal(model, result.model)


def test_parameters_that_callers_could_override_are_no_inputs_any_more():
    proto = net("Conv (x, w)", {"w": normal(6, 4, 1, 1)})
    types = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [6]) for name in "sbmv"]
    proto.graph.input.extend(types)
    model = load(proto)
    result = simplify_norms(model)
    assert [value.name for value in result.model.graph.inputs] == ["x", "b"]
    assert_equal(model, result.model)


def test_half_precision_keeps_its_type():
    weights = {"w": normal(6, 4, 1, 1, dtype=np.float16)} | parameters(6, dtype=np.float16)
    text = f"net (float16[n, 4, 3, 3] x) => (float16[n, 6, 3, 3] y) {{ a = Conv (x, w)  y = {NORM} }}"
    model = load(build(text, weights))
    result = simplify_norms(model)
    assert {value.dtype for value in result.model.graph.initializers.values()} == {ir.DataType.FLOAT16}
    assert_equal(model, result.model, rtol=2e-2, atol=2e-2)


def test_the_bias_of_a_folded_norm_is_where_the_output_is_shifted():
    (layer,) = survey(simplify_norms(load(networks.conv_norm())).model).layers
    assert (layer.offset.name, layer.offset.sign) == ("shift", 1)


@pytest.mark.parametrize("builder", networks.NETWORKS.values(), ids=networks.NETWORKS)
def test_every_network_computes_what_it_did_and_is_not_changed(builder):
    model = load(builder())
    before = serialize(model)
    result = simplify_norms(model)
    assert serialize(model) == before
    assert_equal(model, result.model)
    again = simplify_norms(result.model)
    assert not again.folded and not again.rewritten


@st.composite
def layers(draw):
    """Any one of the three operators with any group, bias and epsilon."""
    groups, inputs, outputs, taps = (draw(st.integers(1, 3)) for _ in range(4))
    biased, turned = draw(st.booleans()), draw(st.integers(0, 1))
    op = draw(st.sampled_from(["Conv", "ConvTranspose", "Gemm"]))
    channels, data = outputs * groups, inputs * groups
    shape, extent, attributes = {
        "Conv": ((channels, inputs, taps), ", 4", f"group = {groups}"),
        "ConvTranspose": ((data, outputs, taps), ", 4", f"group = {groups}"),
        "Gemm": ((channels, data) if turned else (data, channels), "", f"transB = {turned}, alpha = 0.7, beta = 0.3"),
    }[op]
    norm = f"BatchNormalization <epsilon = {draw(st.sampled_from(['0.00001', '0.1']))}> (a, s, b, m, v)"
    text = f"""net (float[n, {data}{extent}] x) => (float[n, {channels}{extent and ", l"}] y) {{
        a = {op} <{attributes}> (x, w{", c" if biased else ""})  y = {norm}
    }}"""
    bias = {"c": normal(channels, seed=5)} if biased else {}
    return build(text, {"w": normal(*shape)} | bias | parameters(channels))


@settings(max_examples=60, deadline=None)
@given(layers())
def test_any_layer_takes_its_norm_in(proto):
    model = load(proto)
    result = simplify_norms(model)
    assert result.folded == {"y": "w"}
    assert_equal(model, result.model)
