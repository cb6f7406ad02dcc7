"""The floats model: every bit comes back, native and reference agree, each defect is named, memory stays small."""

import subprocess
import sys
import tracemalloc
from math import prod

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attar import codec
from attar.codec import floats
from attar.codec.planes import encode_planes
from attar.codec.window import Window
from attar.container import reference
from attar.errors import FormatError

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
NUMBERS = {np.dtype(np.float32): 1, np.dtype(np.float16): 10, np.dtype(np.float64): 11, BFLOAT16: 16}
DTYPES = list(NUMBERS)
MEGABYTE = 1 << 20


def _normal(dtype, count, *, seed=0):
    return (np.random.default_rng(seed).normal(size=count) * 0.02).astype(dtype)


def _native(payload, dtype, shape, *, threads=1):
    return floats.decode_floats(0, payload, Window(np.dtype(dtype), shape, 0, prod(shape), threads))


def _reference(payload, dtype, shape):
    entry = reference.Entry("w", NUMBERS[dtype], shape, 0x60, len(payload), 0)
    return reference.decode_floats(reference.Bytes(payload), 0, entry)


@st.composite
def arrays(draw):
    """Any bits, special ones among them, or a small set of them: payloads with raw, packed and rANS planes."""
    dtype = draw(st.sampled_from(DTYPES))
    bits = np.dtype(f"u{dtype.itemsize}")
    info = ml_dtypes.finfo(dtype)
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, info.tiny, info.max]).astype(dtype)
    with_payload = special.view(bits)[4] ^ bits.type(3)
    pool = [*special.view(bits).tolist(), int(with_payload), *draw(st.lists(st.integers(0, np.iinfo(bits).max)))]
    elements = draw(st.sampled_from([st.integers(0, np.iinfo(bits).max), st.sampled_from(pool)]))
    few = draw(st.lists(elements, min_size=1, max_size=40))
    count = draw(st.integers(1, 3000))
    return np.resize(np.array(few, bits), count).view(dtype)


@given(arrays())
def test_any_bits_come_back(array):
    encoded = codec.encode(array)
    decoded = codec.decode(encoded.coder, encoded.payload, dtype=array.dtype, shape=array.shape)
    assert decoded.tobytes() == array.tobytes()


@settings(max_examples=40)
@given(arrays(), st.integers(10, 12))
def test_native_and_reference_agree(array, chunk_log2):
    payload = floats.encode_floats(array, chunk_log2=chunk_log2)
    if payload is None:
        return
    assert len(payload) < array.nbytes
    assert floats.gives_back(payload, array)
    assert _native(payload, array.dtype, array.shape).tobytes() == array.tobytes()
    assert _reference(payload, array.dtype, array.shape) == array.tobytes()


@pytest.mark.parametrize("count", [1 << 14, (1 << 16) + 77])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_many_lanes_agree_with_the_reference(dtype, count):
    array = _normal(dtype, count)
    payload = floats.encode_floats(array)
    assert _native(payload, dtype, array.shape).tobytes() == array.tobytes()
    assert _reference(payload, dtype, array.shape) == array.tobytes()


@pytest.mark.parametrize("turn", range(8))
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_turn_comes_back(dtype, turn, monkeypatch):
    monkeypatch.setattr(floats, "_best_turn", lambda array: turn)
    array = _normal(dtype, 1500)
    array[:700] = 1
    payload = floats.encode_floats(array)
    assert payload[0] == 18 | turn << 5
    assert floats.gives_back(payload, array)
    assert _reference(payload, dtype, array.shape) == array.tobytes()


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 1023, 1024, 1025, 4096, 10_000])
def test_chunks_and_threads_change_nothing(count, threads):
    array = np.full(count, 1.5, np.float32)
    array[: count // 2] = _normal(np.float32, count // 2)
    payload = floats.encode_floats(array, chunk_log2=10)
    if payload is None:
        assert count == 1
        return
    assert _native(payload, array.dtype, (count,), threads=threads).tobytes() == array.tobytes()


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(1, 3))
def test_any_window_is_a_part_of_the_whole(first, last, threads):
    array = _normal(np.float32, 5000)
    payload = floats.encode_floats(array, chunk_log2=10)
    start, stop = sorted((first, last))
    found = floats.decode_floats(0, payload, Window(array.dtype, (5000,), start, stop, threads))
    assert found.tobytes() == array[start:stop].tobytes()


def test_damage_elsewhere_goes_unseen():
    array = _normal(np.float32, 5000)
    payload = bytearray(floats.encode_floats(array, chunk_log2=10))
    payload[-1] ^= 255
    rows = codec.decode_rows(0x60, bytes(payload), range(4096), dtype=array.dtype, shape=(5000,))
    assert rows.tobytes() == array[:4096].tobytes()


def test_a_chunk_decodes_alone():
    array = _normal(np.float32, 5000)
    payload = floats.encode_floats(array, chunk_log2=10)
    sizes = np.frombuffer(payload[1:17], "<u4")
    third = payload[17 + sizes[:2].sum() : 17 + sizes[:3].sum()]
    alone = bytes([payload[0]]) + third
    assert _native(alone, array.dtype, (1024,)).tobytes() == array[2048:3072].tobytes()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_random_bits_are_left_raw(dtype):
    noise = np.random.default_rng(1).bytes(100_000 * dtype.itemsize)
    assert floats.encode_floats(np.frombuffer(noise, dtype)) is None
    assert floats.encode_floats(np.frombuffer(noise[: dtype.itemsize], dtype)) is None


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_])
def test_other_types_are_not_tried(dtype):
    assert floats.encode_floats(np.zeros(9, dtype)) is None


def _entropy_bytes(plane):
    counts = np.bincount(plane)
    counts = counts[counts > 0]
    return float((counts * np.log2(plane.size / counts)).sum()) / 8


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_size_is_near_the_entropy_of_the_planes(dtype):
    array = _normal(dtype, 300_000)
    bits = array.view(f"u{dtype.itemsize}")
    turn = floats.encode_floats(array)[0] >> 5
    width = bits.dtype.type(8 * dtype.itemsize)
    turned = bits << bits.dtype.type(turn) | bits >> width - bits.dtype.type(turn)
    planes = turned.view(np.uint8).reshape(-1, dtype.itemsize)
    least = sum(_entropy_bytes(planes[:, i]) for i in range(dtype.itemsize))
    # A plane that rANS would make less than a 64th smaller stays raw.
    assert len(floats.encode_floats(array)) < least * (1 + 1 / 64)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("count", [4, 30, 100, 700, 3000])
def test_small_tensors_are_smaller_than_as_planes(dtype, count):
    rng = np.random.default_rng(count)
    for array in (rng.normal(size=count), 1 + rng.normal(size=count) / 20, np.abs(rng.normal(size=count))):
        array = array.astype(dtype)
        payload = floats.encode_floats(array)
        # A byte of header, and what the older model's wider choice of totals saves.
        assert (array.nbytes if payload is None else len(payload)) <= len(encode_planes(array)) + 3


def test_a_wrong_bit_is_noticed(monkeypatch):
    array = _normal(np.float32, 3000)
    payload = floats.encode_floats(array, chunk_log2=10)
    for index in (0, 1500, 2999):
        other = array.copy()
        other.view(np.uint32)[index] ^= 1
        assert not floats.gives_back(payload, other)
    monkeypatch.setattr(floats._native, "floats_decode", lambda *args: None)
    with pytest.raises(AssertionError, match="floats stream does not give back its tensor"):
        codec.encode(array)


def test_floats_stored_as_planes_still_decode():
    array = _normal(np.float32, 700)
    decoded = codec.decode(0x20, encode_planes(array), dtype=array.dtype, shape=array.shape)
    assert decoded.tobytes() == array.tobytes()


def test_constant_lower_mantissas_cost_nothing():
    array = _normal(BFLOAT16, 200_000).astype(np.float32)
    narrow = floats.encode_floats(array.astype(BFLOAT16))
    assert len(floats.encode_floats(array)) < len(narrow) * 1.01


def _outcome(decode):
    try:
        return decode()
    except FormatError:
        return "refused"


def _damaged(payload):
    yield from (payload[:size] for size in range(len(payload)))
    yield payload + b"\0"
    for bit in range(8 * len(payload)):
        changed = bytearray(payload)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_damage_is_judged_as_the_reference_does(dtype):
    array = np.resize(_normal(dtype, 9), 40)
    payload = floats.encode_floats(array)
    for damaged in _damaged(payload):
        native = _outcome(lambda d=damaged: _native(d, dtype, (40,)).tobytes())
        assert native == _outcome(lambda d=damaged: _reference(d, dtype, (40,)))


@settings(max_examples=300)
@given(st.binary(max_size=60), st.sampled_from(DTYPES), st.integers(1, 2100))
def test_noise_is_judged_as_the_reference_does(noise, dtype, count):
    for payload in (noise, b"\x2a" + noise, b"\x2a\x05\0\0\0\x05\0\0\0" + noise):
        native = _outcome(lambda p=payload: _native(p, dtype, (count,)).tobytes())
        assert native == _outcome(lambda p=payload: _reference(p, dtype, (count,)))


# Six elements of two bytes; the planes in most cases are one that is bad and one of zeros.
@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("", "floats header: 1 bytes wanted, 0 left"),
        ("09", "chunks of 2\\^9: not within 2\\^10 to 2\\^20"),
        ("35", "chunks of 2\\^21"),
        ("0a", "floats chunk 0 of 1, 0 bytes for 6 elements: truncated"),
        ("0a 00 0000000000", "truncated"),
        ("0a 00 000000000000 00 0000000000", "truncated"),
        ("0a 00 000000000000 00 000000000000 00", "trailing data"),
        ("0a 02 00 000000000000", "bad header"),
        ("0a 04 00 000000000000", "bad header"),
        ("0a 01 05 0000", "truncated"),
        ("0a 01 8000 0000", "bad varint"),
        ("0a 01 01 00", "truncated"),
        ("0a 01 02 0009 00 000000000000", "bad header"),
        ("0a 01 02 0100 00 000000000000", "bad alphabet"),
        ("0a 01 03 800400 00 000000000000", "bad alphabet"),
        ("0a 01 05 fe0302 e400 00 000000000000", "bad alphabet"),
        ("0a 01 03 0000ff 00 000000000000", "trailing data"),
        ("0a 01 03 0002e4 00 000000000000", "truncated"),
        ("0a 01 04 0002e4f0 00 000000000000", "bad padding"),
        ("0a 01 05 0002e40000 00 000000000000", "trailing data"),
        ("0a 03 01 07", "bad header"),
        ("0a 03 05 0e0002 0000", "bad frequencies"),
        ("0a 03 08 0d0001 1c00080000", "bad header"),
        ("0a 03 05 08 0000 f02f", "truncated"),
        ("0a 03 06 08 0000 f02f00", "bad alphabet"),
        ("0a 03 07 08 fe0301 174000", "bad alphabet"),
        ("0a 03 06 08 0101 174000", "bad alphabet"),
        ("0a 03 06 08 0001 174000", "truncated"),
        ("0a 03 0a 08 0001 174000 ffff0000", "bad state"),
        ("0a 03 0a 08 0001 174000 00000100", "truncated"),
    ],
)
def test_hostile_payloads_are_named(payload, message):
    payload = bytes.fromhex(payload)
    with pytest.raises(FormatError, match=message):
        codec.decode(0x60, payload, dtype=np.float16, shape=(2, 3))
    with pytest.raises(FormatError):
        _reference(payload, np.dtype(np.float16), (2, 3))


def test_hostile_chunk_sizes_are_named():
    with pytest.raises(FormatError, match="floats chunk sizes: 8 bytes wanted, 7 left"):
        codec.decode(0x60, b"\x0a" + bytes(7), dtype=np.float32, shape=(3000,))
    with pytest.raises(FormatError, match="floats chunks: 8589934590 bytes wanted, 1 left"):
        codec.decode(0x60, b"\x0a" + b"\xff" * 8 + b"\0", dtype=np.float32, shape=(3000,))


def test_the_type_is_named():
    with pytest.raises(FormatError, match="floats stream for int16: not a type of floats"):
        codec.decode(0x60, b"\x0a", dtype=np.int16, shape=(3,))


def test_nothing_is_taken_for_a_header_that_lies():
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            codec.decode(0x60, b"\x0a" + bytes(100), dtype=np.float64, shape=(1 << 30,))
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


def _traced(call):
    tracemalloc.start()
    try:
        result = call()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compressible", [True, False])
def test_memory_is_that_of_the_tensor(compressible):
    array = _normal(np.float32, 8 * MEGABYTE)
    if not compressible:
        array = np.frombuffer(np.random.default_rng(0).bytes(array.nbytes), np.float32)
    encoded, peak = _traced(lambda: codec.encode(array))
    assert peak < 1.5 * array.nbytes
    decode = {"dtype": array.dtype, "shape": array.shape}
    _, peak = _traced(lambda: codec.decode(encoded.coder, encoded.payload, **decode))
    assert peak < 1.1 * array.nbytes


ENCODING = """
array = np.random.default_rng(0).standard_normal(1 << 24, np.float32)
before = peak_bytes()
encoded = codec.encode(array)
print((peak_bytes() - before) / array.nbytes)
open(sys.argv[1], "wb").write(encoded.payload)
"""
DECODING = """
payload = open(sys.argv[1], "rb").read()
before = peak_bytes()
array = codec.decode(0x60, payload, dtype=np.float32, shape=(1 << 24,))
print((peak_bytes() - before) / array.nbytes)
"""
START = """
import sys
import numpy as np
from attar import codec

def peak_bytes():  # what ru_maxrss tells, but without the peak of the process that this one was forked from
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024

codec.encode(np.random.default_rng(0).standard_normal(5000, np.float32))
"""


def _peak_of_process(code, path):
    done = subprocess.run([sys.executable, "-c", START + code, path], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_a_process(tmp_path):
    assert 0.8 < _peak_of_process(ENCODING, tmp_path / "payload") < 1.5
    assert 1 <= _peak_of_process(DECODING, tmp_path / "payload") < 1.1
