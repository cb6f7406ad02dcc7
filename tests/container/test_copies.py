"""Tied tensors are stored once and come back twice; what is no copy of anything is refused by both readers."""

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from attar import container
from attar.container import reference
from attar.errors import FormatError

from . import models
from .build import COPY, file, tensor, varint
from .hostile_version2 import COPIES

NOISE = np.random.default_rng(0).normal(size=(40, 30)).astype(np.float32)


def write(*arrays, **named):
    """The file's bytes, and its coder bytes in table order."""
    tensors = {str(index): array for index, array in enumerate(arrays)} | named
    data = container.to_bytes(None, tensors=tensors)
    for name, plain in reference.decode(data).tensors.items():
        found = container.open(data).tensor(name)
        assert found.tobytes() == tensors[name].tobytes() == plain.raw
        assert (found.dtype.newbyteorder("="), found.shape) == (tensors[name].dtype.newbyteorder("="), plain.shape)
    return data, [entry.coder for entry in container.open(data).entries]


def test_tied_tensors_are_stored_once():
    alone, _ = write(NOISE)
    tied, coders = write(NOISE, NOISE.copy(), NOISE.copy())
    assert coders[1:] == [COPY, COPY]
    assert len(tied) < len(alone) + 40
    assert [container.open(tied).stream(str(index)) for index in (1, 2)] == [b"\0", b"\0"]


def test_all_that_follow_refer_to_the_first():
    data, coders = write(NOISE, -NOISE, NOISE, -NOISE, NOISE)
    assert coders[2:] == [COPY] * 3
    assert [container.open(data).stream(str(index)) for index in (2, 3, 4)] == [b"\0", b"\1", b"\0"]


def test_only_a_file_with_copies_needs_version_2():
    first, second = (np.random.default_rng(seed).integers(0, 2**64, 50, np.uint64) for seed in (1, 2))
    assert [write(*arrays)[0][4] for arrays in ([first], [first, second], [first, first])] == [1, 1, 2]


def test_bits_decide_and_not_values():
    zeros, nans = np.zeros(50, np.float32), np.full(50, np.nan, np.float32)
    other_nans = (nans.view(np.uint32) + 1).view(np.float32)
    assert [code == COPY for code in write(zeros, -zeros, nans, nans, other_nans)[1]] == [0, 0, 0, 1, 0]


def test_type_and_shape_have_to_agree():
    flat, bits = NOISE.reshape(-1), NOISE.view(np.int32)
    assert COPY not in write(NOISE, flat, bits, NOISE.reshape(30, 40), NOISE.reshape(40, 30, 1))[1]


def test_nothing_that_a_copy_would_not_shorten():
    empty, byte = np.zeros((0, 4), np.float32), np.array([7], np.uint8)
    assert COPY not in write(empty, empty, byte, byte)[1]


def test_memory_layout_does_not_matter():
    assert write(NOISE, np.asfortranarray(NOISE), np.tile(NOISE, 2)[:, 30:])[1][1:] == [COPY, COPY]


def test_rows_of_a_copy():
    data, _ = write(NOISE, NOISE)
    np.testing.assert_array_equal(container.open(data).rows("1", range(3, 9)), NOISE[3:9])


def test_the_report_shows_what_a_copy_takes(tmp_path):
    report = container.write(tmp_path / "t.attar", None, tensors={"a": NOISE, "b": NOISE})
    assert [(t.name, t.coder, t.payload_bytes) for t in report.tensors][1:] == [("b", COPY, 1)]
    assert sum(report.chunk_sizes.values()) == report.size_bytes


def test_tied_initializers_of_a_network():
    proto = models.linear()
    weights = {"w": NOISE[:2, :3], "b": NOISE[5, :3], "tied": NOISE[:2, :3]}
    proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    file = container.open(container.to_bytes(ir.from_proto(proto)))
    assert [entry.coder == COPY for entry in file.entries] == [False, False, True]
    found = file.model().graph.initializers
    for name, array in weights.items():
        np.testing.assert_array_equal(found[name].const_value.numpy(), array)


@pytest.mark.parametrize("name", COPIES)
def test_what_is_no_copy_is_refused_by_both_readers(name):
    data, _ = COPIES[name]
    with pytest.raises(FormatError, match=r"tensor 'w': copy"):
        container.open(data).tensor("w")
    with pytest.raises(FormatError):
        reference.decode(data)


def test_a_copy_of_a_damaged_tensor_names_the_damaged_one():
    data = file(tensor(b"a", crc=1), tensor(b"w", coder=COPY, stream=varint(0)), tensor(b"good"), version=2)
    opened = container.open(data)
    assert opened.tensor("good").tolist() == [7, 255]
    with pytest.raises(FormatError, match="tensor 'a': crc32"):
        opened.tensor("w")


SHAPES = st.sampled_from([(2,), (1, 2), (0,)])


@given(st.lists(st.tuples(st.sampled_from([2, 3]), SHAPES, st.none() | st.integers(0, 5)), max_size=5))
def test_both_readers_agree_on_any_references(entries):
    data = file(*(_entry(index, *entry) for index, entry in enumerate(entries)), version=2)
    assert _outcome(lambda: [array.tobytes() for _, array in container.open(data).tensors()]) == _outcome(
        lambda: [plain.raw for plain in reference.decode(data).tensors.values()]
    )


def _entry(index, dtype, dims, original):
    """A tensor of two bytes or none, or a copy."""
    raw = b"" if 0 in dims else bytes([index, 9])
    coder, stream = (0, raw) if original is None else (COPY, varint(original))
    return tensor(b"%d" % index, dtype, dims, coder, stream)


def _outcome(decode):
    try:
        return decode()
    except FormatError:
        return None
