"""Streams into arrays of any layout, and the integers of a grid as kernels want them, never by way of floats."""

import numpy as np
import pytest

from attar import codec
from attar.codec import coders
from attar.errors import FormatError

SHAPE = (12, 10, 3, 3)
INTEGERS = np.clip(np.rint(np.random.default_rng(0).laplace(size=SHAPE) * 2), -8, 7).astype(np.int32)
SCALES = np.linspace(0.1, 0.2, SHAPE[0], dtype=np.float32)
WEIGHTS = INTEGERS.astype(np.float32) * SCALES.reshape(-1, 1, 1, 1)
GRID = codec.encode(WEIGHTS, hint=codec.GridHint(INTEGERS, SCALES, 0))


def _streams():
    rng = np.random.default_rng(1)
    yield "grid", WEIGHTS, GRID
    for name, array in (
        ("floats", rng.normal(size=SHAPE).astype(np.float32)),
        ("raw", rng.integers(0, 256, SHAPE).astype(np.uint8)),
        ("integers", INTEGERS.astype(np.int64)),
    ):
        yield name, array, codec.encode(array)


@pytest.mark.parametrize(
    ("name", "array", "encoded"), list(_streams()), ids=lambda value: value if type(value) is str else ""
)
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 2, 1, 0)])
@pytest.mark.parametrize("threads", [1, 2])
def test_any_layout_holds_the_same_numbers(name, array, encoded, order, threads):
    out = np.empty([SHAPE[axis] for axis in order], array.dtype).transpose(np.argsort(order))
    codec.decode_into(encoded.coder, encoded.payload, out, threads=threads)
    assert np.array_equal(out, array)


def test_an_array_that_is_not_aligned_is_filled_too():
    out = np.zeros(WEIGHTS.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(SHAPE)
    codec.decode_into(GRID.coder, GRID.payload, out)
    assert np.array_equal(out, WEIGHTS)


@pytest.mark.parametrize("element", ["int8", "int16", "int32"])
def test_integers_and_scales_of_a_grid(element):
    found = codec.decode_quantized(GRID.coder, GRID.payload, dtype=WEIGHTS.dtype, shape=SHAPE, element=element)
    assert found.integers.dtype == np.dtype(element) and found.axis == 0
    assert np.array_equal(found.integers, INTEGERS) and np.array_equal(found.scales, SCALES)


@pytest.mark.parametrize("shape", [SHAPE, (9, 5)])
def test_int4_has_two_in_a_byte_the_first_in_the_low_half(shape):
    integers = INTEGERS.reshape(-1)[: np.prod(shape)].reshape(shape)
    encoded = codec.encode(integers.astype(np.float32))
    packed = codec.decode_quantized(
        encoded.coder, encoded.payload, dtype=np.dtype(np.float32), shape=shape, element="int4"
    ).integers
    halves = np.stack([packed & 15, packed >> 4], axis=1).reshape(-1)[: integers.size].astype(np.int32)
    assert packed.size == (integers.size + 1) // 2
    assert np.array_equal(np.where(halves > 7, halves - 16, halves), integers.reshape(-1))


@pytest.mark.parametrize("chosen", [{coders.PACKED}, {coders.LEVELS}], ids=["whole", "by chunks"])
def test_rows_of_a_grid_are_its_integers(chosen):
    hint = codec.GridHint(INTEGERS, SCALES, 0)
    encoded = codec.encode(WEIGHTS, hint=hint, effort=codec.Effort(coders=frozenset(chosen | {coders.PACKED})))
    known = {"dtype": WEIGHTS.dtype, "shape": SHAPE}
    found = codec.decode_quantized_rows(encoded.coder, encoded.payload, columns=90, **known)
    assert np.array_equal(np.concatenate([piece.copy() for piece in found.pieces]), INTEGERS.reshape(12, 90))
    assert found.axis == 0 and np.array_equal(found.scales, SCALES)
    with pytest.raises(ValueError, match="columns 7: 1080 elements do not fall"):
        codec.decode_quantized_rows(encoded.coder, encoded.payload, columns=7, **known)


@pytest.mark.parametrize("coder", [1, 4])
def test_rows_that_do_not_fit_are_refused(coder):
    hint = codec.GridHint(INTEGERS * 40, np.ones(1, np.float32))
    wide = codec.encode(
        INTEGERS.astype(np.float32) * 40, hint=hint, effort=codec.Effort(coders=frozenset({coders.PACKED, coder}))
    )
    found = codec.decode_quantized_rows(wide.coder, wide.payload, columns=9, dtype=WEIGHTS.dtype, shape=SHAPE)
    with pytest.raises(FormatError, match=r"grid integers -320\.\.280: int8 holds -128\.\.127"):
        list(found.pieces)


def test_what_does_not_fit_is_refused():
    wide = codec.encode(INTEGERS.astype(np.float32) * 40, hint=codec.GridHint(INTEGERS * 40, np.ones(1, np.float32)))
    known = {"dtype": np.dtype(np.float32), "shape": SHAPE}
    with pytest.raises(FormatError, match=r"grid integers -320\.\.280: int8 holds -128\.\.127"):
        codec.decode_quantized(wide.coder, wide.payload, **known)
    with pytest.raises(FormatError, match=r"int4 holds -8\.\.7"):
        codec.decode_quantized(wide.coder, wide.payload, **known, element="int4")
    with pytest.raises(FormatError, match="only a grid has integers"):
        codec.decode_quantized(0x10, bytes(4), **known)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_are_refused(threads):
    for _, array, encoded in _streams():
        with pytest.raises(ValueError, match=f"threads {threads}: at least 1"):
            codec.decode(encoded.coder, encoded.payload, dtype=array.dtype, shape=array.shape, threads=threads)
