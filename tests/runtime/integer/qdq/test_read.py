"""Q/DQ pairs wherever tools put them: what they mean in a program, and what is refused by name."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from common.networks import build, normal

from attar.errors import ModelError
from attar.graph import load
from attar.numerics.formats import Format, dequantize
from attar.runtime.integer import run, run_integers
from attar.runtime.integer.program import Concat, Convolution, Dense, MaxPool, Requantize, Reshape, ScaleShift, Sum
from attar.runtime.integer.qdq import from_qdq

from .quantized import answers, assert_agrees, layer_differences

INT8 = {"s": np.float32(0.03), "z": np.int8(5)}
FINE = {"sf": np.float32(0.02), "zf": np.int8(-128)}
UINT8 = {"su": np.float32(0.025), "zu": np.uint8(0)}


def pair(source: str, result: str, scale: str = "s", zero: str = "z") -> str:
    """Return the statements of a pair between two tensors."""
    operands = f"{scale}, {zero}"
    return f"{result}_q = QuantizeLinear ({source}, {operands})  {result} = DequantizeLinear ({result}_q, {operands})\n"


def integers(*shape: int, seed: int = 0, most: int = 127) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).integers(-most, most + 1, shape).astype(np.int8)


WEIGHTS = {"wq": integers(4, 3, 3, 3), "ws": np.array([0.01, 0.02, 0.005, 0.013], np.float32)}
HELD = "w = DequantizeLinear <axis = 0> (wq, ws)\n"


def network(
    body: str, shape: str = "3, 6, 6", out: str = "4, 4, 4", opset: int = 21, **tensors: np.ndarray
) -> ir.Model:
    """Return a QDQ network from `x` to `y`; those of the scales above that it names are there."""
    known = {**INT8, **FINE, **UINT8, **WEIGHTS}
    words = set(body.replace(",", " ").replace("(", " ").replace(")", " ").split())
    held = {name: values for name, values in known.items() if name in words} | tensors
    return load(build(f"net (float[n, {shape}] x) => (float[n, {out}] y) {{ {body} }}", held, opset=opset), fold=False)


def kinds(program) -> list[type]:
    return [type(operator) for operator in program.operators]


def samples(*shape: int) -> dict[str, np.ndarray]:
    return {"x": normal(64, *shape, seed=7)}


def assert_as_onnxruntime(model: ir.Model, *expected: type, steps: int = 1, shape: tuple[int, ...] = (3, 6, 6)):
    """Check the operators of the program and its answers; return it."""
    program = from_qdq(model)
    assert kinds(program) == list(expected)
    assert_agrees(program, model, samples(*shape), steps=steps)
    assert max(layer_differences(program, model, samples(*shape)).values()) <= 1
    return program


def test_a_relu_that_the_format_implies_is_a_clamp():
    body = pair("x", "a") + HELD + "c = Conv (a, w)\n" + pair("c", "y", "su", "zu")
    program = assert_as_onnxruntime(network(body), Convolution)
    (operator,) = program.operators
    assert (operator.low, operator.high) == (0, 255) and program.tensors["y"].format.zero == 0
    assert program.tensors["x"].format == Format(8, True, float(np.float32(0.03)), 5)
    np.testing.assert_array_equal(operator.weights, WEIGHTS["wq"])


def test_a_relu_in_floats_in_front_of_the_pair_is_fused():
    body = pair("x", "a") + HELD + "c = Conv (a, w)  r = Relu (c)\n" + pair("r", "y", "s", "z")
    (operator,) = assert_as_onnxruntime(network(body), Convolution).operators
    assert operator.low == 5


def test_a_relu_behind_a_pair_of_other_parameters_stands_alone():
    body = pair("x", "a") + HELD + "c = Conv (a, w)\n" + pair("c", "d") + "r = Relu (d)\n" + pair("r", "y", "sf", "zf")
    program = assert_as_onnxruntime(network(body), Convolution, Requantize, steps=2)
    assert program.tensors["c"].format.scale == INT8["s"]


def test_a_relu_behind_a_pair_of_equal_parameters_is_fused():
    body = pair("x", "a") + HELD + "c = Conv (a, w)\n" + pair("c", "d") + "r = Relu (d)\n" + pair("r", "y")
    assert_as_onnxruntime(network(body), Convolution)


def test_a_bias_behind_a_pair_is_an_operator_of_its_own():
    body = pair("x", "a") + "w = DequantizeLinear (mq, m)  p = MatMul (a, w)\n" + pair("p", "d")
    body += "t = Add (d, k)\n" + pair("t", "y", "sf", "zf")
    tensors = {"mq": integers(6, 5), "m": np.float32(0.01), "k": normal(5)}
    model = network(body, "6", "5", **tensors)
    assert_as_onnxruntime(model, Dense, ScaleShift, shape=(6,), steps=2)
    together = network(body.replace(pair("p", "d"), "d = Identity (p)\n"), "6", "5", **tensors)
    assert_as_onnxruntime(together, Dense, shape=(6,))


def test_what_moves_numbers_between_equal_pairs_keeps_their_format():
    body = (
        pair("x", "a")
        + "m = MaxPool <kernel_shape = [2, 2]> (a)\n"
        + pair("m", "b")
        + "f = Flatten (b)\n"
        + pair("f", "y")
    )
    program = assert_as_onnxruntime(network(body, out="75"), MaxPool, Reshape, steps=0)
    assert {tensor.format for tensor in program.tensors.values()} == {program.tensors["x"].format}


def test_another_format_behind_what_moves_is_a_requantization():
    body = pair("x", "a") + "m = MaxPool <kernel_shape = [2, 2]> (a)\n" + pair("m", "y", "sf", "zf")
    assert_as_onnxruntime(network(body, out="3, 5, 5"), MaxPool, Requantize)


@pytest.mark.parametrize("opset", [13, 21])
def test_a_pair_behind_what_moves_speaks_of_what_is_in_front(opset):
    body = pair("x", "a") + HELD + "c = Conv (a, w)  r = Relu (c)  m = MaxPool <kernel_shape = [2, 2]> (r)\n"
    body += "f = Flatten (m)\n" + pair("f", "y", "su", "zu")
    program = assert_as_onnxruntime(network(body, out="36", opset=opset), Convolution, MaxPool, Reshape)
    assert program.tensors["r"].format == program.tensors["y"].format


def test_integers_may_be_moved_between_the_two_of_a_pair():
    body = "q = QuantizeLinear (x, s, z)  t = Transpose <perm = [0, 2, 1, 3]> (q)  f = Flatten (t)\n"
    body += "y = DequantizeLinear (f, s, z)"
    model = network(body, out="108")
    program = from_qdq(model)
    assert len(program.operators) == 2
    assert_agrees(program, model, samples(3, 6, 6), steps=0)


def test_a_concat_joins_tensors_of_different_formats():
    body = pair("x", "a") + pair("x", "b", "sf", "zf") + "c = Concat <axis = 1> (a, b)\n" + pair("c", "y", "su", "zu")
    program = assert_as_onnxruntime(network(body, out="6, 6, 6"), Requantize, Requantize, Concat, steps=2)
    assert program.tensors["x"].format.bits == 16  # both are rounded from it


def test_a_pair_behind_a_concat_speaks_of_all_that_is_joined():
    body = pair("x", "a") + HELD + "c = Conv (a, w)  r = Relu (c)  j = Concat <axis = 1> (c, c)\n"
    body = body.replace("j = Concat <axis = 1> (c, c)", "d = Conv (a, w)  j = Concat <axis = 1> (r, d)")
    program = assert_as_onnxruntime(network(body + pair("j", "y"), out="8, 4, 4"), Convolution, Convolution, Concat)
    assert program.tensors["r"].format == program.tensors["d"].format == program.tensors["y"].format


def test_readers_that_ask_for_different_formats_are_requantized_from_16_bits():
    body = pair("x", "a") + HELD + "c = Conv (a, w)\n" + pair("c", "d") + pair("c", "e", "su", "zu")
    body += "t = Add (d, e)\n" + pair("t", "y")
    program = assert_as_onnxruntime(network(body), Convolution, Requantize, Requantize, Sum, steps=2)
    assert program.tensors["c"].format.bits == 16


def test_a_pair_behind_a_pair_is_a_requantization():
    body = pair("x", "a") + pair("a", "y", "sf", "zf")
    assert_as_onnxruntime(network(body, out="3, 6, 6"), Requantize, steps=2)  # onnxruntime makes one of both


def test_inputs_and_outputs_may_be_integers():
    text = f"""net (uint8[n, 3, 6, 6] x) => (int8[n, 4, 4, 4] y) {{
        a = DequantizeLinear (x, su, zu)  {HELD}  c = Conv (a, w)  y = QuantizeLinear (c, s, z) }}"""
    model = load(build(text, {**UINT8, **INT8, **WEIGHTS}), fold=False)
    program, x = from_qdq(model), np.random.default_rng(0).integers(0, 256, (9, 3, 6, 6)).astype(np.uint8)
    found = run_integers(program, {"x": x}).outputs["y"]
    assert np.abs(found - answers(model, {"x": x})["y"].astype(int)).max() <= 1
    floats = {"x": dequantize(x, program.tensors["x"].format)}
    np.testing.assert_array_equal(run(program, floats).outputs["y"], dequantize(found, program.tensors["y"].format))


def test_one_tensor_may_be_two_outputs():
    text = f"net (float[n, 3] x) => (float[n, 3] y, float[n, 3] v) {{ {pair('x', 'y')} {pair('x', 'v')} }}"
    model = load(build(text, INT8), fold=False)
    program = from_qdq(model)
    assert program.outputs == ("y", "v")
    assert_agrees(program, model, {"x": normal(9, 3)}, steps=0)


def test_weights_reach_their_layer_through_what_moves_them():
    """As PyTorch's exporter writes a linear layer: dequantized by rows, then transposed; weights may be floats too."""
    body = (
        pair("x", "a")
        + "d = DequantizeLinear <axis = 0> (mq, ms)  w = Transpose (d)  p = MatMul (a, w)\n"
        + pair("p", "y")
    )
    tensors = {"mq": integers(5, 6), "ms": np.linspace(0.005, 0.01, 5, dtype=np.float32)}
    program = assert_as_onnxruntime(network(body, "6", "5", **tensors), Dense, shape=(6,))
    np.testing.assert_array_equal(program.operators[0].weights, tensors["mq"])
    floats = body.replace("(mq, ms)", "(kq, ms)").replace("d = D", "kq = QuantizeLinear <axis = 0> (k, ms)  d = D")
    wide = {"k": tensors["mq"] * tensors["ms"][:, None] * 1.4, "ms": tensors["ms"]}
    zero = floats.replace("ms)", "ms, mz)")
    program = assert_as_onnxruntime(network(zero, "6", "5", **wide, mz=np.zeros(5, np.int8)), Dense, shape=(6,))
    assert program.operators[0].weights.max() == 127  # saturated
    assert program.operators[0].weights.shape == (5, 6)


def test_unsigned_weights_around_128_are_signed_ones():
    body = pair("x", "a") + "w = DequantizeLinear (uq, us, uz)  p = MatMul (a, w)\n" + pair("p", "y")
    unsigned = (integers(6, 5).astype(int) + 128).astype(np.uint8)
    tensors = {"uq": unsigned, "us": np.float32(0.01), "uz": np.uint8(128)}
    program = assert_as_onnxruntime(network(body, "6", "5", **tensors), Dense, shape=(6,))
    np.testing.assert_array_equal(program.operators[0].weights.T, unsigned.astype(int) - 128)
    with pytest.raises(
        ModelError, match=r"operator MatMul 'y': its weights 'w' have zero point -1, once they are signed"
    ):
        from_qdq(network(body, "6", "5", **{**tensors, "uz": np.uint8(127)}))


@pytest.mark.parametrize("magnitude", [100, 2**20, 2**28])
def test_biases_are_the_integers_of_the_file(magnitude):
    """Although a file holds s_x s_c rounded to float32, which is half a unit off at 2^23 and more."""
    biases = np.array([1, -1, 3, -7], np.int32) * np.int32(magnitude) + np.array([0, 1, -1, 1], np.int32)
    scale = (WEIGHTS["ws"] * INT8["s"]).astype(np.float32)
    body = pair("x", "a") + HELD + "k = DequantizeLinear <axis = 0> (kq, ks)  c = Conv (a, w, k)\n" + pair("c", "y")
    program = from_qdq(network(body, kq=biases, ks=scale))
    np.testing.assert_array_equal(program.operators[0].bias, biases)


def test_biases_in_floats_or_of_another_scale_are_counted_in_units_of_the_accumulator():
    bias, unit = normal(4), INT8["s"] * WEIGHTS["ws"].astype(np.float64)
    body = pair("x", "a") + HELD + "c = Conv (a, w, k)\n" + pair("c", "y")
    program = assert_as_onnxruntime(network(body, k=bias), Convolution)
    np.testing.assert_array_equal(program.operators[0].bias, np.rint(bias / unit))
    other = body.replace("c = Conv", "k = DequantizeLinear (kq, ks)  c = Conv")
    held = {"kq": integers(4), "ks": np.float32(0.01)}
    program = assert_as_onnxruntime(network(other, **held), Convolution)
    np.testing.assert_allclose(program.operators[0].bias, np.rint(held["kq"] * 0.01 / unit), atol=1)


def test_scales_and_zero_points_may_be_constant_operators():
    body = "s = Constant <value_float = 0.03> ()  z = Constant <value = int8 {5}> ()\n" + pair("x", "y")
    model = load(build(f"net (float[n, 3] x) => (float[n, 3] y) {{ {body} }}"), fold=False)
    program = from_qdq(model)
    assert program.tensors["x"].format == Format(8, True, float(np.float32(0.03)), 5)
    assert_agrees(program, model, {"x": normal(9, 3)}, steps=0)


def test_without_a_zero_point_integers_are_unsigned():
    body = "q = QuantizeLinear (x, s)  y = DequantizeLinear (q, s)"
    model = network(body, "3", "3")
    assert from_qdq(model).tensors["x"].format == Format(8, False, float(np.float32(0.03)), 0)
    typed = network("q = QuantizeLinear <output_dtype = 5> (x, s)  y = DequantizeLinear (q, s)", "3", "3")
    assert from_qdq(typed).tensors["x"].format == Format(16, True, float(np.float32(0.03)), 0)


def test_weights_that_were_folded_while_the_file_was_read_are_named():
    model = network(pair("x", "a") + HELD + "c = Conv (a, w)\n" + pair("c", "y"))
    with pytest.raises(
        ModelError, match=r"operator Conv 'y': .* weights 'wq' pass no .* folded while the file was read"
    ):
        from_qdq(load(model))


LAST = {
    "conv": ("c = Conv (a, w, k)", "3, 6, 6", "4, 4, 4"),
    "relu": ("h = Conv (a, w, k)  c = Relu (h)", "3, 6, 6", "4, 4, 4"),
    "flat": ("h = Conv (a, w, k)  c = Flatten (h)", "3, 6, 6", "64"),
    "softmax": ("h = Conv (a, w, k)  c = Softmax (h)", "3, 6, 6", "4, 4, 4"),
}


@pytest.mark.parametrize("case", LAST)
def test_sums_that_are_handed_out_in_floats_get_16_bits(case):
    layer, shape, out = LAST[case]
    body = pair("x", "a") + HELD + layer.replace("c = ", "y = ")
    program = from_qdq(network(body, shape, out, k=normal(4)))
    (name,) = program.outputs
    form, feeds = program.tensors[name].format, {"x": 100 * normal(64, 3, 6, 6)}
    assert form.bits == 16
    shown = network(body.replace("y = Softmax (h)", "y = Identity (h)"), shape, out, k=normal(4))
    assert_agrees(program if case != "softmax" else from_qdq(shown), shown, feeds)
    signs = {
        "x": 1e3 * np.sign(WEIGHTS["wq"]).astype(np.float32).repeat(2, 2).repeat(2, 3)
    }  # the largest sums that are
    found = run_integers(program, {"x": np.clip(signs["x"], -128, 127).astype(np.int8)}).outputs[name]
    assert found.max() < form.high and (case == "relu" or form.low < found.min())


def test_16_bits_of_onnxruntimes_own_operators():
    text = """<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
        net (float[n, 3] x) => (float[n, 3] y) {
            q = com.microsoft.QuantizeLinear (x, s, z)  y = com.microsoft.DequantizeLinear (q, s, z) }"""
    proto = onnx.parser.parse_model(text)
    for name, values in {"s": np.float32(0.001), "z": np.uint16(40000)}.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(values), name))
    model = ir.from_proto(proto)
    program = from_qdq(model)
    assert program.tensors["x"].format == Format(16, False, float(np.float32(0.001)), 40000)
    assert_agrees(program, model, {"x": normal(9, 3)}, steps=0)


REFUSED = {
    "float layer": (pair("x", "a") + HELD + "c = Conv (a, w)  e = Erf (c)\n" + pair("e", "y"),
                    "operator Conv 'c': it is left in float: its output passes no QuantizeLinear"),
    "float weights": (pair("x", "a") + "c = Conv (a, k)\n" + pair("c", "y"),
                      "operator Conv 'c|y': it is left in float: its weights 'k' pass no DequantizeLinear"),
    "float input": (HELD + "c = Conv (x, w)\n" + pair("c", "y"),
                    "operator Conv 'y': it is left in float: input 'x' passes no QuantizeLinear"),
    "float function at the end": (pair("x", "a") + "y = Sigmoid (a)", "operator Sigmoid 'y': it is left in float"),
    "float reader": (pair("x", "a") + HELD + "c = Conv (a, w)\n" + pair("c", "d") + "t = Add (d, c)\n" + pair("t", "y"),
                     "operator Add 't': it is left in float: it reads 'c' in floats, others"),
    "scales by channel": ("q = QuantizeLinear <axis = 1> (x, k)  y = DequantizeLinear <axis = 1> (q, k)",
                          "operator QuantizeLinear 'q': 3 scales of an activation"),
    "blocks": ("q = QuantizeLinear <axis = 3, block_size = 2> (x, k)  "
               "y = DequantizeLinear <axis = 3, block_size = 2> (q, k)",
               "operator QuantizeLinear 'q': scales of blocks of 2"),
    "no scale": ("q = QuantizeLinear (x, k)  y = DequantizeLinear (q, k)",
                 "operator QuantizeLinear 'q': a scale of 0; it has to be finite and above 0"),
    "infinite": ("q = QuantizeLinear (x, k)  y = DequantizeLinear (q, k)",
                 "operator QuantizeLinear 'q': a scale of inf"),
    "computed": ("k = ReduceMax <keepdims = 0> (x)  q = QuantizeLinear (x, k)  y = DequantizeLinear (q, k)",
                 "operator QuantizeLinear 'q': its scale 'k' is not constant"),
    "mismatch": ("q = QuantizeLinear (x, s, z)  y = DequantizeLinear (q, sf, zf)",
                 "operator DequantizeLinear 'y': it reads scale 0.02, zero point -128, of integers with scale 0.03"),
    "integer arithmetic": (f"{HELD} q = QuantizeLinear (x, su, zu)  c = ConvInteger (q, wq)  y = Cast <to = 1> (c)",
                           "operator ConvInteger 'c': it computes with"),
    "dynamic": ("q, k, o = DynamicQuantizeLinear (x)  y = DequantizeLinear (q, k, o)",
                "operator DynamicQuantizeLinear 'q': it computes with integers itself"),
    "wrong axis": (pair("x", "a") + "w = DequantizeLinear <axis = 1> (wq, k)  c = Conv (a, w)\n" + pair("c", "y"),
                   "operator Conv 'y': the scales of its weights 'w' differ along other axes than that of the outputs"),
    "padded integers": ("q = QuantizeLinear (x, s, z)  p = Pad (q, k)  y = DequantizeLinear (p, s, z)",
                        "operator Pad 'p': it computes with the integers of 'q'"),
}  # fmt: skip
OPERANDS = {
    "float weights": normal(4, 3, 3, 3),
    "scales by channel": np.ones(3, np.float32),
    "blocks": np.ones((1, 3, 6, 3), np.float32),
    "no scale": np.float32(0),
    "infinite": np.float32(np.inf),
    "wrong axis": np.array([0.1, 0.2, 0.3], np.float32),
    "padded integers": np.zeros(8, np.int64),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_a_program_is_named_with_its_reason(case):
    body, message = REFUSED[case]
    held = {"k": OPERANDS[case]} if case in OPERANDS else {}
    out = {"float function at the end": "3, 6, 6"}.get(case, "a, b, c")
    with pytest.raises(ModelError, match=message):
        from_qdq(network(body, out=out, **held))


def test_the_file_stays_as_it_was():
    model = network(pair("x", "a") + HELD + "c = Conv (a, w)\n" + pair("c", "y"))
    before = ir.to_proto(model).SerializeToString(deterministic=True)
    from_qdq(model)
    assert ir.to_proto(model).SerializeToString(deterministic=True) == before
