"""Whole networks: as right as in floats at 8 bits, and no further from floats than their widths allow."""

import re
import subprocess
import sys
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from common.networks import build, normal
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.evaluate import load_data
from attar.graph import load
from attar.numerics.formats import dequantize, quantize
from attar.runtime import Session
from attar.runtime.integer import Affine, FixedPoint, KeepSign, MinMax, Percentile, calibrate, lower, run, run_integers
from attar.runtime.integer.program import Dense, Program

ROOT = Path(__file__).parents[3]
FASHION = ROOT / "examples" / "fashion"
IMAGES = 1000


@cache
def prepared(name: str):
    """The network, 500 samples to calibrate on, 1,000 to judge with their labels, and the float answers."""
    model = load(FASHION / f"{name}.onnx")
    session = Session(model, threads=1)
    samples = load_data(str(FASHION / "calibration.npz"), session.inputs).take(np.arange(0, 2000, 4)).inputs
    judged = load_data(str(FASHION / "test.npz"), session.inputs).take(np.arange(IMAGES))
    return model, samples, judged, session.run_all(judged.inputs)[0]


def logits(name: str, scheme) -> np.ndarray:
    model, samples, judged, _ = prepared(name)
    formats = calibrate(model, samples, scheme, method=Percentile(), threads=1)
    done = run(lower(model, formats, scheme), judged.inputs)
    assert all(seen.used_bits <= seen.planned_bits for seen in done.accumulators.values())
    return done.outputs["logits"]


@pytest.mark.parametrize("scheme", [FixedPoint(), FixedPoint(non_negative=KeepSign()), Affine()])
@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
def test_eight_bits_cost_no_more_than_03_points(name, scheme):
    _, _, judged, floats = prepared(name)
    integers = logits(name, scheme)
    drop = np.mean(floats.argmax(1) == judged.labels) - np.mean(integers.argmax(1) == judged.labels)
    assert 100 * drop <= 0.3
    assert np.mean(integers.argmax(1) == floats.argmax(1)) >= 0.97


def test_the_error_falls_with_every_bit_until_16():
    floats = prepared("lenet_300_100")[3]
    errors = []
    for bits in (4, 6, 8, 10, 12, 16):
        integers = logits("lenet_300_100", FixedPoint(bits, bits))
        errors.append(np.linalg.norm(integers - floats) / np.linalg.norm(floats))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 0.7 and errors[2] < 0.05 and errors[-1] < 0.001


def simulated(program: Program, q: np.ndarray) -> np.ndarray:
    """What a stack of matrices gives in float64, rounded to each format in turn; exact, as all numbers are dyadic."""
    forms = {name: tensor.format for name, tensor in program.tensors.items()}
    values = dequantize(q, forms[program.inputs[0]]).astype(np.float64).reshape(len(q), -1)
    for operator in program.operators:
        if isinstance(operator, Dense):
            unit = Fraction(int(operator.rescale.multipliers[0]), 2 ** int(operator.rescale.shifts[0]))
            form = forms[operator.output]  # unit x s_y is s_x s_w, what one step of the accumulator is worth
            sums = values @ (operator.weights.T * float(unit) * form.scale / forms[operator.inputs[0]].scale)
            steps = np.floor(sums / form.scale + operator.bias * float(unit) + 0.5)
            values = np.clip(steps, operator.low, operator.high) * form.scale
    return np.rint(values / forms[program.outputs[0]].scale)


@pytest.mark.parametrize("bits", [5, 8, 12])
def test_fixed_point_is_its_float_simulation_exactly(bits):
    model, samples, judged, _ = prepared("lenet_300_100")
    scheme = FixedPoint(bits, bits)
    program = lower(model, calibrate(model, samples, scheme, threads=1), scheme)
    q = quantize(judged.inputs["image"][:200], program.tensors["image"].format)
    found = run_integers(program, {"image": q}).outputs["logits"]
    np.testing.assert_array_equal(found, simulated(program, q))


def test_the_examples_of_the_page_run():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "integer.md").read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


KINDS = ("conv", "depthwise", "shortcut", "branch", "max", "mean", "gate")
KINDS += ("up", "wider", "larger", "swish", "slopes", "shares", "halves", "places")


def random_network(seed: int) -> onnx.ModelProto:
    """A random stack of layers, clamps, pools, shortcuts, branches, functions and moves, a classifier at its end."""
    rng = np.random.default_rng(seed)
    text, tensors, last, channels, side = [], {}, "x", 3, 8

    def add(statement: str, **held: np.ndarray) -> str:
        name = f"t{len(text)}"
        text.append(f"{name} = {statement}")
        tensors.update({f"{name}_{key}": values for key, values in held.items()})
        return name

    def convolved(value: str, outputs: int, groups: int = 1) -> str:
        name, each = f"t{len(text)}", channels // groups
        weights = rng.normal(size=(outputs, each, 3, 3)).astype(np.float32) / np.sqrt(4.5 * each).astype(np.float32)
        held = {"w": weights, "b": rng.normal(size=outputs).astype(np.float32) / 4}
        return add(f"Conv <group = {groups}, pads = [1, 1, 1, 1]> ({value}, {name}_w, {name}_b)", **held)

    for kind in rng.choice(KINDS, 6):
        if kind == "conv":
            outputs = int(rng.integers(2, 7))
            last, channels = add(f"Relu ({convolved(last, outputs)})"), outputs
        elif kind == "depthwise":
            last = convolved(last, channels, channels)
        elif kind == "shortcut":
            last = add(f"Relu ({add(f'Add ({convolved(last, channels)}, {last})')})")
        elif kind == "branch":
            last, channels = add(f"Concat <axis = 1> ({convolved(last, 2)}, {last})"), channels + 2
        elif kind == "gate":
            pooled = add(f"GlobalAveragePool ({last})")
            last = add(f"Mul ({last}, {add(f'Sigmoid ({pooled})')})")
        elif kind == "swish":
            last = add(f"Mul ({last}, {add(f'Sigmoid ({last})')})")
        elif kind == "slopes":
            last = add(f"PRelu ({last}, t{len(text)}_s)", s=rng.uniform(0, 0.5, (channels, 1, 1)).astype(np.float32))
        elif kind == "shares":
            last = add(f"Mul ({last}, {add(f'Softmax <axis = 1> ({last})')})")
        elif kind == "halves" and channels % 2 == 0:
            text.append(f"u{len(text)}, v{len(text)} = Split <axis = 1, num_outputs = 2> ({last})")
            last, channels = add(f"Max (u{len(text) - 1}, v{len(text) - 1})"), channels // 2
        elif kind == "places":
            mean = add(f"ReduceMean ({last}, t{len(text)}_a)", a=np.array([1]))
            last = add(f"Sub ({last}, {mean})")
        elif kind == "larger" and side < 16:
            weights = rng.normal(size=(channels, 3, 2, 2)).astype(np.float32) / np.sqrt(np.float32(channels))
            last = add(f"ConvTranspose <strides = [2, 2]> ({last}, t{len(text)}_w)", w=weights)
            side, channels = 2 * side, 3
        elif kind in ("up", "wider") and side < 16:
            mode, scales = "linear" if kind == "up" else "nearest", np.float32([1, 1, 2, 2])
            last, side = add(f'Resize <mode = "{mode}"> ({last}, , t{len(text)}_s)', s=scales), 2 * side
        elif kind in ("max", "mean") and side > 2:
            pool = "MaxPool" if kind == "max" else "AveragePool"
            last, side = add(f"{pool} <kernel_shape = [2, 2], strides = [2, 2]> ({last})"), side // 2
    flat, features = add(f"Flatten ({last})"), channels * side * side
    tensors["w"] = rng.normal(size=(features, 5)).astype(np.float32) / np.sqrt(features).astype(np.float32)
    statements = "\n".join([*text, f"y = MatMul ({flat}, w)"])
    return build(f"net (float[n, 3, 8, 8] x) => (float[n, 5] y) {{ {statements} }}", tensors)


@given(st.integers(0, 2**32 - 1), st.sampled_from([(12, 0.02), (8, 0.3)]), st.booleans())
@settings(max_examples=40)
def test_random_networks_are_near_their_floats(seed, width, affine):
    bits, most = width
    scheme = Affine(bits, bits) if affine else FixedPoint(bits, bits)
    model, feeds = load(random_network(seed)), {"x": normal(16, 3, 8, 8, seed=seed)}
    formats = calibrate(model, feeds, scheme, method=MinMax(), threads=1)
    found = run(lower(model, formats, scheme), feeds).outputs["y"]
    floats = Session(model, threads=1).run_all(feeds)[0]
    assert np.linalg.norm(found - floats) <= most * np.linalg.norm(floats)
