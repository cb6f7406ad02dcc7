"""The levels coder: what goes in comes out, by both decoders; sizes are what the model says; parts equal the whole."""

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attar import codec
from attar.codec import coders, levels, levels_decode, packed, rans, symbols, symbols_decode
from attar.codec.bitio import varint
from attar.codec.histogram import histogram
from attar.codec.levels_reference import decode_levels
from attar.codec.sink import Sink
from attar.errors import FormatError

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
LARGEST = 2**31 - 1
shapes = st.lists(st.integers(1, 7), max_size=5).map(tuple).filter(lambda shape: np.prod(shape, dtype=int) <= 300)
kinds = st.sampled_from([None, True, False])
elements = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0, 0, 0, 1, -300]),
    st.integers(-40, 40),
    st.integers(-LARGEST, LARGEST),
    st.sampled_from([0, LARGEST, -LARGEST]),
)


@st.composite
def tensors(draw):
    """A vector of any of these kinds of elements, some of its rows zero, and its shape."""
    shape = draw(shapes)
    count = int(np.prod(shape))
    kind = draw(st.sampled_from([st.integers(-3, 3), st.sampled_from([0, 0, 1]), elements]))
    vector = np.array(draw(st.lists(kind, min_size=count, max_size=count)), np.int32)
    if shape and draw(st.booleans()):
        vector.reshape(shape)[draw(st.integers(0, shape[0] - 1))] = 0
    return vector, shape


def _laplacian(shape, scale, *, seed=0):
    """Rows and columns that differ in scale."""
    rng = np.random.default_rng(seed)
    rows, columns = np.exp2(rng.normal(size=(shape[0], 1))), np.exp2(rng.normal(size=(1, shape[1])) / 2)
    drawn = np.rint(rng.laplace(size=shape) * rows * columns * scale)
    return drawn.clip(-LARGEST, LARGEST).astype(np.int32)


def _forced(vector, plan, *, lanes_log2, chunk):
    """The payload with other lanes and chunks than the plan's own."""
    out = np.empty(1 << 16, np.uint8)
    plan.model.prepare(lanes_log2, chunk)
    header = out[: plan.model.header(vector.size, out)].tobytes()
    return levels.write(vector, replace(plan, header=header, lanes_log2=lanes_log2, chunk=chunk))


def _chunked(vector, shape, *, chunk=64, lanes_log2=2):
    return _forced(vector, levels.plan(vector, shape), lanes_log2=lanes_log2, chunk=chunk)


def _decoded(payload, n):
    return symbols_decode.decode_symbols(coders.LEVELS, payload, n=n)


# --- Round trips ------------------------------------------------------------------------------------------------------


@given(tensors(), kinds)
def test_any_tensor_comes_back(tensor, is_open):
    vector, shape = tensor
    payload = levels.write(vector, levels.plan(vector, shape, is_open=is_open))
    assert (_decoded(payload, vector.size) == vector).all()
    assert decode_levels(payload, vector.size) == vector.tolist()
    assert payload == levels.write(vector, levels.plan(vector, shape, is_open=is_open))


@given(tensors(), kinds, st.integers(0, 5), st.integers(1, 4))
def test_lanes_and_chunks_do_not_change_the_symbols(tensor, is_open, lanes_log2, parts):
    vector, shape = tensor
    chunk = 64 * parts if vector.size > 64 * parts else vector.size
    payload = _forced(vector, levels.plan(vector, shape, is_open=is_open), lanes_log2=lanes_log2, chunk=chunk)
    assert (_decoded(payload, vector.size) == vector).all()
    assert decode_levels(payload, vector.size) == vector.tolist()


@pytest.mark.parametrize("is_open", [None, True, False])
@pytest.mark.parametrize(
    "vector",
    [
        [LARGEST] * 999 + [LARGEST - 1],
        [-LARGEST] * 500 + [0] * 500,
        [1] * 990 + [-LARGEST] * 10,
        list(range(1000)),
        [2**i for i in range(31)] * 10,
        [0],
    ],
    ids=["largest", "halves", "outliers", "ramp", "powers", "zero"],
)
def test_the_ends_of_the_range(vector, is_open):
    vector = np.array(vector, np.int32)
    payload = levels.write(vector, levels.plan(vector, vector.shape, is_open=is_open))
    assert (_decoded(payload, vector.size) == vector).all()


def test_the_one_integer_without_a_code():
    vector = np.array([-(2**31), 0, 1], np.int32)
    assert levels.plan(vector, (3,)) is None
    coder, payload = symbols.encode_symbols(vector, shape=(3,))
    assert coder == coders.PACKED
    assert (symbols_decode.decode_symbols(coder, payload, n=3) == vector).all()


def test_planes_take_no_levels():
    rng = np.random.default_rng(0)
    skewed = np.clip(np.rint(rng.laplace(scale=6, size=3000)), 0, 255).astype(np.uint32)
    array = rng.integers(0, 2**24, 3000).astype(np.uint32) | skewed << 24
    assert codec.describe(codec.encode(array).coder) == "planes"


# --- Sizes ------------------------------------------------------------------------------------------------------------

SCALES = [0.01, 0.1, 0.5, 2.0, 30.0, 1e3, 1e5, 1e8]
SHAPES = [(60, 50), (300, 400), (1, 9000)]


def _planned(shape, scale, is_open=None):
    vector = _laplacian(shape, scale).reshape(-1)
    plan = levels.plan(vector, shape, is_open=is_open)
    return vector, plan, levels.write(vector, plan)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_estimate_is_close(shape, scale):
    _, plan, payload = _planned(shape, scale)
    assert abs(plan.estimated_bytes - len(payload)) <= 16 + 0.01 * len(payload)


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_payload_is_as_long_as_its_model_says(shape, scale, is_open):
    vector, plan, payload = _planned(shape, scale, is_open)
    ideal = len(plan.header) + _ideal_bits(vector, plan, is_open) / 8
    assert ideal <= len(payload) <= ideal * 1.005 + 32


@pytest.mark.parametrize("scale", SCALES)
def test_the_better_kind_of_table_is_taken(scale):
    sizes = [len(_planned((60, 50), scale, is_open)[2]) for is_open in (None, True, False)]
    assert sizes[0] <= min(sizes[1:]) * 1.005 + 4


def _ideal_bits(vector, plan, is_open):
    """By the frequencies of the model alone: -log2 of each token's, and the extra bits."""
    tables = np.empty(vector.size, np.uint8)
    frequencies = np.zeros((plan.tables, levels.TOKENS_MAX), np.uint16)
    plan.model.tables(0, tables)
    plan.model.frequencies(frequencies)
    classes, extra = _classes(np.abs(vector))
    if is_open:
        tops = (((frequencies > 0).sum(axis=1) - 1) // 2)[tables]
        is_escape = (classes >= tops) & (tops > 0)
        excess = np.abs(vector) - np.where(tops < 16, tops, (4 + tops % 4) << np.maximum(tops // 4 - 2, 0))
        extra = np.where(is_escape, 2 * np.floor(np.log2(np.maximum(excess, 0) + 1)) + 1, extra)
        classes = np.minimum(classes, np.where(tops > 0, tops, classes))
    return (12 - np.log2(frequencies[tables, 2 * classes - (vector > 0)]) + extra).sum()


def _classes(magnitudes):
    """Class and extra bits of each magnitude, four classes to an octave from 16 on."""
    width = np.maximum(np.frexp(magnitudes.astype(float))[1] - 3, 0)
    is_small = magnitudes < 16
    return np.where(is_small, magnitudes, 4 * width + 4 + (magnitudes >> width)), np.where(is_small, 0, width)


# --- Damage -----------------------------------------------------------------------------------------------------------


def _outcome(decode):
    try:
        return list(decode())
    except FormatError:
        return "refused"


def _assert_judged_alike(payload, n):
    assert _outcome(lambda: _decoded(payload, n).tolist()) == _outcome(lambda: decode_levels(payload, n))


def _small_payloads():
    rows = np.repeat([1, 9, 0, 30], 6) * np.tile([1, -1, 0, 1, -2, 1], 4)
    for is_open in (True, False):
        plan = levels.plan(rows.astype(np.int32), (4, 6), is_open=is_open)
        yield _forced(rows.astype(np.int32), plan, lanes_log2=1, chunk=24), 24
    yield levels.write(np.zeros(5, np.int32), levels.plan(np.zeros(5, np.int32), (5,))), 5
    sparse = np.where(np.arange(140) % 9 == 0, 2, 0).astype(np.int32)
    yield _chunked(sparse, (14, 10), lanes_log2=0), 140


SMALL = list(_small_payloads())


@pytest.mark.parametrize("payload, n", SMALL)
def test_a_shorter_or_longer_payload_is_refused(payload, n):
    for damaged in [*(payload[:size] for size in range(len(payload))), payload + b"\0"]:
        assert _outcome(lambda damaged=damaged: _decoded(damaged, n)) == "refused"
        assert _outcome(lambda damaged=damaged: decode_levels(damaged, n)) == "refused"


@pytest.mark.parametrize("payload, n", SMALL)
def test_flipped_bits_are_judged_as_the_reference_does(payload, n):
    for bit in range(8 * len(payload)):
        damaged = bytearray(payload)
        damaged[bit // 8] ^= 1 << bit % 8
        _assert_judged_alike(bytes(damaged), n)


@settings(max_examples=60)
@given(st.data())
def test_spliced_payloads_are_judged_as_the_reference_does(data):
    (first, n), (second, _) = data.draw(st.sampled_from(SMALL)), data.draw(st.sampled_from(SMALL))
    cut, start = data.draw(st.integers(0, len(first))), data.draw(st.integers(0, len(second)))
    _assert_judged_alike(first[:cut] + second[start:], n)


@given(st.binary(max_size=60), st.integers(1, 150))
def test_noise_is_judged_as_the_reference_does(payload, n):
    _assert_judged_alike(payload, n)


# --- Parts and threads ------------------------------------------------------------------------------------------------

WEIGHTS = _laplacian((40, 30), 3.0)
PAYLOAD = _chunked(WEIGHTS.reshape(-1), WEIGHTS.shape)
STREAMS = {
    "integers": (0x34, b"", np.int16, lambda q: q.astype(np.int16)),
    "wide": (0x34, b"", np.int64, lambda q: q.astype(np.int64)),
    "grid": (0x44, b"\x02\x00\x3f", np.float32, lambda q: q.astype(np.float32) / 2),
    "codebook": (
        0x54,
        varint(511) + varint(256) + np.arange(512, dtype="<f2").tobytes(),
        np.float16,
        lambda q: (q + 256).astype(np.float16),
    ),
}


@pytest.mark.parametrize("threads", [1, 2, 3, 50])
@pytest.mark.parametrize("kind", STREAMS)
def test_threads_give_the_same(kind, threads):
    coder, head, dtype, expected = STREAMS[kind]
    array = codec.decode(coder, head + PAYLOAD, dtype=dtype, shape=WEIGHTS.shape, threads=threads)
    np.testing.assert_array_equal(array, expected(WEIGHTS), strict=True)


@pytest.mark.parametrize("kind", STREAMS)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 3))
def test_rows_are_a_slice(kind, start, stop, threads):
    coder, head, dtype, expected = STREAMS[kind]
    rows = range(min(start, stop), max(start, stop))
    found = codec.decode_rows(coder, head + PAYLOAD, rows, dtype=dtype, shape=WEIGHTS.shape, threads=threads)
    np.testing.assert_array_equal(found, expected(WEIGHTS)[rows.start : rows.stop], strict=True)


def test_rows_that_are_not_there():
    for rows in (range(0, 41), range(-1, 3), range(0, 4, 2), range(5, 4)):
        with pytest.raises(ValueError, match="has not got them"):
            codec.decode_rows(0x34, PAYLOAD, rows, dtype=np.int16, shape=WEIGHTS.shape)
    with pytest.raises(ValueError, match="has not got them"):
        codec.decode_rows(0x34, PAYLOAD, range(1), dtype=np.int16, shape=())


@pytest.mark.parametrize("threads", [1, 3])
def test_damage_is_seen_in_the_chunks_that_are_read(threads):
    damaged = PAYLOAD[:-1]
    early = codec.decode_rows(0x34, damaged, range(30), dtype=np.int16, shape=WEIGHTS.shape, threads=threads)
    np.testing.assert_array_equal(early, WEIGHTS[:30])
    for decode in (
        lambda: codec.decode_rows(0x34, damaged, range(39, 40), dtype=np.int16, shape=WEIGHTS.shape, threads=threads),
        lambda: codec.decode(0x34, damaged, dtype=np.int16, shape=WEIGHTS.shape, threads=threads),
    ):
        with pytest.raises(FormatError, match="truncated"):
            decode()


# --- Sinks ------------------------------------------------------------------------------------------------------------

SMALL_INTEGERS = _laplacian((20, 45), 0.8, seed=3).clip(-8, 7).reshape(-1)
CHANNELS = np.array([1.0, 0.3, 6e-8, 1e4, 7e-5], np.float32)


def _integers(dtype):
    return {"out": np.zeros(900, dtype)}, SMALL_INTEGERS.clip(np.iinfo(dtype).min).astype(dtype)


def _grid(dtype):
    scales = CHANNELS[np.arange(900) // 9 % 5]
    with np.errstate(over="ignore"):
        expected = (SMALL_INTEGERS.astype(np.float32) * scales).astype(dtype)
    return {"out": np.zeros(900, dtype), "scales": CHANNELS, "stride": 9}, expected


def _lookup(dtype):
    book = np.arange(1, 17).astype(dtype) * dtype(7)
    return {"out": np.zeros(900, dtype), "book": book, "origin": 8}, book[SMALL_INTEGERS + 8]


SINKS = {
    **{f"{dtype.__name__}": (_integers, dtype) for dtype in (np.int8, np.int16, np.int32, np.uint8, np.uint16)},
    **{f"grid {np.dtype(dtype)}": (_grid, dtype) for dtype in (np.float32, np.float16, BFLOAT16)},
    **{f"book {np.dtype(dtype)}": (_lookup, dtype) for dtype in (np.int8, np.float16, np.float32, np.float64)},
}


def _into(sink, vector):
    symbols_decode.decode_into(coders.LEVELS, _chunked(vector, (vector.size,)), sink, n=vector.size, threads=2)
    return sink.out


@pytest.mark.parametrize("kind", SINKS)
@pytest.mark.parametrize("start, count", [(0, 900), (0, 1), (63, 2), (100, 300), (899, 1), (900, 0), (37, 0)])
def test_sinks_hold_what_numpy_makes(kind, start, count):
    make, dtype = SINKS[kind]
    known, expected = make(dtype)
    vector = SMALL_INTEGERS.clip(0) if np.dtype(dtype).kind == "u" else SMALL_INTEGERS
    known["out"] = known["out"][:count].copy()
    found = _into(Sink(start=start, **known), vector)
    assert found.tobytes() == expected[start : start + count].tobytes()


@pytest.mark.parametrize("columns", [1, 9, 60, 75, 100, 450, 900])
def test_rows_come_in_order_and_whole(columns):
    payload = np.frombuffer(_chunked(SMALL_INTEGERS, SMALL_INTEGERS.shape), np.uint8)
    pieces = levels_decode.decode_rows(payload, n=900, columns=columns, element=np.dtype(np.int8))
    rows = [row.tolist() for piece in pieces for row in piece]
    assert rows == SMALL_INTEGERS.reshape(-1, columns).tolist()


@pytest.mark.parametrize("start, count", [(0, 900), (0, 899), (64, 2), (62, 4), (100, 301), (898, 2)])
def test_two_integers_in_a_byte(start, count):
    vector = SMALL_INTEGERS[: start + count]
    found = _into(Sink(np.zeros(-(-count // 2), np.uint8), start=start, is_int4=True), vector)
    nibbles = np.append(vector[start:], 0)[: 2 * found.size] & 15
    assert (found == nibbles[::2] | nibbles[1::2] << 4).all()


@pytest.mark.parametrize("dtype", [np.float16, BFLOAT16], ids=str)
@pytest.mark.parametrize("scale", [1.0, 0.3, 2.0**-24, 2.0**-26, 3e-8, 2.0**-133, 1.4e-45, 65504 / 2**19, 1e33])
def test_floats_are_rounded_as_numpy_does(dtype, scale):
    q = np.concatenate([np.arange(-70_000, 70_000), np.linspace(-(2**20), 2**20, 30_001).astype(np.int32)])
    q, scales = q.astype(np.int32), np.array([scale], np.float32)
    sink = Sink(np.zeros(q.size, dtype), scales=scales, stride=q.size)
    sink.native().write(0, q)
    with np.errstate(over="ignore"):
        expected = (q.astype(np.float32) * scales).astype(dtype)
    assert sink.out.tobytes() == expected.tobytes()


@pytest.mark.parametrize("coder", [packed, rans])
def test_other_coders_fill_a_window_too(coder):
    payload = coder.write(SMALL_INTEGERS, coder.plan(histogram(SMALL_INTEGERS)))
    sink = Sink(np.zeros(100, np.int8), start=70)
    symbols_decode.decode_into({packed: coders.PACKED, rans: coders.RANS}[coder], payload, sink, n=SMALL_INTEGERS.size)
    assert (sink.out == SMALL_INTEGERS[70:170]).all()


@pytest.mark.parametrize(
    ("sink", "limits"),
    [
        (Sink(np.zeros(200, np.int8)), "integers -300..300: int8 holds -128..127"),
        (Sink(np.zeros(100, np.uint8), is_int4=True), "integers -300..300: int4 holds -8..7"),
        (Sink(np.zeros(200, np.float32), book=np.zeros(9, np.float32), origin=4), "-296..304: the codebook has 9 entr"),
    ],
    ids=["int8", "int4", "book"],
)
def test_integers_that_do_not_fit_are_named(sink, limits):
    vector = np.tile([300, -300, 0, 1], 50).astype(np.int32)
    with pytest.raises(FormatError, match=limits):
        _into(sink, vector)
