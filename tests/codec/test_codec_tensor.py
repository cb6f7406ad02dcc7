"""Tensor streams: every array comes back bit for bit, hints and recognition agree, damage gives a FormatError."""

import time

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from attar import codec
from attar.codec import GridHint
from attar.codec.elements import DTYPES
from attar.codec.step import find_step
from attar.errors import FormatError

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
ALL_DTYPES = [np.dtype(name) for name in sorted(DTYPES)]
FLOATS = [np.dtype(np.float32), np.dtype(np.float16), BFLOAT16]
LOPSIDED, SHARES = np.float32([-7, -3, 0, 1, 2, 6]), (0.3, 0.05, 0.05, 0.2, 0.3, 0.1)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7)


@st.composite
def arrays(draw):
    """Any bit patterns, or few distinct ones."""
    dtype, shape = draw(st.sampled_from(ALL_DTYPES)), draw(shapes)
    if dtype.kind == "b":
        return draw(hnp.arrays(np.bool_, shape))
    bits = np.dtype(f"u{dtype.itemsize}")
    few = draw(st.lists(st.integers(0, np.iinfo(bits).max), min_size=1, max_size=4))
    elements = draw(st.sampled_from([st.integers(0, np.iinfo(bits).max), st.sampled_from(few)]))
    return draw(hnp.arrays(bits, shape, elements=elements)).view(dtype)


def _decoded(encoded, array):
    return codec.decode(encoded.coder, encoded.payload, dtype=array.dtype, shape=array.shape)


def _assert_round_trip(array, encoded):
    decoded = _decoded(encoded, array)
    assert decoded.dtype == array.dtype
    assert decoded.shape == array.shape
    assert decoded.tobytes() == array.tobytes()


@given(arrays())
def test_any_array_comes_back(array):
    encoded = codec.encode(array)
    _assert_round_trip(array, encoded)
    assert encoded.size_bytes <= array.nbytes
    assert encoded == codec.encode(array)
    assert codec.encoded_size(array) == encoded.size_bytes


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_special_values_come_back(dtype):
    array = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1.5, -1.5] * 30).astype(dtype)
    _assert_round_trip(array, codec.encode(array))
    _assert_round_trip(array, codec.encode(array, hint=GridHint(np.zeros(210, np.int8), np.ones(1, np.float32))))


def test_views_and_byte_orders():
    array = np.arange(24, dtype=np.int16).reshape(4, 6)
    for view in (array.T, array[::2, ::-1], array.astype(">i2")):
        encoded = codec.encode(view)
        decoded = codec.decode(encoded.coder, encoded.payload, dtype=np.int16, shape=view.shape)
        assert np.array_equal(decoded, view)


def test_bools_made_from_other_bytes():
    array = np.array([0, 1, 2, 255], np.uint8).view(np.bool_)
    encoded = codec.encode(array)
    assert _decoded(encoded, array).view(np.uint8).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("array", "name"),
    [
        (np.zeros((0, 3), np.float32), "raw"),
        (np.float32(3), "raw"),
        (np.full(100, np.nan, np.float64), "constant"),
        (np.full(100, 7, np.int64), "integers/packed"),
        (np.arange(256, dtype=np.int32), "integers/packed"),
        (np.random.default_rng(0).integers(0, 2**64, 50, np.uint64), "raw"),
        (np.random.default_rng(0).normal(size=4000).astype(np.float32), "floats"),
        (np.random.default_rng(0).integers(0, 2**44, 4000, np.uint64), "planes"),
        (np.random.default_rng(0).choice(np.float32([0.1, 0.7, np.pi]), 4000), "codebook/rans"),
        # As often negative as positive, the larger the rarer: what the tables of levels say in few bytes.
        (np.random.default_rng(0).integers(-7, 8, 4000).astype(np.float32) * np.float32(0.3), "grid/levels"),
        (np.random.default_rng(0).choice(LOPSIDED, 4000, p=SHARES) * np.float32(0.3), "grid/rans"),
    ],
)
def test_the_model_fits_the_data(array, name):
    assert codec.describe(codec.encode(array).coder) == name


def _quantized(dtype, axis, *, high=7, shape=(12, 20, 9), bits16=False, seed=0):
    rng = np.random.default_rng(seed)
    integers = rng.integers(-high, high + 1, shape).astype(np.int32)
    scales = rng.uniform(0.001, 0.1, 1 if axis is None else shape[axis]).astype(np.float32)
    if bits16:
        scales = scales.astype(BFLOAT16).astype(np.float32)
    hint = GridHint(integers, scales, axis)
    column = scales.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return (integers.astype(np.float32) * column).astype(dtype), hint


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("bits16", [False, True])
def test_grids_are_recognized_as_well_as_told(dtype, axis, bits16):
    array, hint = _quantized(dtype, axis, bits16=bits16 or dtype != np.float32)
    told, seen = codec.encode(array, hint=hint), codec.encode(array)
    _assert_round_trip(array, told)
    _assert_round_trip(array, seen)
    assert codec.describe(told.coder).startswith("grid/")
    assert seen == told


def test_the_quick_size_is_an_upper_bound():
    rng = np.random.default_rng(6)
    # Zeros in long runs, which no scale of a row or column explains.
    kept = np.repeat(rng.random((80, 50)) < 0.04, 10, axis=1) & (rng.random((80, 500)) < 0.8)
    integers = np.where(kept, rng.integers(-7, 8, kept.shape), 0)
    hint = GridHint(integers, np.array([0.25], np.float32))
    encoded = codec.encode(integers.astype(np.float32) * np.float32(0.25), hint=hint)
    assert codec.describe(encoded.coder) == "grid/relative"
    quick = codec.encoded_size(integers.astype(np.float32) * np.float32(0.25), hint=hint)
    assert encoded.size_bytes <= quick <= encoded.size_bytes * 1.02


@pytest.mark.parametrize("high", [1, 3, 127, 2047])
def test_grids_of_many_sizes_are_recognized(high):
    array, hint = _quantized(np.float32, None, high=high, shape=(60, 200), seed=high)
    assert codec.encode(array) == codec.encode(array, hint=hint)


def test_a_step_that_no_single_gap_shows():
    array = np.random.default_rng(1).choice([6, 10, 15, -21, 0], 900).astype(np.float32) * np.float32(0.37)
    encoded = codec.encode(array, hint=GridHint(np.rint(array / 0.37).astype(int), np.array([0.37], np.float32)))
    seen = codec.encode(array)
    assert seen.size_bytes <= encoded.size_bytes


@pytest.mark.filterwarnings("error")
def test_steps_at_the_end_of_the_numbers_are_found_without_a_warning():
    for step in (np.finfo(np.float32).max, np.finfo(np.float32).smallest_subnormal):
        assert find_step(np.array([step], np.float64), np.dtype(np.float32)) == step


@pytest.mark.parametrize(
    "change",
    [
        lambda hint: GridHint(hint.integers + 1, hint.scales, hint.axis),
        lambda hint: GridHint(hint.integers, hint.scales * np.float32(2), hint.axis),
        lambda hint: GridHint(hint.integers, -hint.scales, hint.axis),
        lambda hint: GridHint(hint.integers, hint.scales[:-1], hint.axis),
        lambda hint: GridHint(hint.integers, hint.scales, 1),
        lambda hint: GridHint(hint.integers, hint.scales, 5),
        lambda hint: GridHint(hint.integers, hint.scales.astype(np.float64), hint.axis),
        lambda hint: GridHint(hint.integers.astype(float), hint.scales, hint.axis),
        lambda hint: GridHint(hint.integers[:-1], hint.scales, hint.axis),
        lambda hint: GridHint(hint.integers * 2**20, hint.scales / np.float32(2**20), hint.axis),
    ],
)
def test_a_wrong_hint_changes_nothing(change):
    array, hint = _quantized(np.float32, 0)
    wrong = change(hint)
    assert codec.encode(array, hint=wrong) == codec.encode(array)


def test_hints_do_not_apply_to_integers():
    array = np.arange(-50, 50)
    assert codec.encode(array, hint=GridHint(array, np.ones(1, np.float32))) == codec.encode(array)


def test_long_codebooks():
    rng = np.random.default_rng(2)
    for entries in (4096, 4097):
        book = rng.normal(size=entries)
        array = np.concatenate([book, rng.choice(book, 30_000)])
        encoded = codec.encode(array)
        _assert_round_trip(array, encoded)
        assert codec.describe(encoded.coder).startswith("codebook") == (entries == 4096)


def _small_streams():
    rng = np.random.default_rng(4)
    yield np.array([1.5, -2.25, 3], np.float32)
    yield np.full((3, 3), 2.5)
    yield rng.normal(size=400).astype(np.float32)[:60] * np.float32(1e-3)
    yield rng.integers(-3, 4, 40)
    yield rng.random(30) < 0.2
    yield rng.choice(np.array([0.1, 0.2, 0.7]), 60)
    for axis in (None, 0):
        yield _quantized(np.float32, axis, shape=(5, 12))[0]


@pytest.mark.parametrize("array", list(_small_streams()), ids=lambda array: f"{array.dtype}{array.shape}")
def test_damage_gives_an_error_or_an_array(array):
    encoded = codec.encode(array)
    payload = encoded.payload
    for size in range(len(payload)):
        with pytest.raises(FormatError):
            codec.decode(encoded.coder, payload[:size], dtype=array.dtype, shape=array.shape)
    with pytest.raises(FormatError):
        codec.decode(encoded.coder, payload + b"\0", dtype=array.dtype, shape=array.shape)
    for bit in range(8 * len(payload)):
        damaged = bytearray(payload)
        damaged[bit // 8] ^= 1 << bit % 8
        _decode_or_refuse(encoded.coder, bytes(damaged), array.dtype, array.shape)


def _decode_or_refuse(coder, payload, dtype, shape):
    try:
        decoded = codec.decode(coder, payload, dtype=dtype, shape=shape)
    except FormatError:
        return
    assert decoded.shape == shape
    assert decoded.dtype == dtype


@settings(max_examples=300)
@given(st.integers(0, 255), st.binary(max_size=60), st.sampled_from(ALL_DTYPES), shapes)
def test_noise_gives_an_error_or_an_array(coder, payload, dtype, shape):
    _decode_or_refuse(coder, payload, dtype, shape)


@pytest.mark.parametrize(
    ("coder", "payload", "dtype", "message"),
    [
        (0x80, "", "f4", "coder byte 0x80"),
        (0x61, "", "f4", "coder byte 0x61"),
        (0x35, "", "i4", "coder byte 0x35"),
        (0x01, "", "f4", "coder byte 0x01"),
        (0x00, "00", "f4", "raw stream: 1 bytes for 6 elements of float32, not 24"),
        (0x00, "000000000002", "?", "a bool of value 2"),
        (0x10, "00", "f4", "constant stream: 1 bytes"),
        (0x20, "02", "u1", "plane 0: symbol coder 2"),
        (0x20, "0105", "u1", "plane 0: 5 bytes wanted, 0 left"),
        (0x20, "01030201ff", "u1", "packed payload of 3 bytes"),
        (0x20, "0103808000", "u1", "packed payload of 3 bytes for 6 symbols: bad varint"),
        (0x20, "0103 800400", "u1", "plane 0: values 256..256"),
        (0x20, "0102000000", "u1", "planes: 1 bytes after its end"),
        (0x31, "0000", "f4", "integers stream for float32"),
        (0x31, "800400", "i1", "integers 256..256: int8 holds -128..127"),
        (0x31, "0100", "?", "integers -1..-1: bool holds 0..1"),
        (0x41, "", "f4", "grid flags: 1 bytes wanted, 0 left"),
        (0x41, "04", "f4", "grid flags 4"),
        (0x41, "00", "f8", "grid of float64"),
        (0x41, "0102", "f4", "grid axis 2: the tensor has rank 2"),
        (0x41, "000000", "f4", "grid scales: 4 bytes wanted, 2 left"),
        (0x41, "020000", "f4", "grid scale 0.0"),
        (0x41, "0280ff", "f4", "grid scale -inf"),
        (0x41, "02c07f", "f4", "grid scale nan"),
        (0x41, "02803f 82808001 00", "f4", "grid integers 1048577..1048577"),
        (0x51, "8020", "f4", "codebook of 4097 entries"),
        (0x51, "0203", "f4", "codebook origin 3: the codebook has 3 entries"),
        (0x51, "0000", "f4", "codebook: 4 bytes wanted, 0 left"),
        (0x51, "0000 00000000 0200", "f4", "codebook indices 1..1"),
        (0x51, "80808080808080808002", "f4", "codebook size: not a varint"),
    ],
)
def test_hostile_streams_are_named(coder, payload, dtype, message):
    payload = bytes.fromhex(payload)
    with pytest.raises(FormatError, match=message):
        codec.decode(coder, payload, dtype=np.dtype(dtype), shape=(2, 3))


def test_types_that_streams_do_not_hold():
    with pytest.raises(TypeError, match="complex64"):
        codec.encode(np.zeros(3, np.complex64))
    with pytest.raises(FormatError, match="complex64"):
        codec.decode(0, b"", dtype=np.complex64, shape=(0,))


def test_an_empty_tensor_is_raw():
    with pytest.raises(FormatError, match="without elements"):
        codec.decode(0x31, b"\0\0", dtype=np.int8, shape=(0, 2))


def test_large_tensors_with_a_hint_are_quick():
    array, hint = _quantized(np.float32, 0, shape=(400, 1000))
    codec.encoded_size(array, hint=hint)
    start = time.perf_counter()
    codec.encoded_size(array, hint=hint)
    assert time.perf_counter() - start < 0.5  # measured 5 ms; the margin is for busy machines
