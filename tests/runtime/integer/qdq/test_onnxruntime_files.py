"""What onnxruntime's quantizer writes runs as a program with onnxruntime's own answers, within a step."""

import numpy as np
import onnx
import pytest
from common.networks import build, normal
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.shape_inference import quant_pre_process

from attar.errors import ModelError
from attar.runtime.integer import run
from attar.runtime.integer.program import Convolution, Dense, MaxPool
from attar.runtime.integer.qdq import from_qdq

from ..test_networks import FASHION, prepared, random_network
from .quantized import LEVELS, answers, assert_agrees, differences, layer_differences, quantized

IMAGES = 300
INT8, UINT8, INT16, UINT16 = QuantType.QInt8, QuantType.QUInt8, QuantType.QInt16, QuantType.QUInt16
SYMMETRIC = {"ActivationSymmetric": True}
KINDS = {
    "int8 per channel": {"per_channel": True, "activation_type": INT8, "weight_type": INT8},
    "uint8 per tensor": {"activation_type": UINT8, "weight_type": INT8},
    "symmetric uint8 weights": {
        "activation_type": UINT8,
        "weight_type": UINT8,
        "extra_options": {"WeightSymmetric": True},
    },
    "reduced range": {"per_channel": True, "reduce_range": True, "activation_type": UINT8, "weight_type": INT8},
    "symmetric activations": {"activation_type": INT8, "weight_type": INT8, "extra_options": SYMMETRIC},
    "int16": {"per_channel": True, "activation_type": INT16, "weight_type": INT8},
    "uint16": {"activation_type": UINT16, "weight_type": INT8},
}
MOST_DIFFERENT = 0.12  # of the outputs: what 16 bits show of sums in float32; at 8 bits next to none


def assert_answers_as_onnxruntime(name, source, options, folder):
    _, samples, judged, _ = prepared(name)
    model = quantized(source, {"image": samples["image"][:100]}, folder, **options)
    program, feeds = from_qdq(model), {"image": judged.inputs["image"][:IMAGES]}
    assert_agrees(program, model, feeds)
    for level in LEVELS:
        assert np.mean(differences(program, model, feeds, level)["logits"] != 0) <= MOST_DIFFERENT
    ours, theirs = run(program, feeds).outputs["logits"], answers(model, feeds)["logits"]
    assert np.mean(ours.argmax(1) == theirs.argmax(1)) >= 0.99


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
def test_the_demo_networks_answer_as_in_onnxruntime(name, kind, tmp_path):
    assert_answers_as_onnxruntime(name, onnx.load(FASHION / f"{name}.onnx"), KINDS[kind], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["int8 per channel", "uint8 per tensor", "int16"])
def test_a_deeper_network_with_folded_norms(kind, tmp_path):
    folded = tmp_path / "folded.onnx"
    quant_pre_process(str(FASHION / "vgg_small.onnx"), str(folded), skip_symbolic_shape=True)
    assert_answers_as_onnxruntime("vgg_small", onnx.load(folded), KINDS[kind], tmp_path)


def test_the_integers_of_the_file_are_those_of_the_program(tmp_path):
    source = onnx.load(FASHION / "lenet5.onnx")
    samples = {"image": prepared("lenet5")[1]["image"][:20]}
    model = quantized(source, samples, tmp_path, **KINDS["int8 per channel"])
    program = from_qdq(model)
    held = {name: value.const_value.numpy() for name, value in model.graph.initializers.items()}
    first, last = program.operators[0], program.operators[-1]
    np.testing.assert_array_equal(first.weights, held["conv1.weight_quantized"])
    np.testing.assert_array_equal(first.bias, held["conv1.bias_quantized"])
    np.testing.assert_array_equal(last.bias, held["fc2.bias_quantized"])
    assert [type(operator) for operator in program.operators[:2]] == [Convolution, MaxPool]
    form = program.tensors["image"].format
    assert np.float32(form.scale) == held["image_scale"] and form.zero == held["image_zero_point"]
    assert program.outputs == ("logits",) and isinstance(last, Dense)


def test_asymmetric_weights_are_refused_by_name(tmp_path):
    source = build("net (float[n, 6] x) => (float[n, 4] y) { y = MatMul (x, w) }", {"w": normal(6, 4) + 1})
    options = {**KINDS["symmetric uint8 weights"], "extra_options": {"WeightSymmetric": False}}
    model = quantized(source, {"x": normal(9, 6)}, tmp_path, **options)
    with pytest.raises(
        ModelError, match=r"operator MatMul 'y.*': its weights 'w_.*' have zero point -[0-9]+, .*0 alone"
    ):
        from_qdq(model)


@given(st.integers(0, 2**32 - 1), st.sampled_from([INT8, UINT8]), st.booleans())
@settings(max_examples=12, deadline=None)
def test_random_networks(tmp_path_factory, seed, activations, per_channel):
    source, feeds = random_network(seed), {"x": normal(16, 3, 8, 8, seed=seed)}
    options = {"activation_type": activations, "weight_type": INT8, "per_channel": per_channel}
    assume(source.graph.node[0].op_type != "AveragePool")  # in front of all else the quantizer leaves it in float
    model = quantized(source, feeds, tmp_path_factory.mktemp("random"), **options)
    program = from_qdq(model)
    assert max(layer_differences(program, model, feeds).values()) <= 1
    wanted = answers(model, feeds)["y"]
    assert np.linalg.norm(run(program, feeds).outputs["y"] - wanted) <= 0.1 * np.linalg.norm(wanted)
