"""Networks in two files, as torch's exporter writes them: read in every way, and counted whole."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from common import networks
from common.networks import build, normal
from common.running import random_feeds, run

import attar
from attar.errors import ModelError
from attar.graph import load, serialize
from attar.graph.external import bring_in, bytes_on_disk


@pytest.fixture
def pair(tmp_path):
    """A network in one file of operators and one of weights, in a folder of its own."""
    folder = tmp_path / "models"
    folder.mkdir()
    onnx.save(networks.mlp(), folder / "m.onnx", save_as_external_data=True, location="m.onnx.data", size_threshold=0)
    return folder / "m.onnx"


def test_every_way_to_name_it_reads_the_same(pair, monkeypatch):
    monkeypatch.chdir(pair.parent.parent)
    wanted = serialize(load(networks.mlp()))
    for source in (pair, "models/m.onnx", onnx.load(pair), ir.load(pair)):
        assert serialize(load(source)) == wanted
    monkeypatch.chdir(pair.parent)
    for source in ("m.onnx", onnx.load("m.onnx", load_external_data=False)):
        assert serialize(load(source)) == wanted


def test_arrays_outlive_what_is_done_with_the_network(pair):
    model = load(pair)
    arrays = {name: value.const_value.numpy() for name, value in model.graph.initializers.items()}
    assert run(load(serialize_and_parse(model)), random_feeds(model))
    x = normal(60, 12)
    sizes = {
        attar.compress(source, data=x, recipe="int8", max_error=50).size_bytes for source in (pair, networks.mlp())
    }
    assert len(sizes) == 1
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, onnx.numpy_helper.to_array(initializer(name)))


def serialize_and_parse(model):
    return onnx.load_from_string(serialize(model))


def initializer(name):
    return next(tensor for tensor in networks.mlp().graph.initializer if tensor.name == name)


def test_a_constant_and_a_tensor_without_numbers_are_brought_in(tmp_path):
    net = build(
        """net (float[n, 2] x) => (float[n, 3] y)
           { h = MatMul (x, w) c = Constant <value_ints = [1]> () y = Add (h, b) }""",
        {"w": normal(2, 3), "b": normal(3), "none": np.zeros((0, 4), np.float32)},
    )
    value = onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(normal(3), "held"))
    net.graph.node[1].attribute[0].CopyFrom(value)
    path = tmp_path / "m.onnx"
    onnx.save(net, path, save_as_external_data=True, location="d", size_threshold=0, convert_attribute=True)
    model = ir.load(path)
    bring_in(model)
    tensors = [value.const_value for value in model.graph.initializers.values()]
    tensors += [node.attributes["value"].as_tensor() for node in model.graph if "value" in node.attributes]
    assert len(tensors) == 4 and not any(isinstance(tensor, ir.ExternalTensor) for tensor in tensors)
    np.testing.assert_array_equal(tensors[3].numpy(), normal(3))
    assert load(path).graph.initializers["none"].const_value.size == 0


def test_a_message_whose_weights_are_not_here_says_how_to_read_it(pair, monkeypatch):
    monkeypatch.chdir(pair.parent.parent)
    with pytest.raises(ModelError, match=r"its weights lie in other files: give its path, or read it with onnx\.load"):
        load(onnx.load(pair, load_external_data=False))


def test_a_model_whose_file_is_gone_is_refused(pair):
    model = ir.load(pair)
    (pair.parent / "m.onnx.data").unlink()
    with pytest.raises(ModelError, match=r"the given onnx_ir\.Model: its data cannot be read"):
        load(model)


def test_both_files_are_counted_once(pair):
    both = sum(file.stat().st_size for file in pair.parent.iterdir())
    assert bytes_on_disk(pair) == both > pair.stat().st_size
    (pair.parent / "words").write_text("no network")
    assert bytes_on_disk(pair.parent / "words") == 10
