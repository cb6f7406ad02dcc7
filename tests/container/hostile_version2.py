"""Bad files of version 2, one defect each, as in `hostile`: levels, copies, and what version 1 has not got."""

import struct

from . import models
from .build import COPY, LEVELS, MAGIC, file, stored, tensor, u32, varint
from .symbols import Side, level_chunk, level_table, levels, levels_side

# Bodies and side sections that are right, for the two integers 1 and 0: one table of top 1.
PAIR, ZEROS = (1, 0), (0, 0, 0)
SIDE = levels_side([], [[0]], None)
BODY = level_chunk(PAIR, range(2), ZEROS, [level_table([0], 0, 0)])
# Three integers with 19 extra bits: 8, 8 and 3.
LARGE = (1000, -1000, 37)
OUTSIDE = "symbol outside the alphabet"


def leveled(stream, dims=(2,), dtype=3):
    return file(tensor(b"w", dtype, dims, 0x30 + LEVELS, stream), version=2)


def payload(*, flags=0, tables=0, axes=b"", chunk=b"", side=SIDE, side_size=None, body=BODY):
    size = varint(len(side) if side_size is None else side_size)
    return bytes([flags, tables]) + axes + chunk + size + side + body


def axis(length, stride):
    return varint(length) + varint(stride)


def side_of(*lists):
    side = Side()
    for numbers in lists:
        side.numbers(numbers)
    return side.pack()


def leveled_side(base, *levels, follows=0):
    """The base and one axis."""
    side = Side()
    side.numbers([base])
    side.start(follows)
    side.numbers(levels)
    return side.pack()


def chunked(size, sizes):
    """150 zeros of one table of top 0 in three chunks, whose sizes may lie; each chunk is the state of one lane."""
    return payload(flags=0x40, chunk=varint(size), side=side_of([0]), body=sizes + 3 * u32(2**16))


def refused(what, size, n=2):
    return f"tensor 'w': levels payload of {size} bytes for {n} symbols: {what}"


def bad(what, stream, dims=(2,)):
    return leveled(stream, dims), refused(what, len(stream), dims[0])


HEADERS = {
    "levels_empty": bad("truncated", b""),
    "levels_flags": bad("bad header", payload(flags=0x80)),
    "levels_lanes": bad("bad header", payload(flags=6 << 2)),
    "levels_axis_of_nothing": bad("bad header", payload(flags=1, axes=axis(0, 1))),
    "levels_axes_long": bad("bad header", payload(flags=2, axes=axis(65_535, 1) + axis(2, 1))),
    "levels_axis_huge": bad("bad header", payload(flags=1, axes=axis(2**63, 1))),
    "levels_stride_zero": bad("bad header", payload(flags=1, axes=axis(1, 0))),
    "levels_stride_beyond": bad("bad header", payload(flags=1, axes=axis(1, 3))),
    "levels_axis_padded": bad("bad varint", payload(flags=1, axes=b"\x81\x00\x01")),
    "levels_axes_missing": bad("truncated", payload(flags=3, axes=axis(1, 1))[:4]),
    "levels_chunk_zero": bad("bad header", payload(flags=0x40, chunk=varint(0))),
    "levels_chunk_odd": bad("bad header", payload(flags=0x40, chunk=varint(65)), (150,)),
    "levels_chunk_of_all": bad("bad header", payload(flags=0x40, chunk=varint(64)), (64,)),
    "levels_chunk_padded": bad("bad varint", payload(flags=0x40, chunk=b"\xc0\x00"), (150,)),
}

SIDES = {
    "levels_side_beyond": bad("truncated", payload(side_size=2**40)),
    "levels_side_long": bad("trailing data", payload(side=SIDE + bytes(8))),
    "levels_base_negative": bad("bad header", payload(flags=1, axes=axis(1, 1), side=leveled_side(-1, 0))),
    "levels_base_high": bad("bad header", payload(flags=1, axes=axis(1, 1), side=leveled_side(32, 0))),
    "levels_level_high": bad("bad header", payload(flags=1, axes=axis(2, 1), side=leveled_side(0, 32, 33))),
    "levels_level_low": bad("bad header", payload(flags=1, axes=axis(2, 1), side=leveled_side(0, -32, -1, follows=1))),
    "levels_level_endless": bad("bad header", payload(flags=1, axes=axis(1, 1), side=leveled_side(0, -2000))),
    "levels_top_negative": bad("bad header", payload(side=side_of([-1]))),
    "levels_top_high": bad("bad header", payload(side=side_of([124]))),
    "levels_tops_fall_below": bad("bad header", payload(tables=1, side=side_of([3, -4]))),
    "levels_logit_high": bad("bad header", payload(side=side_of([1], [129]))),
    "levels_logit_low": bad("bad header", payload(tables=3 << 5, side=side_of([1], [-17]))),
    "levels_logit_after_guess": bad("bad header", payload(tables=1 << 5, side=side_of([2], [60, 5]))),
    "levels_skew_high": bad("bad header", payload(flags=0x20, tables=2 << 5, side=side_of([1], [0], [33]))),
    "levels_skew_low": bad("bad header", payload(flags=0x20, side=side_of([1], [0], [-129]))),
}

CHUNKS = {
    "levels_sizes_missing": bad("truncated", chunked(64, varint(4))[:-12], (150,)),
    "levels_size_beyond": bad("truncated", chunked(64, varint(4) + varint(9)), (150,)),
    "levels_size_huge": bad("truncated", chunked(64, varint(2**64 - 1) + varint(5)), (150,)),
    "levels_size_padded": bad("bad varint", chunked(64, b"\x84\x00" + varint(4)), (150,)),
    "levels_chunk_short": bad("truncated", chunked(64, varint(3) + varint(4)), (150,)),
    "levels_chunk_long": bad("trailing data", chunked(64, varint(4) + varint(5))[:-1] + b"\x00\x00", (150,)),
    "levels_last_chunk_long": bad("trailing data", chunked(64, varint(4) + varint(4)) + b"\x00", (150,)),
    "levels_states_short": bad("truncated", payload(body=BODY[:3])),
    "levels_state_low": bad("bad state", payload(body=u32(2**16 - 1))),
    "levels_state_at_end": bad("bad state", payload(body=u32(int.from_bytes(BODY, "little") + 1))),
    "levels_words_left": bad("trailing data", payload(body=BODY + b"\x00\x00")),
    "levels_byte_left": bad("trailing data", payload(body=BODY + b"\x00")),
}


def large(*, cut=0, extra=None):
    """LARGE with so many bytes cut from the words, or with other extra bits."""
    logits = [[0] * 40]
    body = level_chunk(LARGE, range(3), ZEROS, [level_table(logits[0], 0, 0)])
    assert body[0] == 3
    words, own = body[1:-3], body[-3:] if extra is None else extra
    words = words[: len(words) - cut]
    return payload(side=levels_side([], logits, None), body=varint(len(own)) + words + own)


def opened(extra, value=-1):
    """An open table of top 1 whose only integer is of class 1, with these extra bits."""
    body = level_chunk([value], range(1), ZEROS, [level_table([0], 0, 0)])
    return payload(tables=0x80, body=varint(len(extra)) + body + extra)


EXTRAS = {
    "levels_word_missing": bad("truncated", large(cut=2), (3,)),
    "levels_extra_beyond": bad("truncated", payload(side=levels_side([], [[0] * 16], None), body=b"\x7f" + BODY)),
    "levels_extra_short": bad("truncated", large(extra=b"\x00\x00"), (3,)),
    "levels_extra_long": bad("trailing data", large(extra=bytes(4)), (3,)),
    "levels_extra_padding": bad("bad padding", large(extra=b"\x00\x00\xff"), (3,)),
    "levels_extra_size_missing": bad("truncated", payload(side=levels_side([], [[0] * 16], None), body=b"")),
    "levels_open_without_size": bad("truncated", payload(tables=0x80)),
    "levels_open_missing": bad("truncated", opened(b""), (1,)),
    "levels_open_endless": bad(OUTSIDE, opened(b"\xff" * 9), (1,)),
    "levels_open_beyond": bad(OUTSIDE, opened(b"\xff\xff\xff\x7f" + bytes(4)), (1,)),
    "levels_open_field_missing": bad("truncated", opened(b"\xff\xff\xff\x7f"), (1,)),
    "levels_open_padding": bad("bad padding", opened(b"\x02"), (1,)),
    "levels_open_trailing": bad("trailing data", opened(b"\x00\x00"), (1,)),
}


def ranges():
    wide = levels([1, 300])
    book = varint(1) + varint(0) + b"\x05\x06" + levels([0, 2])
    grid = b"\x02\x80\x3f" + levels([1, -(2**20) - 1])
    return {
        "levels_beyond_dtype": (leveled(wide), "tensor 'w': integers 1..300: int8 holds -128..127"),
        "levels_negative": (leveled(levels([0, -1]), dtype=4), "tensor 'w': integers -1..0: uint16 holds 0..65535"),
        "levels_bool": (leveled(levels([0, 2]), dtype=9), "tensor 'w': integers 0..2: bool holds 0..1"),
        "levels_beyond_book": (
            file(tensor(b"w", 2, (2,), 0x50 + LEVELS, book), version=2),
            "tensor 'w': codebook indices 0..2: the codebook has 2 entries",
        ),
        "levels_beyond_grid": (
            file(tensor(b"w", 1, (2,), 0x40 + LEVELS, grid), version=2),
            "tensor 'w': grid integers -1048577..1: beyond +-1048576",
        ),
    }


def version_1(coder, stream):
    data = file(tensor(dtype=1, coder=coder, stream=stream))
    return data, f"tensor 'w': coder byte {coder:#04x} is not one of version 1"


def unknown(coder):
    error = f"tensor 'w': coder byte {coder:#04x}: not a known model and symbol coder"
    return file(tensor(coder=coder), version=2), error


def parts(raw):
    """Return a file whose graph has programs for parts of it."""
    return file(version=4, graph=stored(models.linear().SerializeToString(deterministic=True)), program=stored(raw))


VERSIONS = {
    "version_0": (MAGIC + b"\x00" + file()[5:], "version 0 is not supported, this reader knows 1, 2, 3, 4"),
    "version_5": (MAGIC + b"\x05" + file()[5:], "version 5 is not supported, this reader knows 1, 2, 3, 4"),
    "version_3_alone": (file(version=3), "version 3 without a program chunk: versions 3 and 4 have one, alone"),
    "version_2_program": (
        file(version=2, program=varint(0)),
        "version 2 with a program chunk: versions 3 and 4 have one, alone",
    ),
    "version_4_alone": (file(version=4), "version 4 without a program chunk: versions 3 and 4 have one, alone"),
    "version_4_no_graph": (
        file(version=4, program=stored(varint(1) + varint(0))),
        "version 4 without a graph chunk: its programs are parts of a graph",
    ),
    "version_4_no_programs": (parts(varint(0)), "programs: 0 of them, the limits are 1 and 4096"),
    "version_4_many": (parts(varint(4097)), "programs: 4097 of them, the limits are 1 and 4096"),
    "version_4_short": (parts(varint(1) + varint(9) + b"x"), "program 0: 9 bytes needed at byte 2, 1 left"),
    "version_4_trailing": (parts(varint(1) + varint(0) + b"x"), "programs: 1 bytes follow the last of 1"),
    "version_2_flags": (MAGIC + b"\x02\x01" + file()[6:], "header flags are 0x01, version 2 knows none"),
    "version_1_integers_levels": version_1(0x34, levels(PAIR)),
    "version_1_grid_levels": version_1(0x44, b"\x02\x80\x3f" + levels(PAIR)),
    "version_1_codebook_levels": version_1(0x54, varint(1) + varint(0) + struct.pack("<2f", 1, 2) + levels(PAIR)),
    "version_1_copy": (
        file(tensor(b"a"), tensor(coder=COPY, stream=varint(0))),
        "tensor 'w': coder byte 0x70 is not one of version 1",
    ),
    "coder_raw_with_levels": unknown(0x04),
    "coder_planes_with_levels": unknown(0x24),
    "coder_symbols_5": unknown(0x35),
    "coder_model_6": unknown(0x64),
    "coder_copy_with_symbols": unknown(0x74),
    "planes_of_levels": (
        file(tensor(coder=0x20, stream=b"\x04" + varint(len(levels(PAIR))) + levels(PAIR)), version=2),
        "tensor 'w': plane 0: symbol coder 4, not 1 or 3",
    ),
}


def copy(index, *before, dtype=2, dims=(2,)):
    stream = index if isinstance(index, bytes) else varint(index)
    return file(tensor(b"a"), *before, tensor(b"w", dtype, dims, COPY, stream), version=2)


COPIES = {
    "copy_of_itself": (copy(1), "tensor 'w': copy of tensor 1: there are 1 before it"),
    "copy_of_later": (
        file(tensor(b"w", coder=COPY, stream=varint(1)), tensor(b"a"), version=2),
        "tensor 'w': copy of tensor 1: there are 0 before it",
    ),
    "copy_of_none": (copy(2**63), f"tensor 'w': copy of tensor {2**63}: there are 1 before it"),
    "copy_of_copy": (
        copy(1, tensor(b"b", coder=COPY, stream=varint(0))),
        "tensor 'w': copy of tensor 1, 'b': that is a copy itself",
    ),
    "copy_of_dtype": (copy(0, dtype=3), "tensor 'w': copy of tensor 0, 'a': uint8 (2,) is another type or shape"),
    "copy_of_shape": (copy(0, dims=(2, 1)), "tensor 'w': copy of tensor 0, 'a': uint8 (2,) is another type or shape"),
    "copy_trailing": (copy(b"\x00\x00"), "tensor 'w': copy: 1 bytes after its end"),
    "copy_empty": (copy(b""), "tensor 'w': copy: 1 bytes wanted, 0 left"),
    "copy_padded": (copy(b"\x80\x00"), "tensor 'w': copy: not a varint"),
    "copy_of_nothing": (
        file(tensor(b"a", dims=(0,), stream=b""), tensor(dims=(0,), coder=COPY, stream=varint(0)), version=2),
        "tensor 'w': copy for a tensor without elements: it must be raw",
    ),
}

VERSION_2 = HEADERS | SIDES | CHUNKS | EXTRAS | ranges() | VERSIONS | COPIES
