"""Damaged QDQ models: whatever a stranger's file says, there is a program or an error that names what is wrong."""

import contextlib

import numpy as np
import onnx
import pytest
from common.networks import build, normal
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnxruntime.quantization import QuantType

from attar.errors import ModelError
from attar.graph import load, serialize
from attar.runtime.integer.qdq import from_qdq

from .quantized import quantized

OPERATORS = ["QuantizeLinear", "DequantizeLinear", "Clip", "Relu", "MaxPool", "Add", "Concat", "Identity", "Transpose"]
OPERATORS += ["Conv", "MatMul", "Reshape", "Squeeze", "Flatten", "QLinearConv", "Pad"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    """A file of onnxruntime's quantizer."""
    source = build(
        """net (float[n, 2, 4, 4] x) => (float[n, 3] y) {
            c = Conv (x, w, b)  r = Relu (c)  m = MaxPool <kernel_shape = [2, 2]> (r)  j = Concat <axis = 1> (m, m)
            f = Flatten (j)  y = Gemm (f, v, k)
        }""",
        {"w": normal(2, 2, 2, 2), "b": normal(2), "v": normal(16, 3), "k": normal(3)},
    )
    options = {"activation_type": QuantType.QInt8, "weight_type": QuantType.QInt8, "per_channel": True}
    return serialize(quantized(source, {"x": normal(9, 2, 4, 4)}, tmp_path_factory.mktemp("sound"), **options))


def read(proto: onnx.ModelProto) -> None:
    """Read a model; any other error than ModelError is a fault of ours."""
    with contextlib.suppress(ModelError):
        from_qdq(load(proto, fold=False))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_flipped_bytes(sound, seed):
    rng, changed = np.random.default_rng(seed), bytearray(sound)
    for place in rng.integers(0, len(sound), int(rng.integers(1, 4))):
        changed[place] = rng.integers(0, 256)
    proto = onnx.ModelProto()
    with contextlib.suppress(DecodeError):
        proto.ParseFromString(bytes(changed))
        read(proto)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_graphs_wired_at_random(sound, seed):
    proto = onnx.ModelProto()
    proto.ParseFromString(sound)
    rng = np.random.default_rng(seed)
    for change in rng.choice(CHANGES, int(rng.integers(1, 3))):
        change(proto.graph, _one_of(rng, proto.graph.node), rng)
    read(proto)


def _one_of(rng: np.random.Generator, things):
    return things[int(rng.integers(len(things)))]


def _rewire(graph: onnx.GraphProto, node: onnx.NodeProto, rng: np.random.Generator) -> None:
    if node.input:
        others = [tensor.name for tensor in graph.initializer] + [_one_of(rng, graph.node).output[0]] * 10
        node.input[int(rng.integers(len(node.input)))] = _one_of(rng, others)


def _cut(graph: onnx.GraphProto, node: onnx.NodeProto, rng: np.random.Generator) -> None:
    if node.input:
        del node.input[int(rng.integers(len(node.input)))]


def _rename(graph: onnx.GraphProto, node: onnx.NodeProto, rng: np.random.Generator) -> None:
    node.op_type = _one_of(rng, OPERATORS)


def _move(graph: onnx.GraphProto, node: onnx.NodeProto, rng: np.random.Generator) -> None:
    node.domain = _one_of(rng, ["", "com.microsoft", "other"])


def _set(graph: onnx.GraphProto, node: onnx.NodeProto, rng: np.random.Generator) -> None:
    del node.attribute[:]
    name = _one_of(rng, ["axis", "block_size", "output_dtype"])
    node.attribute.append(onnx.helper.make_attribute(name, int(rng.integers(-5, 30))))


def _shorten(graph: onnx.GraphProto, node: onnx.NodeProto, rng: np.random.Generator) -> None:
    tensor = _one_of(rng, graph.initializer)
    values = onnx.numpy_helper.to_array(tensor).reshape(-1)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values[: max(1, values.size // 2)], tensor.name))


def _show(graph: onnx.GraphProto, node: onnx.NodeProto, rng: np.random.Generator) -> None:
    graph.output.append(onnx.helper.make_tensor_value_info(node.output[0], int(rng.integers(1, 8)), None))


CHANGES = [_rewire, _cut, _rename, _move, _set, _shorten, _show]
