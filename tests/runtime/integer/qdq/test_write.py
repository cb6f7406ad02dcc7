"""What `to_qdq` writes is standard ONNX, answers as the oracle within a step a layer, and reads back as it was."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from common.networks import build, normal
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.graph import load
from attar.runtime import Session
from attar.runtime.integer import Affine, FixedPoint, KeepSign, MinMax, calibrate, lower, run
from attar.runtime.integer.qdq import from_qdq, to_qdq
from attar.runtime.integer.qdq.biases import numbers_of, stored

from ..beside_float import one
from ..test_networks import prepared, random_network
from .equal import assert_same_program, without_signs
from .quantized import LEVELS, answers, assert_agrees, differences, layer_differences

IMAGES = 300
SCHEMES = (Affine(), FixedPoint(), FixedPoint(non_negative=KeepSign()), Affine(16), Affine(4, 4), FixedPoint(5, 5))
SCHEMES += (FixedPoint(12, 12), Affine(7, 3), Affine(2, 2), FixedPoint(3, 16))
WIDE = "weight_bits", "accumulator_bits"  # of weights that use fewer bits than they were given


def checked(model: ir.Model) -> ir.Model:
    """Check a model with ONNX's own checker, and that a session opens on it."""
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    Session(model, threads=1)
    return model


def written(proto: onnx.ModelProto, feeds: dict, scheme):
    """Return the program of a network calibrated on `feeds`, and the same as a QDQ model."""
    model = load(proto)
    formats = calibrate(model, feeds, scheme, method=MinMax(), threads=1)
    return lower(model, formats, scheme), checked(to_qdq(model, formats, scheme))


DEEPER = [pytest.param("vgg_small", scheme, marks=pytest.mark.slow) for scheme in SCHEMES[:2]]


@pytest.mark.parametrize(
    ("name", "scheme"), [(name, scheme) for name in ("lenet_300_100", "lenet5") for scheme in SCHEMES] + DEEPER, ids=str
)
def test_the_demo_networks_answer_as_the_oracle_and_come_back(name, scheme):
    network, samples, judged, _ = prepared(name)
    formats = calibrate(network, samples, scheme, threads=1)
    program, model = lower(network, formats, scheme), checked(to_qdq(network, formats, scheme))
    feeds = {"image": judged.inputs["image"][:IMAGES]}
    ours = run(program, feeds).outputs["logits"].argmax(1)
    coarse = min(tensor.format.bits for tensor in program.tensors.values()) < 8
    for level in LEVELS:
        theirs = answers(model, feeds, level)["logits"].argmax(1)
        assert np.mean(ours == theirs) >= (0.93 if coarse else 0.99)  # a step of 5 bits changes many an answer
        assert np.abs(differences(program, model, feeds, level)["logits"]).max() <= (3 if name == "vgg_small" else 1)
    assert max(layer_differences(program, model, {"image": feeds["image"][:50]}).values()) <= 1
    assert_same_program(from_qdq(model), without_signs(program), but=WIDE if scheme.weight_bits > 4 else ())


@given(st.integers(0, 2**32 - 1), st.sampled_from([scheme for scheme in SCHEMES if scheme.activation_bits <= 12]))
@settings(max_examples=20, deadline=None)
def test_random_networks_come_back(seed, scheme):
    program, model = written(random_network(seed), {"x": normal(8, 3, 8, 8, seed=seed)}, scheme)
    assert_same_program(from_qdq(model), without_signs(program), but=WIDE)
    assert max(layer_differences(program, model, {"x": normal(8, 3, 8, 8, seed=seed + 1)}).values()) <= 1


def test_the_softmax_at_the_end_is_there_again():
    proto = build("net (float[n, 6] x) => (float[n, 4] y) { h = MatMul (x, w)  y = Softmax (h) }", {"w": normal(6, 4)})
    program, model = written(proto, {"x": normal(20, 6)}, Affine())
    assert program.outputs == ("h",) and [value.name for value in model.graph.outputs] == ["y"]
    found = answers(model, {"x": normal(9, 6)})["y"]
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert_same_program(from_qdq(model), without_signs(program))


def test_the_batch_stays_free_and_fixed_as_it_was():
    for batch, extent in (("n", "n"), ("3", 3)):
        proto = build(
            f"net (float[{batch}, 6] x) => (float[{batch}, 4] y) {{ y = MatMul (x, w) }}", {"w": normal(6, 4)}
        )
        _, model = written(proto, {"x": normal(3, 6)}, Affine())
        assert [str(value.shape[0]) for value in (*model.graph.inputs, *model.graph.outputs)] == [str(extent)] * 2


def test_an_old_opset_is_converted_as_far_as_needed():
    text = "y = Conv (x, w)"
    for scheme, opset in ((Affine(), 13), (Affine(4, 8), 13), (Affine(8, 4), 21), (Affine(16), 21)):
        proto = one(text, "2, 4, 4", "3, 2, 2", {"w": normal(3, 2, 3, 3)}, opset=9)
        feeds = {"x": normal(8, 2, 4, 4)}
        program, model = written(proto, feeds, scheme)
        assert model.opset_imports[""] == opset
        assert_agrees(program, model, feeds)
        assert_same_program(from_qdq(model), without_signs(program), but=WIDE)


def test_types_are_the_least_that_hold_the_widths():
    proto = one("h = MatMul (x, w)  y = MatMul (h, v)", "6", "5", {"w": normal(6, 4), "v": normal(4, 5)})
    bits = {"x": 4, "h": 7, "y": 12}
    _, model = written(proto, {"x": normal(50, 6)}, FixedPoint(bits, {"w": 3, "v": 11}))
    types = {name: value.dtype for name, value in model.graph.initializers.items()}
    assert types["x/zero"] == ir.DataType.UINT8 and types["h/zero"] == ir.DataType.UINT8
    assert types["y/zero"] == ir.DataType.UINT16
    assert types["w/integers"] == ir.DataType.INT4 and types["v/integers"] == ir.DataType.INT16
    clips = [node.inputs[0].name for node in model.graph if node.op_type == "Clip"]
    assert clips == ["x", "h", "y/float"]


@pytest.mark.parametrize("scheme", [Affine(), FixedPoint(5, 8), Affine(16), Affine(4, 4)], ids=str)
def test_activations_are_unsigned_unless_their_signs_are_wanted(scheme):
    """Either file has the numbers of the program, bit for bit; the second its integers too."""
    proto = one("h = MatMul (x, w)  y = MatMul (h, v)", "6", "5", {"w": normal(6, 4), "v": normal(4, 5)})
    model, inputs = load(proto), {"x": normal(50, 6)}
    formats = calibrate(model, inputs, scheme, threads=1)
    program, feeds = lower(model, formats, scheme), {"x": 3 * normal(500, 6, seed=1)}
    assert all(tensor.format.signed for tensor in program.tensors.values())
    signed = checked(to_qdq(model, formats, scheme, unsigned=False))
    assert_same_program(from_qdq(signed), program, but=WIDE)
    for name, values in run(program, feeds).outputs.items():
        for written_model in (signed, to_qdq(model, formats, scheme)):
            np.testing.assert_array_equal(run(from_qdq(written_model), feeds).outputs[name], values)
    types = {value.dtype for name, value in signed.graph.initializers.items() if name.endswith("/zero")}
    assert types == {ir.DataType.INT16 if scheme == Affine(16) else ir.DataType.INT8}


def test_integers_stay_within_their_width_in_onnxruntime():
    """Of inputs far beyond what the formats cover."""
    proto = one("r = Relu (x)  y = MatMul (r, w)", "6", "4", {"w": normal(6, 4)})
    model, scheme = load(proto), Affine(5, 8)
    program = lower(model, calibrate(model, {"x": normal(50, 6)}, scheme, threads=1), scheme)
    _, qdq = written(proto, {"x": normal(50, 6)}, scheme)
    assert program.tensors["x"].format.bits == 5
    assert_agrees(program, qdq, {"x": 40 * normal(200, 6)})


def test_weights_that_were_given_are_written_as_they_are():
    integers, steps = np.arange(-12, 12).reshape(6, 4), np.array([0.5, 0.25, 0.3, 1.0], np.float32)
    proto = one("y = Gemm (x, w, b)", "6", "4", {"w": (integers * steps).astype(np.float32), "b": normal(4)})
    model, given_weights = load(proto), {"w": (integers, steps)}
    formats = calibrate(model, {"x": normal(50, 6)}, Affine(), kept=given_weights, threads=1)
    written_model = checked(to_qdq(model, formats, Affine(), weights=given_weights))
    held = written_model.graph.initializers["w/integers"].const_value.numpy()
    np.testing.assert_array_equal(held, integers)
    program = lower(model, formats, Affine(), weights=given_weights)
    assert_same_program(from_qdq(written_model), without_signs(program))


def test_weights_that_two_layers_share_have_the_integers_of_each():
    text = "a = Gemm <transB = 1> (x, w)  r = Relu (a)  b = MatMul (r, w)  y = Add (b, k)"
    proto = one(text, "5", "5", {"w": normal(5, 5), "k": 1e6 * normal(5)})
    program, model = written(proto, {"x": normal(50, 5)}, Affine())
    assert not np.array_equal(program.operators[0].weights, program.operators[-1].weights.T)
    but = ("source",)  # in the file each has weights of its own
    assert_same_program(from_qdq(model), without_signs(program), but=but)


BIASED = ["y = Gemm <alpha = 0.7, beta = 1.5> (x, w, b)", "y = Gemm (x, w, b)", "h = MatMul (x, w)  y = Add (b, h)"]
BIASED += ["h = MatMul (x, w)  y = Add (h, b)", "h = MatMul (x, w)  y = Relu (h)"]


@pytest.mark.parametrize("case", BIASED)
@pytest.mark.parametrize("scheme", [Affine(), FixedPoint(16, 16)], ids=str)
def test_biases_come_back(case, scheme):
    """Those beyond int32, which 64-bit accumulators have, to a few units."""
    tensors = {"w": normal(6, 4), "b": 100 * normal(4)}
    proto = one(case, "6", "4", {name: values for name, values in tensors.items() if name in case.replace("(", " ")})
    program, model = written(proto, {"x": normal(50, 6)}, scheme)
    back, is_wide = from_qdq(model), scheme.weight_bits == 16
    assert_same_program(back, without_signs(program), but=(*WIDE, "bias") if is_wide else ())
    np.testing.assert_allclose(back.operators[0].bias, program.operators[0].bias, rtol=0, atol=4 if is_wide else 0)
    assert_agrees(program, model, {"x": normal(50, 6)})


@given(st.integers(0, 2**32 - 1), st.floats(-80, 0), st.integers(8, 46))
def test_the_units_of_a_bias_are_told_from_its_float32_scale(seed, exponent, bits):
    rng = np.random.default_rng(seed)
    scales = np.exp2(rng.uniform(exponent - 70, exponent, (2, 5))).astype(np.float32).astype(np.float64)
    units = scales[0] * scales[1]  # exact: 24 bits each
    bias = rng.integers(-(2**bits), 2**bits, 5)
    integers, steps = stored(bias, units)
    found = numbers_of(integers.astype(np.int64), steps, units) / units
    is_whole = (steps == units.astype(np.float32)) & (np.abs(bias) < 2**31)
    np.testing.assert_array_equal(np.rint(found)[is_whole], bias[is_whole])
    lost = steps / units  # half a step of what is stored, at most
    assert (np.abs(found - bias) <= 0.5001 * lost).all()


def test_operators_that_are_called_as_tensors_are_stay_apart():
    """As the two matrices of a layer are called; onnxruntime refuses files with two operators of one name."""
    weights = normal(4, 2, 3) * np.float32([1, 1, 9, 9]).reshape(4, 1, 1)  # of each output
    proto = one(
        "h = MatMul (x, w)  y = ConvTranspose <group = 2> (h, v)", "4, 5", "4, 7", {"w": normal(5, 5), "v": weights}
    )
    for names in (("w", "v"), ("v", "v/rows"), ("x/quantized", "h/dequantized"), ("v/rows", "v/groups")):
        for node, name in zip(proto.graph.node, names, strict=True):
            node.name = name
        program, model = written(proto, {"x": normal(20, 4, 5)}, Affine())
        assert len({node.name for node in model.graph}) == len(list(model.graph))
        assert_same_program(from_qdq(model), without_signs(program), but=WIDE)


def test_the_network_stays_as_it_was():
    model = load(one("h = MatMul (x, w)  y = Relu (h)", "6", "4", {"w": normal(6, 4)}))
    before = ir.to_proto(model).SerializeToString(deterministic=True)
    formats = calibrate(model, {"x": normal(50, 6)}, Affine(), threads=1)
    one_file, other = (
        ir.to_proto(to_qdq(model, formats, Affine())).SerializeToString(deterministic=True) for _ in "ab"
    )
    assert one_file == other and ir.to_proto(model).SerializeToString(deterministic=True) == before
