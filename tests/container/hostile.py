"""Bad files, one defect each: name -> (bytes, how the error begins after the file's name)."""

import struct
import zlib

from . import models
from .build import HEADER, chunk, file, stored, table, tensor, u32, varint
from .hostile_version2 import VERSION_2
from .symbols import packed, rans

W = tensor()
B = tensor(b"b")
GRAPH = models.linear().SerializeToString(deterministic=True)


def deflated(raw):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(raw) + packer.flush()


def chunks(*parts):
    return HEADER + b"".join(parts)


def with_table(payload, streams=b""):
    return chunks(chunk(1, payload), chunk(64, streams), chunk(255))


def one(**changes):
    return file(tensor(**changes))


def grid(flags, rest, *, dtype=1, dims=(2,), q=(1, 0)):
    return one(dtype=dtype, dims=dims, coder=0x41, stream=bytes([flags]) + rest + packed(list(q)))


def floats(stream, *, dtype=10, dims=(2,)):
    return file(tensor(dtype=dtype, dims=dims, coder=0x60, stream=stream), version=2)


def plane(coder, payload):
    """A coded plane of a floats chunk."""
    return bytes([coder]) + varint(len(payload)) + payload


HEADERS = {
    "empty": (b"", "not an .attar file: it starts with nothing, not 89415452"),
    "magic": (b"PK\x03\x04" + file(W)[4:], "not an .attar file: it starts with 504b0304, not 89415452"),
    "version": (b"\x89ATR\x7f" + file(W)[5:], "version 127 is not supported, this reader knows 1, 2"),
    "flags": (b"\x89ATR\x01\x80" + file(W)[6:], "header flags are 0x80, version 1 knows none"),
    "header_only": (HEADER, "chunk kind: 1 bytes needed at byte 6, 0 left"),
}

FRAMES = {
    "no_end": (file(W)[:-6], "chunk kind: 1 bytes needed at byte 32, 0 left"),
    "trailing": (file(W) + b"\x00", "1 bytes follow the end chunk at byte 38"),
    "end_not_empty": (chunks(chunk(255, b"x")), "end chunk: 1 bytes long, the limit is 0"),
    "no_table": (chunks(chunk(64), chunk(255)), "the table chunk is missing"),
    "no_streams": (chunks(chunk(1, table()), chunk(255)), "the streams chunk is missing"),
    "kind_zero": (chunks(chunk(0)), "chunk kind 0 at byte 6 is unknown and may not be skipped"),
    "kind_six": (
        chunks(chunk(1, table()), chunk(6), chunk(64), chunk(255)),
        "chunk kind 6 at byte 13 is unknown and may not be skipped",
    ),
    "kind_critical": (file(extra=chunk(127)), "chunk kind 127 at byte 19 is unknown and may not be skipped"),
    "skippable_crc": (file(extra=chunk(128, b"x", crc=0)), "kind 128 chunk: crc32 is 59b10add, the file says 00000000"),
    "duplicate": (chunks(chunk(1, table()), chunk(1, table())), "table chunk appears twice, again at byte 13"),
    "order": (
        chunks(chunk(1, table()), chunk(64), chunk(3, stored(b"{}")), chunk(255)),
        "meta chunk at byte 19 stands after the streams chunk",
    ),
    "chunk_crc": (chunks(chunk(1, table(), crc=1)), "table chunk: crc32 is e7988264, the file says 00000001"),
    "chunk_length_huge": (
        chunks(chunk(1, length=varint(2**60))),
        f"table chunk: payload: {2**60} bytes needed at byte 16, 4 left",
    ),
    "chunk_length_padded": (
        chunks(chunk(1, table(), length=b"\x81\x00")),
        "table chunk: length: the varint at byte 7 is not in its shortest form",
    ),
    "chunk_length_64_bits": (
        chunks(chunk(1, length=b"\xff" * 9 + b"\x02")),
        f"table chunk: length: the varint at byte 7 is {2**64 + 2**63 - 1}, the limit is 2^64 - 1",
    ),
    "chunk_length_endless": (
        chunks(chunk(1, length=b"\x80" * 11)),
        "table chunk: length: the varint at byte 7 is longer than 10 bytes",
    ),
}

TABLES = {
    "count_huge": (with_table(varint(65_537)), "table: 65537 tensors, the limit is 65536"),
    "count_beyond_table": (with_table(varint(65_536)), "tensor 0: name length: 1 bytes needed at byte 3, 0 left"),
    "count_short": (with_table(table(W, count=varint(0))), "table: 11 bytes follow the last of 0 tensors"),
    "name_empty": (one(name=b""), "tensor 0: its name has 0 bytes, the limits are 1 and 4096"),
    "name_long": (one(name=b"n" * 4097), "tensor 0: its name has 4097 bytes, the limits are 1 and 4096"),
    "name_beyond_table": (one(name_length=varint(4000)), "tensor 0: name: 4000 bytes needed at byte 3, 10 left"),
    "name_not_utf8": (one(name=b"a\xff"), "tensor 0: its name is not UTF-8 at byte 1"),
    "name_surrogate": (one(name=b"\xed\xa0\x80"), "tensor 0: its name is not UTF-8 at byte 0"),
    "name_twice": (file(W, W), "table: two tensors are named 'w'"),
    "name_line_break": (
        file(tensor(b"a\nb\x1b[2J", dtype=99)),
        "tensor 'a\\nb\\x1b[2J': dtype 99 is none of 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16",
    ),
    "dtype_string": (one(dtype=8), "tensor 'w': dtype 8 is none of 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16"),
    "rank": (one(dims=(1,) * 17), "tensor 'w': rank 17, the limit is 16"),
    "dims_product": (
        one(dims=(2**20, 2**12, 2)),
        "tensor 'w': its dims multiply to 8589934592, the limit is 4294967296",
    ),
    "dims_product_with_zero": (
        one(dims=(2**63, 0), stream=b""),
        f"tensor 'w': its dims multiply to {2**63}, the limit is 4294967296",
    ),
    "dim_padded": (
        one(dims=(b"\x82\x80\x00",)),
        "tensor 'w': dim 0: the varint at byte 5 is not in its shortest form",
    ),
    "decoded_limit": (
        one(dtype=11, dims=(2**31,), coder=0x10, stream=bytes(8)),
        "tensor 'w': decoded bytes reach 17179869184, the limit is 268447",
    ),
    "decoded_limit_of_few_bytes": (
        one(dims=(2**30,), coder=0x10, stream=b"\x01"),
        "tensor 'w': decoded bytes reach 1073741824, the limit is 268445",
    ),
    "streams_short": (
        one(length=varint(3)),
        "streams chunk: 2 bytes long, the table's streams take 3",
    ),
    "streams_long": (with_table(table(W), b"\x07\xff\x00"), "streams chunk: 3 bytes long, the table's streams take 2"),
    "stream_crc": (one(crc=0), "tensor 'w': crc32 of its stream is 239a6bb5, the table says 00000000"),
}


def with_graph(raw, *tensors):
    return file(*tensors, graph=stored(raw))


def initializer(**fields):
    """The graph with one more initializer `t`."""
    return with_graph(_graph(lambda proto: proto.graph.initializer.add(name="t", **fields)))


def _graph(change):
    proto = models.linear()
    change(proto)
    return proto.SerializeToString(deterministic=True)


GRAPHS = {
    "graph_cap": (
        file(graph=stored(b"", length=varint(2**28 + 1))),
        "graph chunk: raw length is 268435457 bytes, the limit is 268435456",
    ),
    "graph_bomb": (
        file(graph=varint(10) + deflated(bytes(3_000_000))),
        "graph chunk: inflates to more than its declared 10 bytes",
    ),
    "graph_short": (
        file(graph=stored(GRAPH, length=varint(5000))),
        f"graph chunk: DEFLATE data ends after {len(GRAPH)} of 5000 bytes",
    ),
    "graph_truncated": (
        file(graph=stored(GRAPH)[:-9]),
        f"graph chunk: DEFLATE data ends after {len(GRAPH) - 9} of {len(GRAPH)} bytes",
    ),
    "graph_trailing": (file(graph=stored(GRAPH) + b"xyz"), "graph chunk: 3 bytes follow the DEFLATE data"),
    "graph_not_deflate": (
        file(graph=b"\x05\x07"),
        "graph chunk: its DEFLATE data is damaged",
    ),
    "graph_not_proto": (with_graph(b"\x3a\x7fnonsense"), "graph chunk: 10 bytes that are not an ONNX ModelProto"),
    "graph_empty": (with_graph(b""), "graph chunk: a ModelProto without a graph"),
    "graph_not_utf8": (
        with_graph(GRAPH.replace(b"linear", b"l\xb3near")),
        "graph chunk: onnx.GraphProto.name is b'l\\xb3near', not UTF-8",
    ),
    "graph_external": (
        with_graph(models.with_external_attribute().SerializeToString(deterministic=True)),
        "graph chunk: tensor 'far' refers to another file",
    ),
    "graph_clash": (
        with_graph(_graph(lambda proto: proto.graph.initializer.add(name="w", data_type=1)), W),
        "graph chunk: two initializers are named 'w'",
    ),
    "graph_sparse": (
        with_graph(_graph(lambda proto: proto.graph.sparse_initializer.add())),
        "graph chunk: graph 'linear' has sparse initializers, which are not supported",
    ),
    "graph_tensor_short": (
        initializer(data_type=1, dims=[2], raw_data=bytes(4)),
        "graph chunk: tensor 't' does not fit its dims [2]",
    ),
    "graph_tensor_huge": (
        initializer(data_type=22, dims=[2**40], raw_data=b"x"),
        "graph chunk: tensor 't' has 15 bytes for dims [1099511627776]",
    ),
    "graph_tensor_negative": (
        initializer(data_type=1, dims=[-1], raw_data=bytes(4)),
        "graph chunk: tensor 't' has 22 bytes for dims [-1]",
    ),
    "graph_redeclared": (
        with_graph(_graph(lambda proto: proto.graph.node[0].output.append("w")), W),
        "graph chunk: not a valid ONNX model: Node with schema(::MatMul:13) has output size 2",
    ),
    "graph_dangling": (
        with_graph(_graph(lambda proto: proto.graph.node.pop(0)), W, B),
        "graph chunk: not a valid ONNX model: Nodes in a graph must be topologically sorted",
    ),
    "graph_order": (
        with_graph(_graph(lambda proto: proto.graph.node.insert(0, proto.graph.node.pop())), W, B),
        "graph chunk: not a valid ONNX model: Nodes in a graph must be topologically sorted",
    ),
    "graph_attribute": (
        with_graph(_graph(lambda proto: proto.graph.node[0].attribute.add(name="beta", i=1, type=2)), W),
        "graph chunk: not a valid ONNX model: Unrecognized attribute: beta for operator MatMul",
    ),
    "graph_operator": (
        with_graph(_graph(lambda proto: proto.graph.node.add()), W, B),
        "graph chunk: not a valid ONNX model: Field 'op_type' of 'node' is required",
    ),
    "graph_output": (
        with_graph(_graph(lambda proto: proto.graph.output.add(name="z", type=proto.graph.output[0].type)), W, B),
        "graph chunk: not a valid ONNX model: ",
    ),
    "graph_opset": (
        with_graph(_graph(lambda proto: setattr(proto.opset_import[0], "version", 3)), W),
        "graph chunk: opset 3 is not supported",
    ),
    "graph_laughs": (
        with_graph(models.laughing(40).SerializeToString(deterministic=True)),
        "graph chunk: the network has 549,755,813,888 operators, functions expanded; the limit is 100,000",
    ),
    "graph_circle": (
        with_graph(models.laughing(3, circle=True).SerializeToString(deterministic=True)),
        "graph chunk: function 'F2' calls itself",
    ),
}

JSONS = {
    "meta_not_json": (file(meta=stored(b"{")), "meta chunk: not JSON in UTF-8"),
    "meta_not_utf8": (file(meta=stored(b'{"a":"\xff"}')), "meta chunk: not JSON in UTF-8"),
    "meta_nan": (file(meta=stored(b'{"preprocessing":{"a":NaN}}')), "meta chunk: not JSON in UTF-8"),
    "meta_number": (file(meta=stored(b'{"preprocessing":{"a":1e999}}')), "meta chunk: not JSON in UTF-8"),
    "meta_surrogate": (file(meta=stored(b'{"class_names":["\\ud800"]}')), "meta chunk: not JSON in UTF-8"),
    "meta_list": (file(meta=stored(b"[]")), "meta chunk: a JSON list, not an object"),
    "meta_deep": (file(meta=stored(b'{"a":' + b"[" * 5_000)), "meta chunk: not JSON in UTF-8"),
    "meta_preprocessing": (
        file(meta=stored(b'{"preprocessing":[1]}')),
        "meta: preprocessing is of type list, not an object",
    ),
    "meta_class_names": (file(meta=stored(b'{"class_names":["a",1]}')), "meta: class_names is not a list of strings"),
    "provenance_cap": (
        file(provenance=stored(b"", length=varint(2**20 + 1))),
        "provenance chunk: raw length is 1048577 bytes, the limit is 1048576",
    ),
}

# The text after "tensor 'w': " belongs to the codec: here it only has to be there.
STREAMS = {
    "coder_unknown": one(coder=0x60),
    "coder_reserved": file(tensor(coder=0x80), version=2),
    "coder_raw_with_symbols": one(coder=0x01),
    "coder_integers_without_symbols": one(coder=0x30),
    "raw_short": one(stream=b"\x07"),
    "raw_long": one(stream=b"\x07\x07\x07"),
    "raw_huge": one(dims=(2**32,)),
    "constant_long": one(coder=0x10, stream=b"\x07\x07"),
    "constant_of_nothing": one(dims=(0,), coder=0x10, stream=b"\x07"),
    "planes_coder": one(coder=0x20, stream=b"\x02\x02\x0f\x00"),
    "integers_of_float": one(dtype=1, coder=0x31, stream=packed([1, 0])),
    "integers_out_of_range": one(coder=0x31, stream=packed([0, 256])),
    "packed_beyond_int32": one(dtype=7, coder=0x31, stream=packed([0, 2**31])),
    "packed_width": one(coder=0x31, stream=b"\x00\x21" + bytes(9)),
    "packed_padding": one(coder=0x31, stream=b"\x00\x01\x07"),
    "packed_trailing": one(coder=0x31, stream=packed([1, 0]) + b"\x00"),
    "grid_dtype": grid(0, struct.pack("<f", 1), dtype=6),
    "grid_flags": grid(4, struct.pack("<f", 1)),
    "grid_axis": grid(1, b"\x01" + struct.pack("<2f", 1, 1)),
    "grid_scale_zero": grid(0, struct.pack("<f", 0)),
    "grid_scale_negative": grid(2, b"\x80\xbf"),
    "grid_scale_infinite": grid(0, struct.pack("<f", float("inf"))),
    "grid_q_large": grid(0, struct.pack("<f", 1), q=(0, 2**20 + 1)),
    "codebook_large": one(coder=0x51, stream=varint(4096) + b"\x00" + bytes(4097) + packed([0, 1])),
    "codebook_origin": one(coder=0x51, stream=varint(1) + varint(2) + b"\x05\x06" + packed([0, -1])),
    "codebook_index": one(coder=0x51, stream=varint(1) + varint(0) + b"\x05\x06" + packed([0, 2])),
    "relative_bound": one(coder=0x32, stream=varint(0) + varint(0)),
    "relative_beyond": one(coder=0x32, stream=varint(15) + varint(1) + b"\x02\x00" + b"\x06\x00"),
    "relative_incomplete": one(coder=0x32, stream=varint(15) + varint(1) + b"\x02\x01\x12" + b"\x02\x00" + b"\x00"),
    "rans_total": one(coder=0x33, stream=b"\x08\x00\x00" + b"\x00\x01" + u32(2**16)),
    "rans_m": one(coder=0x33, stream=b"\x0f\x00\x00" + bytes(12)),
    "floats_dtype": floats(b"\x0a" + bytes(6), dtype=4),
    "floats_chunk": floats(b"\x09" + bytes(6)),
    "floats_sizes": floats(b"\x0a" + u32(2**32 - 1), dims=(1025,)),
    "floats_plane": floats(b"\x0a" + b"\x02" + bytes(5)),
    "floats_short": floats(b"\x0a" + bytes(5)),
    "floats_long": floats(b"\x0a" + bytes(7)),
    "floats_packed_width": floats(b"\x0a" + b"\x01\x05\x00\x09" + bytes(3) + bytes(3)),
    "floats_packed_symbol": floats(b"\x0a" + plane(1, packed([255, 256])) + bytes(3)),
    "floats_rans_symbol": floats(b"\x0a" + plane(3, rans([255, 256])) + bytes(3)),
    "floats_rans_one": floats(b"\x0a" + plane(3, rans([7, 7])) + bytes(3)),
    "floats_rans_m": floats(b"\x0a" + plane(3, rans([7, 8], m=13)) + bytes(3)),
}

CONTAINER = HEADERS | FRAMES | TABLES | GRAPHS | JSONS | VERSION_2
BAD = {name: data for name, (data, _) in CONTAINER.items()} | STREAMS
