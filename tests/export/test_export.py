"""A compressed file in other formats: the same graph, the same numbers, bit for bit."""

import ml_dtypes
import numpy as np
import onnx
import pytest
import safetensors
import safetensors.numpy
from compression import nets

import attar
from attar import container
from attar.errors import FormatError
from attar.export import to_onnx, to_safetensors

NETWORKS = {"classifier": nets.classifier, "regressor": nets.regressor, "unknown": nets.with_unknown_operators}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_onnx_runs_to_the_same_bits(make):
    network = make()
    inputs = {i.name: np.random.default_rng(0).normal(size=shape_of(i)).astype(np.float32) for i in network.graph.input}
    opened = attar.open(attar.compress(network, recipe="int8").data)
    exported = to_onnx(opened.file)
    onnx.checker.check_model(onnx.load_from_string(exported), full_check=True)
    names = [o.name for o in onnx.load_from_string(exported).graph.output]
    assert names == [o.name for o in network.graph.output]
    for ours, theirs in zip(opened(inputs).values(), nets.run(exported, **inputs), strict=True):
        assert ours.tobytes() == theirs.tobytes()


def shape_of(value):
    return [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]


def test_onnx_without_any_change_is_the_original(tmp_path):
    network = nets.classifier()
    result = attar.compress(network, plan={})
    exported = onnx.load_from_string(to_onnx(result.file))
    for name, values in nets.weights(network).items():
        np.testing.assert_array_equal(nets.weights(exported)[name], values)


def test_onnx_keeps_class_names_and_preprocessing():
    network = nets.classifier()
    network.metadata_props.add(key="class_names", value='["a", "b", "c", "d"]')
    exported = onnx.load_from_string(to_onnx(attar.compress(network, recipe="int8").file))
    assert {p.key: p.value for p in exported.metadata_props} == {"class_names": '["a","b","c","d"]'}


def test_safetensors_read_back():
    file = attar.compress(nets.classifier(), recipe="int8").file
    loaded = safetensors.numpy.load(to_safetensors(file))
    assert set(loaded) == {entry.name for entry in file.entries}
    for name, values in file.tensors():
        np.testing.assert_array_equal(loaded[name], values)


TYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]
TYPES += [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.bool_]


SAFETENSORS_NAMES = {"float32": "F32", "float64": "F64", "float16": "F16", "bfloat16": "BF16", "bool": "BOOL"}
SAFETENSORS_NAMES |= {
    f"{kind}{bits}": f"{kind[0].upper()}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)
}


@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: np.dtype(t).name)
@pytest.mark.parametrize("shape", [(), (0,), (3, 2)])
def test_safetensors_of_every_type(dtype, shape):
    values = np.array(np.random.default_rng(0).integers(0, 2, shape), dtype)
    file = container.open(container.to_bytes(None, tensors={"w": values}))
    ((name, stored),) = safetensors.deserialize(to_safetensors(file))  # safetensors.numpy itself reads no bfloat16
    assert name == "w" and tuple(stored["shape"]) == shape and bytes(stored["data"]) == values.tobytes()
    assert stored["dtype"] == SAFETENSORS_NAMES[np.dtype(dtype).name]


def test_weights_only_file_has_no_graph_to_export():
    file = container.open(container.to_bytes(None, tensors={"w": np.ones(3, np.float32)}))
    with pytest.raises(FormatError, match="no graph"):
        to_onnx(file)
    assert list(safetensors.numpy.load(to_safetensors(file))) == ["w"]
