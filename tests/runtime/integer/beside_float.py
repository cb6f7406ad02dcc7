"""Put one operator in integers beside onnxruntime in floats: on the same grid values they differ by a step at most."""

from collections.abc import Mapping

import numpy as np
import onnx
from common.networks import build, normal
from common.running import run as run_floats

from attar.graph import load
from attar.numerics.formats import dequantize, quantize
from attar.runtime.integer import Affine, FixedPoint, MinMax, Program, calibrate, lower, run_integers
from attar.runtime.integer.schemes import Scheme

STEP = 2.0**-6
SCHEMES = (FixedPoint(), Affine(), FixedPoint(5, 5), Affine(6), FixedPoint(12, 12))


def on_grid(*shape: int, seed: int = 0, largest: int = 15) -> np.ndarray:
    """Return float32 weights that are integers times STEP."""
    integers = np.random.default_rng((seed, *shape)).integers(-largest, largest + 1, shape)
    return (integers * STEP).astype(np.float32)


def given_of(proto: onnx.ModelProto, *names: str) -> dict[str, tuple[np.ndarray, float]]:
    """Return weights that lie on the grid as `lower` takes them."""
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    return {name: (np.rint(tensors[name] / STEP).astype(np.int16), STEP) for name in names}


def programmed(
    proto: onnx.ModelProto, feeds: Mapping[str, np.ndarray], scheme: Scheme, *weights: str
) -> tuple[Program, dict[str, np.ndarray]]:
    """Return the program of a network calibrated on `feeds`, its weights as they are, and the feeds as integers."""
    model, given = load(proto), given_of(proto, *weights)
    formats = calibrate(model, feeds, scheme, method=MinMax(), kept=given)
    program = lower(model, formats, scheme, weights=given)
    return program, {name: quantize(feeds[name], program.tensors[name].format) for name in program.inputs}


def assert_within(proto: onnx.ModelProto, scheme: Scheme, *weights: str, steps: int = 1, samples: int = 5) -> Program:
    """Run both on the same random grid values, and compare all outputs; return the program."""
    shapes = {value.name: [d.dim_value or samples for d in value.type.tensor_type.shape.dim] for value in inputs(proto)}
    feeds = {name: normal(*shape, seed=number) for number, (name, shape) in enumerate(shapes.items())}
    program, integers = programmed(proto, feeds, scheme, *weights)
    exact = {name: dequantize(q, program.tensors[name].format) for name, q in integers.items()}
    found = run_integers(program, integers).outputs
    for name, values in zip(program.outputs, run_floats(load(proto), exact), strict=True):
        wanted = quantize(values, program.tensors[name].format)
        assert found[name].shape == wanted.shape
        assert np.abs(found[name] - wanted).max() <= steps, f"{name}: off by {np.abs(found[name] - wanted).max()}"
    return program


def inputs(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    held = {tensor.name for tensor in proto.graph.initializer}
    return [value for value in proto.graph.input if value.name not in held]


def one(operator: str, shape: str, out: str, tensors: Mapping[str, np.ndarray] | None = None, **options):
    """Return a network of one input `x` and the statements of `operator`, which make `y`."""
    return build(f"net (float[n, {shape}] x) => (float[n, {out}] y) {{ {operator} }}", tensors, **options)
