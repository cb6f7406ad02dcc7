"""Files byte by byte, right or wrong on purpose: written from docs/format.md, sharing nothing with the package."""

import zlib

MAGIC = b"\x89ATR"
HEADER = MAGIC + b"\x01\x00"
LEVELS, COPY = 4, 0x70  # a symbol coder and a coder byte of version 2
ITEMSIZE = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def zigzag(value):
    return varint(2 * value if value >= 0 else -2 * value - 1)


def u32(value):
    return value.to_bytes(4, "little")


def chunk(kind, payload=b"", *, length=None, crc=None):
    head = bytes([kind]) + (varint(len(payload)) if length is None else length)
    covered = head if kind == 64 else head + payload
    return head + payload + u32(zlib.crc32(covered) if crc is None else crc)


def tensor(name=b"w", dtype=2, dims=(2,), coder=0, stream=b"\x07\xff", *, crc=None, **lies):
    """Return (table entry, stream); `lies` overrides name_length, rank or length with bytes of its own."""
    raw_dims = b"".join(dim if isinstance(dim, bytes) else varint(dim) for dim in dims)
    entry = lies.get("name_length", varint(len(name))) + name
    entry += bytes([dtype, lies.get("rank", len(dims))]) + raw_dims + bytes([coder])
    entry += lies.get("length", varint(len(stream))) + u32(zlib.crc32(stream) if crc is None else crc)
    return entry, stream


def table(*tensors, count=None):
    return (varint(len(tensors)) if count is None else count) + b"".join(entry for entry, _ in tensors)


def stored(raw, *, length=None):
    """Return `raw` as a deflated payload of stored blocks, the same with every zlib."""
    blocks = [raw[at : at + 65535] for at in range(0, len(raw), 65535)] or [b""]
    out = varint(len(raw)) if length is None else length
    for index, block in enumerate(blocks):
        size = len(block).to_bytes(2, "little")
        out += bytes([index == len(blocks) - 1]) + size + bytes(byte ^ 255 for byte in size) + block
    return out


def file(*tensors, version=1, graph=None, meta=None, program=None, provenance=None, extra=b""):
    """Return a whole file; graph, meta, program and provenance are payloads, `extra` stands before the end chunk."""
    parts = [MAGIC + bytes([version, 0]), chunk(1, table(*tensors))]
    optional = ((2, graph), (3, meta), (4, program), (5, provenance))
    parts += [chunk(kind, payload) for kind, payload in optional if payload is not None]
    parts += [chunk(64, b"".join(stream for _, stream in tensors)), extra, chunk(255)]
    return b"".join(parts)
