"""Networks in parts: what can runs in integers, the rest in floats, in the right order, and every reason is told."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings

import attar
from attar import container
from attar.errors import FormatError, ModelError
from attar.export import to_qdq_onnx
from attar.runtime import Session
from attar.runtime.engine import parts as parts_module
from attar.runtime.engine.build import with_programs
from attar.runtime.engine.network import Network
from attar.runtime.engine.parts import Parts
from attar.runtime.integer import Affine, MinMax, run
from attar.runtime.integer.parts import cut
from attar.runtime.integer.refusals import probe

from .partly import SHAPE, detector, networks

SHAPES = {"x": SHAPE}


def _samples(count=16, seed=0):
    return {"x": np.random.default_rng(seed).normal(size=(count, *SHAPE)).astype(np.float32)}


def _cut(model):
    return cut(model, probe(model, Affine(), weights={}, shapes=SHAPES))


def _programs(model, bits=8):
    network = Network.of(model, Affine(), {}, SHAPES)
    scheme = Affine(activation_bits=bits, weight_bits=min(bits, 8) if bits <= 8 else 16)
    formats = network.observe(_samples(), threads=1).formats(scheme, method=MinMax())
    return network, [done.program for done in replace(network, scheme=scheme).lowered(formats)]


def _oracle(program):
    """Stands where the engine's program does, and computes with numpy."""
    ports = [tuple(SimpleNamespace(name=name) for name in names) for names in (program.inputs, program.outputs)]
    return SimpleNamespace(inputs=ports[0], outputs=ports[1], run=lambda inputs: run(program, inputs).outputs)


def _kinds(model):
    return [node.op_type for node in model.graph]


def test_the_parts_of_a_detector():
    found = _cut(detector())
    assert [_kinds(part) for part in found.parts] == [
        ["Conv", "BatchNormalization", "Relu"],
        ["Mul", "Add", "Conv", "Shape", "Gather", "Concat", "Reshape", "Gemm"],
    ]
    assert set(found.outside) == {"d", "p", "best"}
    assert found.outside["d"] == "operator CumSum 'd': no integer arithmetic is known for it"


def test_what_has_no_weights_is_no_part():
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[n,4,6,6] x) => (float[n,4,6,6] y)
        <int64 axis = {2}, float[4,4,1,1] w = {1,0,0,0, 0,1,0,0, 0,0,1,0, 0,0,0,1}>
        { a = Conv(x, w) b = CumSum(a, axis) c = Relu(b) y = CumSum(c, axis) }"""
    found = _cut(ir.from_onnx_text(text))
    assert [_kinds(part) for part in found.parts] == [["Conv"]]
    assert "it stands between operators in floats, and no layer with weights beside it" in found.outside["c"]


def test_a_file_in_parts_answers_as_its_oracle_and_nearly_as_the_floats():
    model, x = detector(), _samples(6)
    network, programs = _programs(model)
    data, _ = with_programs(container.to_bytes(model), programs, in_parts=True)
    found = attar.Engine(data, threads=2)(x)
    oracle = Parts([_oracle(program) for program in programs], model).run(x)
    floats = dict(zip(("p", "best", "which"), Session(model).run_all(x), strict=True))
    assert not network.is_whole and container.open(data).in_parts
    assert found["which"].dtype == np.int64
    for name, values in oracle.items():
        assert np.array_equal(found[name], values)
        if name != "which":
            assert 0 < np.abs(values - floats[name]).max() < 0.05


@settings(max_examples=40)
@given(networks())
def test_any_network_in_parts_is_the_network(model):
    if not any(node.op_type == "Conv" for node in model.graph):
        return
    try:
        network, programs = _programs(model, bits=16)
    except ModelError as error:
        assert "operator" in str(error)  # nothing with weights reaches an output
        return
    x = _samples()
    wanted = dict(zip([value.name for value in model.graph.outputs], Session(model).run_all(x), strict=True))
    if network.is_whole:
        return
    found = Parts([_oracle(program) for program in programs], model).run(x)
    for name, values in wanted.items():
        assert np.abs(found[name] - values).max() <= 0.01 * max(np.abs(values).max(), 1)
    held = {node.outputs[0].name for part, _ in network.parts for node in part.graph}
    assert not held & network.outside.keys()


def test_a_whole_network_has_one_program_and_no_parts():
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[n,4,6,6] x) => (float[n,4,6,6] y) { y = Relu(x) }'
    model = ir.from_onnx_text(text)
    assert Network.of(model, Affine(), {}, SHAPES).is_whole
    assert _cut(model).parts == (model,)


def test_a_network_of_which_nothing_can_is_refused_with_a_reason():
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[n,4,6,6] x) => (float[n,4,6,6] y) { y = Det2(x) }'
    with pytest.raises(ModelError, match="operator Det2 'y': no integer arithmetic is known for it"):
        Network.of(ir.from_onnx_text(text), Affine(), {}, SHAPES)


def test_without_onnxruntime_the_operators_are_named(monkeypatch):
    model = detector()
    data, _ = with_programs(container.to_bytes(model), _programs(model)[1], in_parts=True)
    monkeypatch.setattr(parts_module, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match="operators CumSum, Softmax, TopK run in onnxruntime, which is not inst"):
        attar.Engine(data)


def test_parts_are_no_qdq_model():
    model = detector()
    data, _ = with_programs(container.to_bytes(model), _programs(model)[1], in_parts=True)
    with pytest.raises(ModelError, match="2 programs are parts of the graph"):
        to_qdq_onnx(container.open(data))


def test_an_opened_file_runs_too():
    model, x = detector(), _samples(2)
    data, _ = with_programs(container.to_bytes(model), _programs(model)[1], in_parts=True)
    found, wanted = (attar.Engine(source)(x) for source in (container.open(data), data))
    assert all(np.array_equal(found[name], values) for name, values in wanted.items())


def test_a_program_of_another_graph_is_refused():
    model = detector()
    data, _ = with_programs(container.to_bytes(model), _programs(model)[1], in_parts=True)
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[2] z) => (float[2] y) { y = Relu(z) }'
    other = container.open(container.to_bytes(ir.from_onnx_text(text)))
    programs = [bytes(program) for program in container.open(data).programs]
    with pytest.raises((ModelError, FormatError), match="program"):
        attar.Engine(other.with_programs(programs, in_parts=True))


def test_compress_says_what_stays_in_floats(tmp_path):
    model, x = detector(), _samples(64)
    result = attar.compress(model, data=x["x"], recipe="int8", integer=True)
    run_ = result.report.integers
    assert set(run_.outside) == {"d", "p", "best"} and run_.operators > 3
    result.save(tmp_path / "detector.attar")
    assert attar.Engine(tmp_path / "detector.attar")(x["x"][:2]).keys() == {"p", "best", "which"}
