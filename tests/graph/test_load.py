"""What can be read is read whole; everything else is refused in words that name the file, the tensor and the limit."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from common import networks
from common.running import random_feeds, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import load, serialize, survey

from .builders import make_external, save, with_external

WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)


def values_of(model, name="w"):
    return model.graph.initializers[name].const_value.numpy()


@pytest.fixture
def folder(tmp_path):
    """A model's folder with good, short and linked weight files, and one file beside the folder."""
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    for path in (home / "weights.bin", home / "sub" / "weights.bin", tmp_path / "outside.bin"):
        path.write_bytes(WEIGHTS.tobytes())
    (home / "short.bin").write_bytes(b"123")
    (home / "link.bin").symlink_to(tmp_path / "outside.bin")
    (home / "folder_link").symlink_to(tmp_path)
    return home


@pytest.mark.parametrize("builder", networks.NETWORKS.values(), ids=networks.NETWORKS)
def test_a_file_computes_what_its_proto_does(builder, tmp_path):
    proto = builder()
    model = load(save(proto, tmp_path))
    feeds = random_feeds(model)
    for ours, theirs in zip(run(model, feeds), run(ir.from_proto(proto), feeds), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_path_text_proto_and_model_give_the_same_network(tmp_path):
    proto = networks.mlp()
    path = save(proto, tmp_path)
    sources = (path, str(path), proto, ir.from_proto(proto))
    assert len({serialize(load(source)) for source in sources}) == 1


@pytest.mark.parametrize("builder", networks.NETWORKS.values(), ids=networks.NETWORKS)
def test_the_given_objects_are_never_changed(builder):
    proto = builder()
    model = ir.from_proto(proto)
    before = proto.SerializeToString(deterministic=True), serialize(model)
    for source in (proto, model):
        loaded = load(source)
        for value in loaded.graph.initializers.values():
            value.const_value = ir.tensor(np.zeros_like(value.const_value.numpy()))
    assert (proto.SerializeToString(deterministic=True), serialize(model)) == before


def test_weights_behind_a_constant_become_an_initializer():
    (layer,) = survey(load(networks.behind_constant())).layers
    assert (layer.name, layer.shape) == ("held", (6, 5))


def test_initializers_that_old_files_list_as_inputs_are_inputs_no_more():
    model = load(networks.listed_inputs())
    assert [value.name for value in model.graph.inputs] == ["x"]
    onnx.checker.check_model(ir.to_proto(model), full_check=True)


def test_defaults_that_a_caller_may_override_stay_inputs():
    proto = networks.listed_inputs()
    proto.ir_version = 4
    assert [value.name for value in load(proto).graph.inputs] == ["x", "w", "b"]


@pytest.mark.parametrize(
    "location, entries",
    [("weights.bin", {}), ("weights.bin", {"offset": 0, "length": 24}), ("sub/weights.bin", {})],
)
def test_external_data_inside_the_folder_is_read(folder, location, entries):
    model = load(save(with_external(location, **entries), folder))
    np.testing.assert_array_equal(values_of(model), WEIGHTS)
    assert WEIGHTS.tobytes() in serialize(model)


def test_external_data_is_found_from_any_working_folder(folder, monkeypatch):
    save(with_external("weights.bin"), folder)
    monkeypatch.chdir(folder.parent)
    np.testing.assert_array_equal(values_of(load("home/model.onnx")), WEIGHTS)


REFUSED_DATA = [
    ("../outside.bin", {}, r"'w': external data '../outside.bin' lies outside the model's folder"),
    ("sub/../../outside.bin", {}, r"'w': external data .* lies outside the model's folder"),
    ("/etc/hostname", {}, r"'w': external data '/etc/hostname' lies outside the model's folder"),
    ("link.bin", {}, r"'w': external data 'link.bin' lies outside the model's folder"),
    ("folder_link/outside.bin", {}, r"'w': external data .* lies outside the model's folder"),
    ("", {}, r"'w': external data '' lies outside the model's folder"),
    ("nowhere.bin", {}, r"'w': external data file 'nowhere.bin' is missing"),
    ("sub", {}, r"'w': external data file 'sub' is missing"),
    ("short.bin", {}, r"'w': external data ends at byte 24, its file has 3"),
    ("short.bin", {"length": 3}, r"'w': external data ends at byte 24, its file has 3"),
    ("weights.bin", {"length": 25}, r"'w': external data ends at byte 25, its file has 24"),
    ("weights.bin", {"offset": 4}, r"'w': external data ends at byte 28, its file has 24"),
    ("weights.bin", {"offset": -4}, r"'w': external offset -4 or length 0 is negative"),
    ("weights.bin", {"offset": 30, "length": -6}, r"'w': external offset 30 or length -6 is negative"),
    ("weights.bin", {"length": "all"}, r"'w': external offset or length is not a number"),
]


@pytest.mark.parametrize("location, entries, message", REFUSED_DATA)
def test_external_data_that_cannot_be_right_is_refused(folder, location, entries, message):
    with pytest.raises(ModelError, match=message) as caught:
        load(save(with_external(location, **entries), folder))
    assert str(folder / "model.onnx") in str(caught.value)


def test_external_data_in_a_subgraph_is_read_from_the_folder(folder):
    proto = networks.branches()
    inner = proto.graph.node[1].attribute[0].g.initializer[0]
    (folder / "inner.bin").write_bytes(inner.raw_data)
    make_external(inner, "inner.bin")
    model = load(save(proto, folder))
    feeds = random_feeds(model)
    np.testing.assert_array_equal(run(model, feeds)[0], run(load(networks.branches()), feeds)[0])


@pytest.mark.parametrize("location", ["../outside.bin", "/etc/hostname", "link.bin"])
def test_external_data_in_a_subgraph_cannot_leave_the_folder(folder, location):
    proto = networks.branches()
    make_external(proto.graph.node[1].attribute[0].g.initializer[0], location)
    with pytest.raises(ModelError, match=r"'inner': external data .* lies outside the model's folder"):
        load(save(proto, folder))


@pytest.mark.parametrize("location", ["../outside.bin", "/etc/hostname", "link.bin"])
def test_external_data_in_a_constant_cannot_leave_the_folder(folder, location):
    proto = networks.behind_constant()
    make_external(proto.graph.node[0].attribute[0].t, location)
    with pytest.raises(ModelError, match=r"'held': external data .* lies outside the model's folder"):
        load(save(proto, folder))


def test_a_proto_cannot_point_outside_of_the_working_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for location in ("../outside.bin", str(folder / "weights.bin"), "nowhere.bin"):
        with pytest.raises(ModelError, match="the given ModelProto: not a valid ONNX model"):
            load(with_external(location))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.onnx: cannot be read: No such file"):
        load(tmp_path / "gone.onnx")


def test_a_folder_is_not_a_model(tmp_path):
    with pytest.raises(ModelError, match="cannot be read: it is a folder"):
        load(tmp_path)


def test_an_empty_file_is_not_a_model(tmp_path):
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ModelError, match=r"empty\.onnx: not an ONNX model: 0 bytes without a single operator"):
        load(tmp_path / "empty.onnx")


@pytest.mark.parametrize("data", [b"# a README, not a network\n", b"\x89PNG\r\n\x1a\n" + bytes(40), b"PK\x03\x04" * 9])
def test_other_files_are_not_models(tmp_path, data):
    (tmp_path / "other").write_bytes(data)
    with pytest.raises(ModelError, match="other: not an ONNX"):
        load(tmp_path / "other")


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path):
    data = networks.mlp().SerializeToString()
    # The opset stands behind the graph: a file without it is still a message, and the checker tells.
    for end in {*range(1, len(data), 97), len(data) - 1, len(data) - 3}:
        (tmp_path / "cut.onnx").write_bytes(data[:end])
        with pytest.raises(ModelError, match=r"cut\.onnx: not a(n| valid) ONNX"):
            load(tmp_path / "cut.onnx")


def test_a_graph_without_operators_is_not_a_model(tmp_path):
    proto = networks.mlp()
    del proto.graph.node[:]
    with pytest.raises(ModelError, match="without a single operator"):
        load(save(proto, tmp_path))


def test_an_invalid_graph_is_refused_with_the_checkers_reason(tmp_path):
    proto = networks.mlp()
    proto.graph.node[0].op_type = "Gemmm"
    with pytest.raises(ModelError, match=r"not a valid ONNX model: .*Gemmm"):
        load(proto)


NEWEST = onnx.defs.onnx_opset_version()


@pytest.mark.parametrize("opset", [1, 6, NEWEST + 1, 999])
@pytest.mark.parametrize("domain", ["", "ai.onnx"])
@pytest.mark.parametrize("kind", ["proto", "model"])
def test_an_opset_that_is_too_old_or_too_new_is_refused(opset, domain, kind):
    model = ir.from_proto(networks.mlp())
    model.opset_imports.clear()
    model.opset_imports[domain] = opset
    with pytest.raises(ModelError, match=f"opset {opset} is not supported: 7 to {NEWEST} are|not a valid ONNX model"):
        load(ir.to_proto(model) if kind == "proto" else model)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_weights_that_are_not_numbers_are_counted(dtype):
    model = ir.from_proto(networks.mlp())
    values = np.ones((16, 12), dtype)
    values[3, 4] = values[0, 0] = np.nan
    model.graph.initializers["turned"].const_value = ir.tensor(values)
    model.graph.initializers["turned"].dtype = ir.tensor(values).dtype
    with pytest.raises(ModelError, match="initializer 'turned': 2 of its 192 values are NaN"):
        load(model)


def test_an_initializer_without_data_is_named():
    model = ir.from_proto(networks.mlp())
    model.graph.initializers["straight"].const_value = None
    with pytest.raises(ModelError, match="initializer 'straight' has no data"):
        load(model)


@pytest.mark.parametrize("source", [3, None, b"bytes", np.zeros(3), {}])
def test_an_unknown_source_is_named_by_its_type(source):
    with pytest.raises(ModelError, match=f"a model must be a path, .*, not {type(source).__name__}"):
        load(source)


GOOD = networks.detector().SerializeToString()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(1, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_read_or_refused_never_worse(tmp_path, flips):
    data = bytearray(GOOD)
    for position, flip in flips:
        data[position] ^= flip
    (tmp_path / "damaged.onnx").write_bytes(data)
    try:
        survey(load(tmp_path / "damaged.onnx"))
    except ModelError as error:
        assert str(error) and "\n" not in str(error)
