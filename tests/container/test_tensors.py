"""Tensors alone: what goes in comes out bit for bit, and the report accounts for every byte."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from attar import codec, container
from attar.container import reference
from attar.errors import FormatError, ModelError

DTYPES = [np.dtype(code) for code in "fdeBbHhIiQq?"] + [np.dtype(ml_dtypes.bfloat16)]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@st.composite
def arrays(draw):
    """An array of any table dtype and small shape with any bits, bools excepted."""
    dtype, shape = draw(st.sampled_from(DTYPES)), draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    return (raw & 1 if dtype.kind == "b" else raw).view(dtype).reshape(shape)


@given(st.dictionaries(NAMES, arrays(), max_size=4))
def test_round_trip(tensors):
    data = container.to_bytes(None, tensors=tensors)
    file = container.open(data)
    assert [entry.name for entry in file.entries] == list(tensors)
    for (name, found), plain in zip(file.tensors(), reference.decode(data).tensors.values(), strict=True):
        given_array = tensors[name]
        assert (found.dtype, found.shape) == (given_array.dtype, given_array.shape)
        assert found.tobytes() == given_array.tobytes() == plain.raw


def test_other_memory_layouts_are_stored_in_row_major_order():
    array = np.arange(6, dtype=">f4").reshape(2, 3).T
    (found,) = dict(container.open(container.to_bytes(None, tensors={"t": array})).tensors()).values()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, array)


def test_report_accounts_for_every_byte(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {"w": rng.normal(size=(30, 40)).astype(np.float32), "n": np.arange(9), "e": np.empty((0, 2), bool)}
    report = container.write(tmp_path / "t.attar", None, tensors=tensors, provenance={"seed": 3})
    assert report.size_bytes == (tmp_path / "t.attar").stat().st_size == sum(report.chunk_sizes.values())
    assert list(report.chunk_sizes) == ["header", "table", "provenance", "streams", "end"]
    payloads = sum(tensor.payload_bytes for tensor in report.tensors)
    length_bytes = (payloads.bit_length() + 6) // 7
    assert report.chunk_sizes["streams"] == 1 + length_bytes + payloads + 4
    assert [(t.name, t.dtype, t.shape) for t in report.tensors][1:] == [("n", "int64", (9,)), ("e", "bool", (0, 2))]


def test_weights_only(tmp_path):
    path = tmp_path / "weights.attar"
    container.write(path, None, tensors={"w": np.ones(3, np.float32)}, class_names=["a", "b"])
    file = container.open(path)
    assert not file.has_graph and file.path == path and file.class_names == ["a", "b"]
    with pytest.raises(FormatError, match="weights-only"):
        file.model()


def test_hint_is_used():
    integers = np.array([[0, 1, -2], [3, 0, 1]], np.int32)
    scales = np.array([0.1, 0.3], np.float32)
    tensors = {"w": integers.astype(np.float32) * scales[:, None]}
    hint = codec.GridHint(integers=integers, scales=scales, axis=0)
    data = container.to_bytes(None, tensors=tensors, hints={"w": hint, "elsewhere": hint})
    (entry,) = container.open(data).entries
    np.testing.assert_array_equal(container.open(data).tensor("w"), tensors["w"])
    assert entry.coder == codec.encode(tensors["w"], hint=hint).coder


@pytest.mark.parametrize(
    ("tensors", "error"),
    [
        ({"c": np.ones(1, complex)}, "'c': element type complex128"),
        ({"o": np.array(["x"])}, "'o': element type <U1"),
        ({"": np.ones(1)}, "its name has 0 bytes"),
        ({"n" * 4097: np.ones(1)}, "its name has 4097 bytes"),
        ({"\ud800": np.ones(1)}, "not Unicode"),
        ({"d": np.ones((1,) * 17)}, "rank 17, the limit is 16"),
        ({"z": np.empty((0, 2**33), np.int8)}, f"multiply to {2**33}"),
        ({str(n): np.ones(0) for n in range(65_537)}, "65537 tensors, the limit is 65536"),
        (None, "exactly one"),
    ],
)
def test_what_cannot_be_stored_is_named(tensors, error):
    with pytest.raises(ModelError, match=error):
        container.to_bytes(None, tensors=tensors)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"provenance": {"seed": float("nan")}}, "provenance cannot be written as JSON"),
        ({"provenance": {"seed": b"x"}}, "provenance cannot be written as JSON"),
        ({"provenance": {"log": "x" * 2**20}}, "the limit is 1048576"),
        ({"preprocessing": {"a": "\ud800"}}, "meta cannot be written as JSON"),
        ({"preprocessing": [1]}, "preprocessing is of type list"),
        ({"class_names": ["a", 2]}, "class_names is not a list of strings"),
    ],
)
def test_json_that_cannot_be_stored_is_named(content, error):
    with pytest.raises(ModelError, match=error):
        container.to_bytes(None, tensors={}, **content)
