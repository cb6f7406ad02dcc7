"""A second decoder of docs/format.md in plain Python: no numpy, no onnx, no speed; for learning and as the oracle.

    python -m attar.container.reference FILE

Comments name the page's sections. It refuses what the page says, except where only an ONNX parser can tell.
"""

import json
import math
import struct
import sys
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from ..codec.levels_reference import decode_levels
from ..codec.reference import (
    decode_packed,
    decode_packed_bytes,
    decode_rans,
    decode_rans_bytes,
    decode_relative,
)
from ..errors import FormatError


class Tensor(NamedTuple):
    """One tensor: ONNX dtype number, shape, elements as little-endian bytes in row-major order."""

    dtype: int
    shape: tuple[int, ...]
    raw: bytes


class Decoded(NamedTuple):
    """Everything in a file; `graph` is the serialized ModelProto."""

    tensors: dict[str, Tensor]
    graph: bytes | None
    meta: dict[str, Any] | None
    provenance: dict[str, Any] | None
    programs: tuple[bytes, ...]


def decode(data: bytes, *, max_decoded_bytes: int | None = None) -> Decoded:
    """Decode a whole file; without a limit of the caller's own that of section 9 holds.

    Raises:
        FormatError: the file breaks a rule of the page.
    """
    if max_decoded_bytes is None:
        max_decoded_bytes = max(len(data), min(8 * 2**30, 256 * 2**20 + 256 * len(data)))
    chunks = read_chunks(data)
    entries = read_table(chunks[TABLE], max_decoded_bytes)
    check_coders(entries, version=data[4])
    graph = inflate(chunks[GRAPH], 256 * 2**20) if GRAPH in chunks else None
    meta = read_json(chunks[META], 16 * 2**20) if META in chunks else None
    check_meta(meta or {})
    provenance = read_json(chunks[PROVENANCE], 2**20) if PROVENANCE in chunks else None
    require((PROGRAM in chunks) == (data[4] in (3, 4)), "versions 3 and 4 have a program, and no other version does")
    program = inflate(chunks[PROGRAM], 256 * 2**20) if PROGRAM in chunks else None
    require(data[4] != 4 or graph is not None, "programs are parts of a graph, which is missing")
    programs = () if program is None else (program,) if data[4] == 3 else read_programs(program)
    return Decoded(read_streams(chunks[STREAMS], entries), graph, meta, provenance, programs)


def require(truth: bool, message: str) -> None:
    if not truth:
        raise FormatError(message)


# --- 1 Primitives -----------------------------------------------------------------------------------------------------


class Bytes:
    """Bytes that are read front to back and never past their end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        require(count <= self.left(), f"{count} bytes needed at byte {self.at}, {self.left()} left")
        self.at += count
        return self.data[self.at - count : self.at]

    def u8(self) -> int:
        return self.take(1)[0]

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.u8()
            require(shift == 0 or byte != 0, "a varint is not in its shortest form")
            value |= (byte & 0x7F) << shift
            require(value < 2**64, "a varint is 2^64 or more")
            if byte < 0x80:
                return value
            shift += 7


def inflate(payload: bytes, cap: int) -> bytes:
    source = Bytes(payload)
    length = source.varint()
    require(length <= cap, f"raw length is {length} bytes, the limit is {cap}")
    unpacker = zlib.decompressobj(-15)
    try:
        raw = unpacker.decompress(source.take(source.left()), length + 1)
    except zlib.error as error:
        raise FormatError("DEFLATE data is damaged") from error
    require(len(raw) == length and unpacker.eof and not unpacker.unused_data, "DEFLATE data of another length")
    return raw


# --- 2 File and chunks ------------------------------------------------------------------------------------------------

HEADERS = tuple(b"\x89ATR" + bytes([version, 0]) for version in (1, 2, 3, 4))
TABLE, GRAPH, META, PROGRAM, PROVENANCE, STREAMS, END = 1, 2, 3, 4, 5, 64, 255


def read_chunks(data: bytes) -> dict[int, bytes]:
    source = Bytes(data)
    require(source.take(min(6, len(data))) in HEADERS, "magic, version or flags are not those of versions 1 to 4")
    chunks: dict[int, bytes] = {}
    while END not in chunks:
        kind, payload = read_chunk(source)
        require(kind > max(chunks, default=0), f"chunk kind {kind} is repeated or out of order")
        chunks[kind] = payload
    require(source.left() == 0, "bytes follow the end chunk")
    require(chunks[END] == b"", "the end chunk is not empty")
    require(TABLE in chunks and STREAMS in chunks, "the table or the streams are missing")
    return chunks


def read_chunk(source: Bytes) -> tuple[int, bytes]:
    start = source.at
    kind = source.u8()
    known = kind in (TABLE, GRAPH, META, PROGRAM, PROVENANCE, STREAMS, END) or 128 <= kind <= 254
    require(known, f"chunk kind {kind} is unknown and may not be skipped")
    length = source.varint()
    head = source.data[start : source.at]
    payload = source.take(length)
    covered = head if kind == STREAMS else head + payload
    require(source.u32() == zlib.crc32(covered), f"crc32 of chunk kind {kind} is wrong")
    return kind, payload


def read_programs(raw: bytes) -> tuple[bytes, ...]:
    source = Bytes(raw)
    count = source.varint()
    require(1 <= count <= 4096, f"{count} programs")
    programs = tuple(source.take(source.varint()) for _ in range(count))
    require(source.left() == 0, "bytes follow the last program")
    return programs


# --- 3 The table chunk ------------------------------------------------------------------------------------------------

ITEMSIZE = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
FLOAT32, BOOL, FLOAT16, FLOAT64, BFLOAT16 = 1, 9, 10, 11, 16


class Entry(NamedTuple):
    """One line of the table."""

    name: str
    dtype: int
    shape: tuple[int, ...]
    coder: int
    length: int
    crc32: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        return ITEMSIZE[self.dtype]


def read_table(payload: bytes, max_decoded_bytes: int) -> list[Entry]:
    source = Bytes(payload)
    count = source.varint()
    require(count <= 65_536, f"{count} tensors, the limit is 65536")
    entries = [read_entry(source) for _ in range(count)]
    require(source.left() == 0, "bytes follow the last tensor of the table")
    require(len({entry.name for entry in entries}) == count, "two tensors have the same name")
    decoded = sum(entry.elements * entry.itemsize for entry in entries)
    require(decoded <= max_decoded_bytes, f"{decoded} decoded bytes, the limit is {max_decoded_bytes}")
    return entries


def check_coders(entries: list[Entry], *, version: int) -> None:
    for entry in entries:
        require(version >= 2 or entry.coder not in NEW_CODERS, f"coder {entry.coder:#04x} is not one of version 1")


def read_entry(source: Bytes) -> Entry:
    name = read_name(source)
    dtype, rank = source.u8(), source.u8()
    require(dtype in ITEMSIZE, f"dtype {dtype} is unknown")
    require(rank <= 16, f"rank {rank}, the limit is 16")
    shape = tuple(source.varint() for _ in range(rank))
    require(math.prod(dim for dim in shape if dim) <= 2**32, "the dims multiply to more than 2^32")
    return Entry(name, dtype, shape, source.u8(), source.varint(), source.u32())


def read_name(source: Bytes) -> str:
    length = source.varint()
    require(1 <= length <= 4096, f"a name of {length} bytes, the limits are 1 and 4096")
    try:
        return source.take(length).decode()
    except UnicodeDecodeError as error:
        raise FormatError("a name is not UTF-8") from error


# --- 5 The meta and provenance chunks (4, the graph, needs an ONNX parser) --------------------------------------------


def read_json(payload: bytes, cap: int) -> dict[str, Any]:
    raw = inflate(payload, cap)
    try:
        content = json.loads(raw.decode(), parse_constant=lambda constant: require(False, f"{constant} is not JSON"))
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()  # 1e999 and "\ud800" can't be written again
    except (ValueError, RecursionError) as error:
        raise FormatError("not JSON in UTF-8") from error
    require(isinstance(content, dict), "JSON that is not an object")
    return content


def check_meta(meta: dict[str, Any]) -> None:
    require(isinstance(meta.get("preprocessing", {}), dict | None), "preprocessing is not an object")
    names = meta.get("class_names")
    strings = isinstance(names, list) and all(isinstance(name, str) for name in names)
    require(names is None or strings, "class_names is not a list of strings")
    outputs = [] if meta.get("outputs") is None else meta["outputs"]
    require(isinstance(outputs, list) and all(map(is_output, outputs)), "outputs is not a list of outputs")
    require(len({each["name"] for each in outputs}) == len(outputs), "two outputs of one name")


def is_output(each: Any) -> bool:
    if not isinstance(each, dict) or not all(isinstance(each.get(key), str) for key in ("name", "from")):
        return False
    if "function" not in each:
        return "axes" not in each
    axes = each.get("axes")
    two = isinstance(axes, list) and len(axes) == 2 and all(type(axis) is int for axis in axes)
    return two and each["function"] in ("Softmax", "LogSoftmax") and 1 <= axes[0] <= axes[1] < 16


# --- 6 The streams chunk ----------------------------------------------------------------------------------------------


def read_streams(payload: bytes, entries: list[Entry]) -> dict[str, Tensor]:
    total = sum(entry.length for entry in entries)
    require(total == len(payload), f"the streams chunk has {len(payload)} bytes, its streams take {total}")
    source = Bytes(payload)
    tensors: list[Tensor] = []
    for entry in entries:
        stream = source.take(entry.length)
        require(zlib.crc32(stream) == entry.crc32, f"crc32 of the stream of {entry.name!r} is wrong")
        tensors.append(copy_of(stream, entries, tensors) if entry.coder == COPY else read_tensor(stream, entry))
    return {entry.name: tensor for entry, tensor in zip(entries, tensors, strict=True)}


def copy_of(stream: bytes, entries: list[Entry], before: list[Tensor]) -> Tensor:
    source = Bytes(stream)
    index, entry = source.varint(), entries[len(before)]
    require(source.left() == 0, "bytes follow the payload")
    require(entry.elements > 0, "a tensor without elements has coder 0")
    require(index < len(before) and entries[index].coder != COPY, f"a copy of {index}, which is no tensor before it")
    same = (entries[index].dtype, entries[index].shape) == (entry.dtype, entry.shape)
    require(same, f"a copy of {index}, which has another type or shape")
    return before[index]


def read_tensor(stream: bytes, entry: Entry) -> Tensor:
    model, coder = entry.coder >> 4, entry.coder & 15
    require(entry.coder in CODERS, f"coder {entry.coder:#04x} is unknown")
    require(entry.elements > 0 or entry.coder == 0, "a tensor without elements has coder 0")
    source = Bytes(stream)
    raw = MODELS[model](source, coder, entry)
    require(source.left() == 0, "bytes follow the payload")
    require(entry.dtype != BOOL or set(raw) <= {0, 1}, "a bool is neither 0 nor 1")
    return Tensor(entry.dtype, entry.shape, raw)


# --- 7 Models: from payload to values ---------------------------------------------------------------------------------


def decode_raw(source: Bytes, _coder: int, entry: Entry) -> bytes:
    return source.take(entry.elements * entry.itemsize)


def decode_constant(source: Bytes, _coder: int, entry: Entry) -> bytes:
    return source.take(entry.itemsize) * entry.elements


def decode_planes(source: Bytes, _coder: int, entry: Entry) -> bytes:
    raw = bytearray(entry.elements * entry.itemsize)
    for position in range(entry.itemsize):
        coder = source.u8()
        require(coder in (1, 3), f"symbol coder {coder} of a plane is neither 1 nor 3")
        plane = symbols(source.take(source.varint()), coder, entry.elements)
        require(all(0 <= byte <= 255 for byte in plane), "a plane holds more than bytes")
        raw[position :: entry.itemsize] = bytes(plane)
    return bytes(raw)


RANGES = {dtype: range(256 ** ITEMSIZE[dtype]) for dtype in (2, 4, 12, 13)}
RANGES |= {dtype: range(-(256 ** ITEMSIZE[dtype]) // 2, 256 ** ITEMSIZE[dtype] // 2) for dtype in (3, 5, 6, 7)}
RANGES[BOOL] = range(2)


def decode_integers(source: Bytes, coder: int, entry: Entry) -> bytes:
    require(entry.dtype in RANGES, f"dtype {entry.dtype} is not an integer type")
    held = RANGES[entry.dtype]
    values = rest(source, coder, entry)
    require(all(value in held for value in values), f"an integer outside of {held.start} to {held.stop - 1}")
    return b"".join(value.to_bytes(entry.itemsize, "little", signed=held.start < 0) for value in values)


def decode_grid(source: Bytes, coder: int, entry: Entry) -> bytes:
    require(entry.dtype in (FLOAT32, FLOAT16, BFLOAT16), f"dtype {entry.dtype} has no grid")
    flags = source.u8()
    require(flags < 4, f"flags {flags:#04x} of a grid are unknown")
    channels, inner = 1, 1
    if flags & 1:
        axis = source.u8()
        require(axis < len(entry.shape), f"axis {axis} of rank {len(entry.shape)}")
        channels, inner = entry.shape[axis], math.prod(entry.shape[axis + 1 :])
    scales = [read_scale(source, short=bool(flags & 2)) for _ in range(channels)]
    values = rest(source, coder, entry)
    require(all(abs(q) <= 2**20 for q in values), "a grid index beyond 2^20")
    rounders = {FLOAT32: pack_float32, FLOAT16: pack_float16, BFLOAT16: pack_bfloat16}
    # A product of 21 and 24 bits is exact in Python's 53: the first rounding is the one to float32.
    products = (float32(q * scales[index // inner % channels]) for index, q in enumerate(values))
    return b"".join(map(rounders[entry.dtype], products))


def read_scale(source: Bytes, *, short: bool) -> float:
    (scale,) = struct.unpack("<f", bytes(2) + source.take(2) if short else source.take(4))
    require(0 < scale < math.inf, f"scale {scale} is not finite and above zero")
    return scale


def float32(value: float) -> float:
    return struct.unpack("<f", pack_float32(value))[0]


def pack_float32(value: float) -> bytes:
    return pack_or_infinity("<f", value)


def pack_float16(value: float) -> bytes:
    return pack_or_infinity("<e", value)


def pack_or_infinity(code: str, value: float) -> bytes:
    try:
        return struct.pack(code, value)  # rounds half to even
    except OverflowError:
        return struct.pack(code, math.copysign(math.inf, value))


def pack_bfloat16(value: float) -> bytes:
    bits = int.from_bytes(pack_float32(value), "little")
    bits += 0x7FFF + (bits >> 16 & 1)  # half to even on the lower 16 bits
    return (bits >> 16).to_bytes(2, "little")


def decode_codebook(source: Bytes, coder: int, entry: Entry) -> bytes:
    size = source.varint() + 1
    require(size <= 4096, f"a codebook of {size} entries, the limit is 4096")
    origin = source.varint()
    require(origin < size, f"origin {origin} of {size} entries")
    book = [source.take(entry.itemsize) for _ in range(size)]
    indices = [symbol + origin for symbol in rest(source, coder, entry)]
    require(all(0 <= index < size for index in indices), f"an index outside of 0 to {size - 1}")
    return b"".join(book[index] for index in indices)


FLOATS = (FLOAT32, FLOAT16, FLOAT64, BFLOAT16)


def decode_floats(source: Bytes, _coder: int, entry: Entry) -> bytes:
    require(entry.dtype in FLOATS, f"dtype {entry.dtype} is not a type of floats")
    turn, log2 = divmod(source.u8(), 32)
    require(10 <= log2 <= 20, f"chunks of 2^{log2} elements, the limits are 2^10 and 2^20")
    last = (entry.elements - 1) // 2**log2
    sizes = struct.unpack(f"<{last}I", source.take(4 * last))
    chunks = [read_elements(source.take(size), 2**log2, turn, entry) for size in sizes]
    return b"".join([*chunks, read_elements(source.take(source.left()), entry.elements - last * 2**log2, turn, entry)])


def read_elements(chunk: bytes, count: int, turn: int, entry: Entry) -> bytes:
    source = Bytes(chunk)
    planes = [read_plane(source, count) for _ in range(entry.itemsize)]
    require(source.left() == 0, "bytes follow the last plane of a chunk")
    bits = 8 * entry.itemsize
    turned = [int.from_bytes(element, "big") for element in zip(*planes, strict=True)]
    values = [value >> turn | value << bits - turn & 2**bits - 1 for value in turned]
    return b"".join(value.to_bytes(entry.itemsize, "little") for value in values)


def read_plane(source: Bytes, count: int) -> bytes:
    coder = source.u8()
    require(coder in (0, 1, 3), f"coder {coder} of a plane is none of 0, 1 and 3")
    if coder == 0:
        return source.take(count)
    decode_plane = decode_packed_bytes if coder == 1 else decode_rans_bytes
    return decode_plane(source.take(source.varint()), count)


MODELS = (decode_raw, decode_constant, decode_planes, decode_integers, decode_grid, decode_codebook, decode_floats)
NEW_CODERS = (0x34, 0x44, 0x54, 0x60, 0x70)
CODERS = (0x00, 0x10, 0x20, 0x31, 0x32, 0x33, 0x34, 0x41, 0x42, 0x43, 0x44, 0x51, 0x52, 0x53, 0x54, 0x60)
COPY = 0x70


# --- 8 Symbol coders: the codec's own reference -----------------------------------------------------------------------

SYMBOL_CODERS = {1: decode_packed, 2: decode_relative, 3: decode_rans, 4: decode_levels}


def rest(source: Bytes, coder: int, entry: Entry) -> list[int]:
    return symbols(source.take(source.left()), coder, entry.elements)


def symbols(payload: bytes, coder: int, count: int) -> list[int]:
    return SYMBOL_CODERS[coder](payload, count)


def main(path: str) -> None:
    """Print the tensors of a file: dtype number, shape, bytes, name."""
    for name, tensor in decode(Path(path).read_bytes()).tensors.items():
        print(f"{tensor.dtype:3} {'x'.join(map(str, tensor.shape)) or 'scalar':>16} {len(tensor.raw):10} {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
