"""No byte of a file can be lost or changed without an error, and nothing is allocated before its limit is checked."""

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar import container
from attar.container import reference
from attar.errors import FormatError

from . import fuzz
from .build import chunk, file, stored, tensor, varint
from .good import GOOD

MUTANTS = 5_000
SMALL = ("example", "model", "planes", "copy", "integers_levels")


def check(data):
    container.open(data).check()


@pytest.mark.parametrize("name", SMALL)
def test_truncation_at_every_byte(name):
    data = GOOD[name]()
    for size in range(len(data)):
        with pytest.raises(FormatError):
            check(data[:size])


@pytest.mark.parametrize("decode", [check, reference.decode])
@pytest.mark.parametrize("name", SMALL)
def test_change_of_every_byte(name, decode):
    data = bytearray(GOOD[name]())
    for at in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            data[at] ^= flip
            with pytest.raises(FormatError):
                decode(bytes(data))
            data[at] ^= flip


@given(st.binary(max_size=200))
def test_noise(noise):
    for data in (noise, b"\x89ATR\x01\x00" + noise, file(tensor(stream=noise, coder=0x33, dims=(5,)))):
        with pytest.raises(FormatError):
            check(data)


@given(st.integers(0, 255), st.sampled_from([1, 2, 9, 10, 16]), st.lists(st.integers(0, 5), max_size=3), st.binary())
def test_reader_and_reference_agree_on_any_stream(coder, dtype, dims, stream):
    data = file(tensor(dtype=dtype, dims=dims, coder=coder, stream=stream), version=2)
    assert outcome(lambda: container.open(data).tensor("w").tobytes()) == outcome(
        lambda: reference.decode(data).tensors["w"].raw
    )


@given(st.data())
def test_reader_and_reference_agree_on_damaged_streams(data):
    names = sorted(GOOD.keys() - {"shapes", "no_tensors", "model_without_weights", "program", "programs"})
    good = container.open(GOOD[data.draw(st.sampled_from(names))]())
    entry = data.draw(st.sampled_from(good.entries))
    stream = bytearray(good.stream(entry.name))
    for at in data.draw(st.lists(st.integers(0, len(stream) - 1), max_size=2)):
        stream[at] = data.draw(st.integers(0, 255))
    damaged = file(tensor(b"w", entry.onnx_dtype, entry.shape, entry.coder, bytes(stream)), version=2)
    assert outcome(lambda: container.open(damaged).tensor("w").tobytes()) == outcome(
        lambda: reference.decode(damaged).tensors["w"].raw
    )


def test_reader_and_reference_agree_on_mutants():
    assert 0 < sum(fuzz.check(fuzz.mutant(number)) for number in range(MUTANTS)) < MUTANTS / 2


def outcome(decode):
    try:
        return decode()
    except FormatError:
        return None


def test_a_limit_of_the_caller_is_kept():
    data = file(*(tensor(name, dims=(dim,), coder=0x10, stream=b"\x01") for name, dim in ((b"a", 60), (b"b", 41))))
    assert len(container.open(data, max_decoded_bytes=101).entries) == 2
    with pytest.raises(FormatError, match="tensor 'b': decoded bytes reach 101, the limit is 100"):
        container.open(data, max_decoded_bytes=100)


@pytest.mark.parametrize(
    "data",
    [
        file(graph=varint(1000) + zlib.compress(bytes(50_000_000), 9)[2:-4]),
        file(tensor(dims=(2**32,))),
        file(tensor(dims=(2**32,), coder=0x31, stream=b"\x00\x21")),
        b"\x89ATR\x01\x00" + chunk(1, varint(60_000)),
        b"\x89ATR\x01\x00" + chunk(1, length=varint(2**62)),
    ],
    ids=["bomb", "raw", "packed", "count", "length"],
)
def test_small_file_takes_little_memory(data):
    limit = 2**22
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            container.open(data, max_decoded_bytes=limit).check()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * limit


@pytest.mark.parametrize("name", ["no_such_file.attar", "", "nul\0byte"])
def test_missing_file(tmp_path, name):
    with pytest.raises(FormatError, match="cannot be read"):
        container.open(tmp_path / name)


def test_unknown_tensor():
    with pytest.raises(FormatError, match="no tensor is named 'x', the table has 2"):
        container.open(GOOD["example"]()).tensor("x")


def test_one_damaged_stream_leaves_the_others_readable():
    data = file(tensor(b"bad", crc=1), tensor(b"good"))
    opened = container.open(data)
    assert opened.tensor("good").tolist() == [7, 255]
    with pytest.raises(FormatError, match="tensor 'bad': crc32"):
        opened.check()


def test_skippable_chunks_are_counted_and_kept():
    data = file(tensor(), provenance=stored(b'{"seed":1}'), extra=chunk(200, b"later"))
    opened = container.open(data)
    assert sum(opened.chunk_sizes.values()) == len(data)
    assert opened.strip() == file(tensor(), extra=chunk(200, b"later"))
