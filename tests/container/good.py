"""Good files, one per way of coding: name -> bytes. `python -m tests.golden.make` stores them."""

import random
import struct
from itertools import zip_longest

from . import models
from .build import COPY, ITEMSIZE, LEVELS, chunk, file, stored, tensor, varint
from .symbols import levels, packed, rans, relative

RAW = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "?", 10: "e", 11: "d", 12: "I", 13: "Q"}
SYMBOLS = {1: packed, 2: relative, 3: rans, LEVELS: levels}


def sparse(count=60, *, low=-3, high=3, seed=0):
    """Integers of which about two thirds are zero, the last one included."""
    draw = random.Random(seed)
    return [draw.randint(low, high) if draw.random() < 0.35 else 0 for _ in range(count - 1)] + [0]


def version(coder):
    return 2 if coder == LEVELS else 1


def raw_of_every_dtype():
    tensors = [tensor(code.encode(), dtype, (2, 1), 0, struct.pack(f"<2{code}", 0, 1)) for dtype, code in RAW.items()]
    return file(*tensors, tensor(b"bfloat16", 16, (2,), 0, b"\x80\x3f\x80\xbf"))


def shapes():
    scalar = tensor(b"scalar", 1, (), 0, struct.pack("<f", 1.5))
    return file(
        scalar,
        tensor(b"empty", 6, (3, 0), 0, b""),
        tensor("na\u00efve/\u91cd\u307f".encode(), 2, (1,) * 16, 0, b"\x05"),
    )


def constants():
    return file(tensor(b"half", 10, (500, 500), 0x10, struct.pack("<e", -0.5)), tensor(b"yes", 9, (3,), 0x10, b"\x01"))


def planes():
    values = [1000, -2, 70_000, 0, 5] * 4
    columns = list(zip(*(struct.pack("<i", value) for value in values), strict=True))
    parts = [(coder, SYMBOLS[coder](column)) for coder, column in zip((1, 3, 1, 3), columns, strict=True)]
    stream = b"".join(bytes([coder]) + varint(len(part)) + part for coder, part in parts)
    return file(tensor(b"w", 6, (4, 5), 0x20, stream))


def integers(coder):
    wide = tensor(b"wide", 7, (60,), 0x30 + coder, SYMBOLS[coder](sparse(low=-90, high=90)))
    narrow = tensor(b"narrow", 2, (6, 10), 0x30 + coder, SYMBOLS[coder]([abs(v) for v in sparse()]))
    mask = tensor(b"mask", 9, (60,), 0x30 + coder, SYMBOLS[coder]([v > 0 for v in sparse()]))
    return file(wide, narrow, mask, version=version(coder))


def integers_wide():
    ends = [-(2**31), 2**31 - 1, 0, -1]
    return file(tensor(b"w", 7, (4,), 0x31, packed(ends)), tensor(b"u", 13, (2,), 0x31, packed([2**31 - 1, 5])))


def relative_corners():
    ones = tensor(b"one symbol", 3, (4,), 0x32, relative([0, 5, 0, 5], bound=2))
    zeros = tensor(b"zeros", 3, (4,), 0x32, relative([0, 0, 0, 0]))
    far = tensor(b"far", 3, (40,), 0x32, relative([0] * 30 + [1] + [0] * 8 + [-1], bound=4))
    return file(ones, zeros, far)


def rans_lanes():
    many = tensor(b"lanes", 5, (900,), 0x33, rans(sparse(900, low=-300, high=300), m=14, log_lanes=6, order=5))
    return file(many, tensor(b"one symbol", 5, (7,), 0x33, rans([-4] * 7, m=8, order=0)))


def levels_corners():
    return file(*LEVELED, version=2)


def leveled(name, values, dims, dtype=6, **model):
    return tensor(name, dtype, dims, 0x30 + LEVELS, levels(values, **model))


def three_axes():
    """Rows, columns and taps; a row of zeros; a sum below 0 and one beyond the last table; a skew."""
    rows, columns, taps = [-1, 0, -32, 1, 32], [0, 1, 1, 0], [-1, 0, 1]
    tables = [[], [-16], [-4, -9, 3], [40, 8, 5, -2, 0, 1]]
    values = []
    for i in range(60):
        level = 1 + rows[i // 12] + columns[i // 3 % 4] + taps[i % 3]
        top = len(tables[min(max(level, 0), 3)])
        values.append((i * 7 % (2 * top + 1)) - top)
    axes = [(12, rows), (3, columns), (1, taps)]
    return {"values": values, "axes": axes, "base": 1, "logits": tables, "skews": [0, 5, -20, -2]}


def spread(count, high):
    """Magnitudes from 0 to `high` in all sizes, of both signs."""
    draw = random.Random(1)
    return [0, high, -high, *(draw.choice((-1, 1)) * (high >> draw.randint(0, 31)) for _ in range(count - 3))]


def many_tables():
    """A table for each of 32 rows, tops up and down."""
    tables = [[16 - j - k for j in range(k * 5 % 7)] for k in range(32)]
    values = [(-1) ** i * (i % (i // 3 * 5 % 7 + 1)) for i in range(96)]
    axes = [(3, list(range(-31, 1)))]
    return {"values": values, "axes": axes, "base": 31, "logits": tables, "precision": 1, "follows": True}


def open_tables():
    """Two open tables, of tops 2 and 18, and one of top 0; magnitudes below, at and above their tops."""
    values = [0, 1, -2, 3, -100, 2**31 - 1, 20, -23, 24, -(2**31) + 1, 25, -1000, 0, 0, 0, 0, 0, 0]
    return {"values": values, "axes": [(6, [0, 1, 2])], "logits": [[0, 3], [0] * 18, []], "is_open": True}


OPEN = [
    leveled(b"open", dims=(3, 6), **open_tables()),
    leveled(b"open and skewed", dims=(18,), skews=[3, -40, 0], log_lanes=5, precision=0, **open_tables()),
    leveled(b"open chunks", [i * i * (-1) ** i for i in range(130)], (130,), chunk=64, logits=[[3, 3]], is_open=True),
    leveled(b"open of zeros", [0, 0, 0], (3,), logits=[[]], is_open=True),
    leveled(b"the highest top", [2**31 - 1, -(2**31) + 1, 0], (3,), logits=[[0] * 123], precision=3, is_open=True),
]

LEVELED = [
    leveled(b"axes", dims=(5, 4, 3), precision=1, log_lanes=5, **three_axes()),
    leveled(b"axes of one lane", dims=(60,), precision=1, **three_axes()),
    leveled(b"chunks", sparse(300), (300,), log_lanes=5, chunk=64, axes=[(7, [0, 1, 2])], logits=[[3, 3, 1]] * 3),
    leveled(b"wide", spread(200, 2**31 - 1), (200,), log_lanes=1, chunk=128, precision=3),
    leveled(b"no extra bits", [3, -15, 0, 9], (4,), logits=[[-128, 128] + [0] * 15], precision=0),
    leveled(b"large logits", [1, -2, 0, 2], (4,), dtype=3, logits=[[127, -128]], skews=[128], precision=0),
    leveled(b"tables", dims=(96,), log_lanes=3, **many_tables()),
    leveled(b"zeros", [0] * 70, (70,), log_lanes=4, chunk=64),
    leveled(b"one", [-(2**31) + 1], (1,), log_lanes=2),
    leveled(b"places beyond the end", [1, 0, 1], (3,), axes=[(3, [1] * 9), (1, [0, 1])], logits=[[0], [9], [-9]]),
]


def copies():
    w = tensor(b"w", 1, (2, 3), 0x41, b"\x02\x80\x3e" + packed([-2, -1, 0, 1, 0, -2]))
    tied = tensor(b"tied", 1, (2, 3), COPY, varint(1))
    again = tensor(b"again", 1, (2, 3), COPY, varint(1))
    return file(tensor(b"a"), w, tied, tensor(b"b", coder=COPY, stream=varint(0)), again, version=2)


def grid(coder):
    q = sparse()
    step = tensor(b"step", 1, (60,), 0x40 + coder, b"\x00" + struct.pack("<f", 0.1) + SYMBOLS[coder](q))
    short = tensor(b"short", 16, (3, 20), 0x40 + coder, b"\x03\x00" + b"\x80\x3e\xcd\x3d\x03\x41" + SYMBOLS[coder](q))
    axis = b"\x01\x01" + struct.pack("<4f", 0.001, 0.3, 7.7, 1e-7)
    half = tensor(b"half", 10, (3, 4, 5), 0x40 + coder, axis + SYMBOLS[coder](q))
    return file(step, short, half, version=version(coder))


def grid_rounding():
    q = [2**20, -(2**20), 2**20 - 1, 12345, 1, 0, -1, 3]
    cases = [(1, 1.1), (10, 1e-7), (10, 0.0123), (16, 0.7), (16, 1.003), (1, 1e-45)]
    tensors = [
        tensor(b"%d" % index, dtype, (8,), 0x41, b"\x00" + struct.pack("<f", scale) + packed(q))
        for index, (dtype, scale) in enumerate(cases)
    ]
    return file(*tensors)


def codebook(coder):
    entries = [-1.5, -0.25, -0.0, 0.0, 0.1, 0.7, 2.0]
    stream = varint(6) + varint(3) + struct.pack("<7f", *entries) + SYMBOLS[coder](sparse())
    big = varint(1) + varint(0) + struct.pack("<2Q", 5, 2**64 - 1) + SYMBOLS[coder]([0, 1, 0])
    w = tensor(b"w", 1, (60,), 0x50 + coder, stream)
    return file(w, tensor(b"big", 13, (3,), 0x50 + coder, big), version=version(coder))


def whole_model():
    proto = models.linear()
    raw = proto.SerializeToString(deterministic=True)
    meta = b'{"class_names":["cat","d\xc3\xb6g"],"preprocessing":{"size":{"height":8}},"later":1}'
    w = tensor(b"w", 1, (2, 3), 0x41, b"\x02\x80\x3e" + packed([-2, -1, 0, 1, 0, -2]))
    b = tensor(b"b", 1, (3,), 0x10, struct.pack("<f", 0.5))
    extra = chunk(130, b"from a later version") + chunk(254)
    return file(w, b, graph=stored(raw), meta=stored(meta), provenance=stored(b'{"attar":"0.1.0"}'), extra=extra)


def empty_model(**more):
    proto = models.linear()
    del proto.graph.node[:]
    proto.graph.output[0].CopyFrom(proto.graph.input[0])
    return file(graph=stored(proto.SerializeToString(deterministic=True)), **more)


def floats(dtype, values, *, turn, log2=10, coders=(3, 1), lanes=0):
    """A payload of 7.6 whose first planes are coded and the others raw; `values` are the elements' bits."""
    itemsize = ITEMSIZE[dtype]
    bits = 8 * itemsize
    turned = [(value << turn | value >> bits - turn) & 2**bits - 1 for value in values]
    chunks = []
    for start in range(0, len(values), 2**log2):
        planes = zip(*(value.to_bytes(itemsize, "big") for value in turned[start : start + 2**log2]), strict=True)
        chunks.append(b"".join(_plane(coder, list(plane), lanes) for coder, plane in zip_longest(coders, planes)))
    sizes = b"".join(len(chunk).to_bytes(4, "little") for chunk in chunks[:-1])
    return bytes([log2 | turn << 5]) + sizes + b"".join(chunks)


def _plane(coder, plane, lanes):
    if not coder:
        return b"\x00" + bytes(plane)
    payload = rans(plane, m=12, log_lanes=lanes, order=3) if coder == 3 else packed(plane)
    return bytes([coder]) + varint(len(payload)) + payload


def floats_of_every_dtype():
    draw = random.Random(1)
    single = [struct.unpack("<I", struct.pack("<f", draw.gauss(0, 0.02)))[0] for _ in range(2500)]
    single[7:10] = 0x7FA00001, 0xFF800000, 0x80000001  # a signaling NaN with a payload, -infinity, -subnormal
    half = [struct.unpack("<H", struct.pack("<e", draw.gauss(0, 1)))[0] for _ in range(300)]
    double = [struct.unpack("<Q", struct.pack("<d", draw.gauss(0, 1)))[0] for _ in range(300)]
    return file(
        tensor(b"single", 1, (50, 50), 0x60, floats(1, single, turn=1)),
        tensor(b"half", 10, (300,), 0x60, floats(10, half, turn=7, coders=(3, 0))),
        tensor(b"double", 11, (300,), 0x60, floats(11, double, turn=4, coders=(3, 1, 0, 0, 1, 0, 3))),
        tensor(b"bfloat", 16, (2500,), 0x60, floats(16, [value >> 16 for value in single], turn=0, coders=(1, 3))),
        tensor(b"lanes", 1, (2500,), 0x60, floats(1, single, turn=1, log2=11, lanes=6)),
        tensor(b"one", 16, (), 0x60, floats(16, [0x3F80], turn=1, coders=(1, 0))),
        version=2,
    )


def example():
    w = tensor(b"w", 1, (2, 3), 0x41, b"\x02\x80\x3e" + packed([-2, -1, 0, 1, 0, -2]))
    return file(w, tensor(b"b", 2, (2,), 0, b"\x07\xff"))


GOOD = {
    "example": example,
    "raw": raw_of_every_dtype,
    "shapes": shapes,
    "constant": constants,
    "planes": planes,
    "integers_wide": integers_wide,
    "relative_corners": relative_corners,
    "rans_lanes": rans_lanes,
    "levels_corners": levels_corners,
    "levels_open": lambda: file(*OPEN, version=2),
    "copy": copies,
    "grid_rounding": grid_rounding,
    "floats": floats_of_every_dtype,
    "no_tensors": file,
    "programs": lambda: empty_model(version=4, program=stored(varint(2) + varint(3) + b"one" + varint(0))),
    "program": lambda: file(version=3, program=stored(b"what the engine reads, not the container")),
    "model": whole_model,
    "model_without_weights": empty_model,
} | {
    f"{kind.__name__}_{SYMBOLS[coder].__name__}": (lambda kind=kind, coder=coder: kind(coder))
    for kind in (integers, grid, codebook)
    for coder in SYMBOLS
}
