"""However a network keeps its weights: it computes what it did, they are found, and they can be changed."""

import ml_dtypes
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from common.any_model import CASES, feeds_of, function, integers, matmul, sparse, with_functions
from common.networks import build, normal
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import insert_low_rank, layer_macs, load, serialize, set_initializer, survey
from attar.graph.expose import expose
from attar.graph.readings import Unseen, readings

from .builders import save

everywhere = pytest.mark.parametrize("builder", CASES.values(), ids=CASES)


def many_feeds(proto):
    """Yield feeds that send every If both ways."""
    return (feeds_of(proto, seed) for seed in range(8))


def outputs(model, feeds):
    """Run without fusions, which may round in another order."""
    data = serialize(model) if isinstance(model, ir.Model) else model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"]).run(None, feeds)


def differ(ours, theirs):
    return any(not np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@everywhere
def test_the_network_computes_bit_for_bit_what_it_did(builder):
    proto = builder().proto
    model = load(proto)
    for feeds in many_feeds(proto):
        assert not differ(outputs(model, feeds), outputs(proto, feeds))
    onnx.checker.check_model(ir.to_proto(model), full_check=True)


@everywhere
def test_its_layers_are_found(builder):
    case = builder()
    model = load(case.proto)
    found = survey(model)
    seen = {layer.name: not isinstance(readings(model, layer.name), Unseen) for layer in found.layers}
    facts = {a.name: (a.op_type, a.role, a.channel_axis, seen[a.name]) for a in found.layers}
    assert facts == case.layers
    reasons = {alone.name: alone.reason for alone in found.left_alone}
    assert {name: reasons[name] for name in case.left_alone} == case.left_alone


@everywhere
def test_new_values_of_its_layers_change_what_it_computes(builder):
    case = builder()
    model = load(case.proto)
    for name in case.layers:
        changed = model.clone()
        old = changed.graph.initializers[name].const_value
        set_initializer(changed, name, old.numpy().astype(np.float32) + 0.5)
        assert changed.graph.initializers[name].const_value.dtype == old.dtype
        assert any(differ(outputs(changed, fed), outputs(model, fed)) for fed in many_feeds(case.proto))


@everywhere
def test_what_layers_multiply_are_tensors_of_the_network(builder):
    case = builder()
    model = load(case.proto)
    found = (readings(model, layer.name) for layer in survey(model).layers)
    named = {reading.tensor for each in found if not isinstance(each, Unseen) for reading in each}
    if named:
        assert len(outputs(expose(model, sorted(named)), feeds_of(case.proto))) == len(named)


@everywhere
def test_reading_it_twice_changes_nothing_more(builder, tmp_path):
    model = load(builder().proto)
    (tmp_path / "again.onnx").write_bytes(serialize(model))
    assert serialize(load(tmp_path / "again.onnx")) == serialize(model)


@everywhere
def test_the_given_proto_stays_as_it_was(builder):
    proto = builder().proto
    before = proto.SerializeToString(deterministic=True)
    load(proto)
    assert proto.SerializeToString(deterministic=True) == before


@everywhere
def test_counting_its_operations_is_harmless(builder):
    layer_macs(load(builder().proto))


def test_operations_behind_views_and_in_sequences_are_counted():
    counted = {
        name: layer_macs(load(CASES[name]().proto)) for name in ("tied_embedding", "tables", "lstm", "loop_body")
    }
    assert counted["tied_embedding"] == {"table": 5 * 9 * 4}
    assert counted["tables"] == {"words": 0, "places": 0}
    assert counted["lstm"] == {"w": 7 * 2 * 20 * 3, "r": 7 * 2 * 20 * 5}
    assert counted["loop_body"] == {"w": None}


DEQUANTIZED = [name for name in CASES if name.startswith(("quantized", "fake"))]


@pytest.mark.parametrize("name", DEQUANTIZED)
def test_dequantized_weights_are_one_float_tensor(name):
    model = load(CASES[name]().proto)
    assert model.graph.initializers["w"].dtype == ir.DataType.FLOAT
    readers = [use.node.op_type for use in model.graph.initializers["w"].uses()]
    assert set(readers) <= {"MatMul", "Conv"}
    gone = {"s", "z", "t"} & set(model.graph.initializers)
    assert not gone


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([np.int8, np.uint8, ml_dtypes.int4, ml_dtypes.uint4]),
    st.sampled_from([None, 0, 1]),
    st.integers(0, 1000),
)
def test_any_grid_is_folded_to_what_onnxruntime_computes(dtype, axis, seed):
    shape = () if axis is None else ((6, 4)[axis],)
    tensors = {"w": integers(6, 4, seed=seed, dtype=dtype), "s": np.abs(normal(*shape, seed=seed)) + np.float32(1e-3)}
    tensors["z"] = np.asarray(integers(*shape, seed=seed + 1, dtype=dtype))
    text = f"u = DequantizeLinear <axis = {axis or 0}> (w, s, z)"
    proto = matmul(text, tensors).proto
    value = onnx.helper.make_tensor_value_info("u", onnx.TensorProto.FLOAT, [6, 4])
    folded = load(proto).graph.initializers["w"].const_value.numpy()
    proto.graph.output.append(value)
    np.testing.assert_array_equal(folded, outputs(proto, feeds_of(proto))[1])


def test_a_matrix_in_a_branch_can_become_two():
    case = CASES["branches_with_constants_of_one_name"]()
    model = load(case.proto)
    expected = model.clone()
    inner, outer = normal(4, 2), normal(2, 4, seed=1)
    insert_low_rank(model, "w", inner, outer)
    set_initializer(expected, "w", inner @ outer)
    for feeds in many_feeds(case.proto):
        np.testing.assert_allclose(outputs(model, feeds)[0], outputs(expected, feeds)[0], rtol=1e-4, atol=1e-5)


def test_brain_floats_come_back_as_brain_floats():
    text = "net (bfloat16[n, 6] x) => (bfloat16[n, 4] y) { t = Transpose (w)  y = MatMul (x, t) }"
    values = normal(4, 6).astype(ml_dtypes.bfloat16)
    model = load(build(text, {"w": values}))
    held = model.graph.initializers["w"].const_value
    assert held.dtype == ir.DataType.BFLOAT16
    np.testing.assert_array_equal(held.numpy().astype(np.float32), values.T.astype(np.float32))
    set_initializer(model, "w", np.full((6, 4), 1.0, np.float32))
    assert model.graph.initializers["w"].const_value.dtype == ir.DataType.BFLOAT16


@pytest.mark.parametrize("opset", range(7, onnx.defs.onnx_opset_version() + 1))
def test_every_opset_is_read(opset):
    """Up to the newest that this onnxruntime promises to run."""
    proto = build(
        "net (float[n, 4] x) => (float[n, 6] y) { t = Transpose (w)  h = MatMul (x, t)  y = Relu (h) }",
        {"w": normal(6, 4)},
        opset=opset,
        ir_version=6 if opset < 15 else 10,
    )
    (layer,) = survey(load(proto)).layers
    assert (layer.name, layer.shape, layer.channel_axis) == ("w", (4, 6), 1)


@pytest.mark.parametrize("place", [24, -30])
def test_a_sparse_tensor_with_numbers_outside_is_refused(place):
    tensor = sparse()
    proto = CASES["sparse_initializer"]().proto
    tensor.indices.CopyFrom(onnx.numpy_helper.from_array(np.array([0, 7, place]), "places"))
    proto.graph.sparse_initializer[0].CopyFrom(tensor)
    with pytest.raises(ModelError, match=r"outside of its shape \(4, 6\)|not a valid ONNX model"):
        load(proto)


def test_a_sparse_tensor_of_any_size_is_refused_before_memory_is_taken(tmp_path):
    proto = CASES["sparse_initializer"]().proto
    proto.graph.sparse_initializer[0].dims[:] = [2**40, 6]
    with pytest.raises(ModelError, match=r"tensors of the network take 26,388,279,0\d\d,\d+ bytes; the limit"):
        load(save(proto, tmp_path))


def test_functions_that_call_each_other_are_refused():
    nodes = {n: [onnx.helper.make_node(m, ["x"], ["y"], domain="own")] for n, m in (("a", "b"), ("b", "a"))}
    with pytest.raises(ModelError):
        load(with_functions([function(name, calls, 21) for name, calls in nodes.items()], ["a"]))


def test_a_function_whose_operators_mean_something_else_stays_one():
    """A checked file can't hold one, a graph made by hand can."""
    proto = CASES["function_of_another_opset"]().proto
    proto.functions[0].opset_import[0].version = 20  # a younger Constant
    found = survey(load(ir.from_proto(proto)))
    assert [(alone.name, alone.reason) for alone in found.left_alone] == [("w", "inside function dense")]


def test_weights_read_elsewhere_too_are_not_stored_twice():
    model = load(CASES["tied_embedding"]().proto)
    assert [value.name for value in model.graph.initializers.values()] == ["table"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(CASES)), st.lists(st.tuples(st.integers(0, 2**20), st.integers(1, 255)), min_size=1))
def test_a_damaged_network_is_read_or_refused_never_worse(name, flips):
    data = bytearray(CASES[name]().proto.SerializeToString())
    for position, flip in flips:
        data[position % len(data)] ^= flip
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(bytes(data))
    except DecodeError:
        return
    try:
        survey(load(proto))
    except ModelError as error:
        assert str(error) and "\n" not in str(error)
