"""A file's program as a QDQ model: what the engine computes, as onnxruntime runs it; or a refusal that says why."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from common.networks import build, normal
from compression import nets
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime.integer.test_networks import random_network

import attar
from attar import container
from attar.container import AttarFile
from attar.errors import FormatError, ModelError
from attar.evaluate import load_data
from attar.export import qdq_file, to_qdq_onnx
from attar.graph import load
from attar.numerics.formats import Format
from attar.runtime import Session
from attar.runtime.engine import Engine
from attar.runtime.engine.build import with_program
from attar.runtime.integer import Affine, FixedPoint, MinMax, calibrate, lower

FASHION = Path(__file__).parents[2] / "examples" / "fashion"
NORMED = """net (float[n, 3, 8, 8] x) => (float[n, 5] y) {
    c = Conv <pads = [1, 1, 1, 1]> (x, w, b)  d = BatchNormalization (c, g, h, m, v)  r = Relu (d)
    p = GlobalAveragePool (r)  f = Flatten (p)  s = Gemm (f, k, l)  y = Softmax (s) }"""


@cache
def images(count: int = 300) -> np.ndarray:
    inputs = Session(load(FASHION / "lenet5.onnx"), threads=1).inputs
    return load_data(str(FASHION / "test.npz"), inputs).inputs["image"][:count]


def opened(data: bytes) -> AttarFile:
    return container.open(data)


def answers(exported: bytes, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    session = ort.InferenceSession(exported, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def engine_of(exported: bytes, folder: Path) -> Engine:
    """Return the engine on an exported model, read like anybody else's."""
    path = folder / "exported.onnx"
    path.write_bytes(exported)
    return Engine(path)


@pytest.mark.parametrize("arithmetic", ["affine", "fixed-point"])
@pytest.mark.parametrize("recipe", ["int8", "default"])
def test_an_exported_model_has_the_engines_numbers(arithmetic, recipe, tmp_path):
    data = FASHION / "calibration.npz"
    result = attar.compress(FASHION / "lenet5.onnx", data=data, recipe=recipe, integer=arithmetic, max_drop=5)
    exported = to_qdq_onnx(result.file)
    onnx.checker.check_model(onnx.load_from_string(exported), full_check=True)
    inputs = {"image": images()}
    wanted = Engine(result.data)(inputs)["logits"]
    np.testing.assert_array_equal(engine_of(exported, tmp_path)(inputs)["logits"], wanted)
    (theirs,), step = answers(exported, inputs), step_of(exported)
    assert np.abs(np.rint((theirs - wanted) / step)).max() <= 2
    assert np.mean(theirs.argmax(1) == wanted.argmax(1)) >= 0.99
    kinds = {value.data_type for value in onnx.load_from_string(exported).graph.initializer if "/zero" in value.name}
    assert kinds == {onnx.TensorProto.UINT8}


def step_of(exported: bytes) -> float:
    held = {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load_from_string(exported).graph.initializer}
    return float(held["logits/scale"])


def test_class_names_and_preprocessing_come_along():
    network = nets.classifier()
    network.metadata_props.add(key="class_names", value='["a", "b", "c", "d"]')
    data = nets.images(50)
    exported = to_qdq_onnx(attar.compress(network, data=data, recipe="int8", integer=True, max_error=90).file)
    assert {p.key: p.value for p in onnx.load_from_string(exported).metadata_props} == {
        "class_names": '["a","b","c","d"]'
    }


def normed(seed: int = 0) -> onnx.ModelProto:
    tensors = {"w": normal(6, 3, 3, 3, seed=seed), "b": normal(6), "k": normal(6, 5), "l": normal(5)}
    tensors |= {"g": normal(6), "h": normal(6, seed=1), "m": normal(6, seed=2), "v": np.square(normal(6, seed=3))}
    return build(NORMED, tensors)


def in_integers(proto: onnx.ModelProto, scheme, feeds: dict, folder_of: onnx.ModelProto | None = None) -> AttarFile:
    """Return a file of a network (or of another) with the program that a scheme makes, its weights not on a grid."""
    model = load(proto)
    program = lower(model, calibrate(model, feeds, scheme, method=MinMax(), threads=1), scheme)
    return opened(with_program(container.to_bytes(load(folder_of or proto)), program)[0])


@pytest.mark.parametrize("scheme", [Affine(), FixedPoint()], ids=str)
def test_weights_that_a_norm_went_into_are_quantized_as_before(scheme, tmp_path):
    feeds = {"x": normal(50, 3, 8, 8)}
    file = in_integers(normed(), scheme, feeds)
    exported = to_qdq_onnx(file)
    wanted = Engine(file)(feeds)["s"]
    np.testing.assert_array_equal(engine_of(exported, tmp_path)(feeds)["s"], wanted)
    (theirs,) = answers(exported, feeds)  # the Softmax is there again
    shares = np.exp(wanted) / np.exp(wanted).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(theirs, shares, atol=0.05)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), fixed=st.booleans())
def test_random_networks_of_several_widths(seed, fixed):
    rng, feeds = np.random.default_rng(seed), {"x": normal(8, 3, 8, 8, seed=seed)}
    model = load(random_network(seed))
    names = calibrate(model, feeds, Affine(), method=MinMax(), threads=1)
    scheme = (FixedPoint if fixed else Affine)({name: int(rng.choice([4, 8, 8, 12])) for name in names})
    file = in_integers(random_network(seed), scheme, feeds)
    assert answers(to_qdq_onnx(file), feeds)[0].shape == (8, 5)


def test_files_without_a_program_are_refused():
    with pytest.raises(FormatError, match="no program is inside; `attar compress --integer`"):
        to_qdq_onnx(opened(container.to_bytes(load(normed()))))
    with pytest.raises(FormatError, match="no graph"):
        to_qdq_onnx(opened(container.to_bytes(None, tensors={"w": np.ones(3, np.float32)})))


def test_a_program_of_another_network_is_refused():
    """Of another structure, of other inputs, of other weights in the same structure."""
    feeds = {"x": normal(50, 3, 8, 8)}
    deeper = build(
        NORMED.replace("p = Global", "q = Sigmoid (r)  p = Global").replace("(r)  f", "(q)  f"), tensors_of()
    )
    with pytest.raises(ModelError, match=r"in the graph, .* in the program"):
        to_qdq_onnx(in_integers(normed(), Affine(), feeds, deeper))
    renamed = build(NORMED.replace("8] x", "8] other").replace("(x,", "(other,"), tensors_of())
    with pytest.raises(ModelError, match="the program reads 'x', which is no input of the graph"):
        to_qdq_onnx(in_integers(normed(), Affine(), feeds, renamed))
    with pytest.raises(ModelError, match=r"output 's': .* % of what the QDQ model answers is not the program's"):
        to_qdq_onnx(in_integers(normed(), Affine(), feeds, normed(seed=7)))


def tensors_of() -> dict[str, np.ndarray]:
    return {each.name: onnx.numpy_helper.to_array(each) for each in normed().graph.initializer}


def shifted(model: ir.Model, formats: dict[str, Format], *args, **kwargs) -> ir.Model:
    """What is written with one format that is another."""
    name = "r"
    return TO_QDQ(model, formats | {name: replace(formats[name], scale=formats[name].scale * 2)}, *args, **kwargs)


def biased(*args, **kwargs) -> ir.Model:
    """What is written with one bias off by a few units."""
    model = TO_QDQ(*args, **kwargs)
    held = next(value for name, value in model.graph.initializers.items() if name == "l/integers")
    held.const_value = ir.tensor(held.const_value.numpy() + np.int32([0, 0, 400, 0, 0]), name=held.name)
    return model


TO_QDQ = qdq_file.to_qdq


@pytest.mark.parametrize(("fault", "message"), [(shifted, "tensor 'r': 8 bits"), (biased, "output 's'")])
def test_a_model_that_is_not_the_program_is_never_handed_out(fault, message, monkeypatch):
    file = in_integers(normed(), Affine(), {"x": normal(50, 3, 8, 8)})
    to_qdq_onnx(file)
    monkeypatch.setattr(qdq_file, "to_qdq", fault)
    with pytest.raises(ModelError, match=message):
        to_qdq_onnx(file)
