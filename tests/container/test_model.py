"""A network goes through a file unchanged: same graph, same numbers, same bytes when written again."""

import json

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from attar import container
from attar.errors import ModelError

from . import models

PREPROCESSING = {"size": {"height": 8}, "mean": [0.5]}


@pytest.fixture
def model():
    return ir.from_proto(models.rich())


def round_trip(model, **content):
    return container.open(container.to_bytes(model, **content)).model()


def run(proto, feed):
    return onnxruntime.InferenceSession(proto.SerializeToString()).run(None, feed)


def lines(node):
    """The node as text, nested ones included, without the fields that the parser leaves empty."""
    return [line for line in str(node).splitlines() if not line.endswith(': ""')]


def test_outputs_are_equal(model):
    again = ir.to_proto(round_trip(model))
    onnx.checker.check_model(again, full_check=True)
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    for flag in (True, False):
        for bias in ({}, {"bias": np.array([1, -2, 3], np.float32)}):
            feed = {"x": x, "flag": np.array(flag)} | bias
            for ours, theirs in zip(run(again, feed), run(models.rich(), feed), strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_graph_is_equal(model):
    again, proto = ir.to_proto(round_trip(model)), models.rich()
    assert [lines(node) for node in again.graph.node][1:] == [lines(node) for node in proto.graph.node][1:]
    assert again.opset_import == proto.opset_import
    assert [value.name for value in again.graph.input] == ["x", "bias", "flag"]
    assert list(again.graph.output) == list(proto.graph.output)
    assert [lines(node) for node in again.functions[0].node] == [lines(node) for node in proto.functions[0].node]
    assert (again.ir_version, again.producer_name) == (proto.ir_version, proto.producer_name)


def test_initializers_keep_their_order_and_values(model):
    again = round_trip(model)
    # The table's tensors come first: strings have no place in it.
    assert list(again.graph.initializers) == ["weight", "bias", "half", "numbers", "words"]
    for name, value in model.graph.initializers.items():
        np.testing.assert_array_equal(again.graph.initializers[name].const_value.numpy(), value.const_value.numpy())
    assert again.graph.initializers["bias"] is again.graph.inputs[1]
    assert container.open(container.to_bytes(model)).entries[0].name == "weight"


def test_notes_of_exporters_are_left_out(model):
    again = ir.to_proto(round_trip(model))
    text = str(again)
    assert "somebody" not in text and "secret" not in text and "pkg." not in text
    for place in (again, again.graph, again.graph.node[0], again.graph.input[0], again.functions[0]):
        assert [(entry.key, entry.value) for entry in place.metadata_props] == [("kept", "yes")]


def test_the_given_model_is_not_changed(model):
    model.graph.initializers["weight"].const_value.name = "another name"
    before = [value.const_value.name for value in model.graph.initializers.values()]
    proto = ir.to_proto(model.clone()).SerializeToString(deterministic=True)
    model.graph.initializers["weight"].const_value.name = "another name"
    container.to_bytes(model, preprocessing=PREPROCESSING)
    assert [value.const_value.name for value in model.graph.initializers.values()] == before
    assert ir.to_proto(model).SerializeToString(deterministic=True) == proto


def test_bytes_are_deterministic_and_survive_a_round_trip(model, tmp_path):
    content = {"preprocessing": PREPROCESSING, "class_names": ["cat", "d\u00f6g"], "provenance": {"b": 1, "a": 2}}
    data = container.to_bytes(model, **content)
    assert container.to_bytes(ir.from_proto(models.rich()), **content) == data
    assert container.to_bytes(round_trip(model, **content), provenance={"a": 2, "b": 1}) == data
    container.write(tmp_path / "m.attar", model, **content)
    assert (tmp_path / "m.attar").read_bytes() == data


def test_meta_travels_between_metadata_and_chunk(model):
    model.metadata_props["preprocessing"] = json.dumps(PREPROCESSING, indent=2)
    model.metadata_props["class_names"] = '["old"]'
    file = container.open(container.to_bytes(model, class_names=("new", "er")))
    assert (file.preprocessing, file.class_names) == (PREPROCESSING, ["new", "er"])
    again = file.model().metadata_props
    assert {key: json.loads(again[key]) for key in ("preprocessing", "class_names")} == {
        "preprocessing": PREPROCESSING,
        "class_names": ["new", "er"],
    }
    assert again["kept"] == "yes"


@pytest.mark.parametrize("text", ["not json", "[1]", "null", "[" * 5000, '{"a":1e999}'])
def test_other_text_under_our_key_stays_as_it_is(model, text):
    model.metadata_props["preprocessing"] = text
    file = container.open(container.to_bytes(model))
    assert file.preprocessing is None
    assert file.model().metadata_props["preprocessing"] == text


def test_strip_removes_provenance_alone(model):
    data = container.to_bytes(model, provenance={"recipe": "x" * 50})
    file = container.open(data)
    assert file.provenance == {"recipe": "x" * 50}
    assert file.strip() == container.to_bytes(model) == container.open(file.strip()).strip()
    assert len(data) - len(file.strip()) == file.chunk_sizes["provenance"]


def test_two_models_of_one_file_are_independent(model):
    file = container.open(container.to_bytes(model))
    first, second = file.model(), file.model()
    first.graph.initializers["words"].const_value.name = "changed"
    first.graph.initializers["weight"].const_value = ir.tensor(np.zeros((4, 3), np.float32))
    assert second.graph.initializers["words"].const_value.name == "words"
    assert file.model().graph.initializers["weight"].const_value.numpy().any()


def test_quantization_annotations_are_kept(model):
    for name in ("weight", "words"):
        model.graph.initializers[name].meta["quant_parameter_tensor_names"] = {"SCALE_TENSOR": "half"}
    proto = ir.to_proto(round_trip(model))
    assert {entry.tensor_name for entry in proto.graph.quantization_annotation} == {"weight", "words"}


def test_external_initializers_are_stored_inside(model, tmp_path):
    four_bit = ir.tensor(np.array([1, -3], np.int8), dtype=ir.DataType.INT4, name="four")
    model.graph.register_initializer(ir.Value(name="four", const_value=four_bit))
    model.graph.initializers.pop("words")  # onnx_ir cannot store strings outside
    ir.save(model, tmp_path / "m.onnx", external_data="m.data", size_threshold_bytes=0)
    again = round_trip(ir.load(tmp_path / "m.onnx"))
    np.testing.assert_array_equal(again.graph.initializers["four"].const_value.numpy().astype(int), [1, -3])
    weight = again.graph.initializers["weight"].const_value.numpy()
    np.testing.assert_array_equal(weight, model.graph.initializers["weight"].const_value.numpy())


def test_what_cannot_be_stored_is_named(model):
    with pytest.raises(ModelError, match="tensor 'far' inside a node lies in another file"):
        container.to_bytes(ir.from_proto(models.with_external_attribute()))
    with pytest.raises(ModelError, match="exactly one"):
        container.to_bytes(model, tensors={})
    model.graph.initializers["half"].const_value = None
    with pytest.raises(ModelError, match="initializer 'half' has no data"):
        container.to_bytes(model)
