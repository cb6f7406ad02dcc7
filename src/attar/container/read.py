"""Open an `.attar` file: every byte is hostile until checked, and tensors decode on demand."""

import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .. import codec
from ..codec.threads import ahead
from ..errors import FormatError, ModelError
from ..files import Kind as FileKind
from ..files import read_file
from ..files.limits import limits
from . import _meta, _programs, _table
from ._chunks import Chunk, frame, split
from ._copies import original
from ._deflate import inflate
from ._layout import (
    FLAGS,
    HEADER_BYTES,
    MAGIC,
    MAX_RAW_BYTES,
    VERSION_OF_PARTS,
    VERSION_OF_PROGRAMS,
    Kind,
    chunk_name,
)
from ._table import TensorEntry

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

Decoded = TypeVar("Decoded")

FILE = FileKind("an .attar file", lambda file: file.read(len(MAGIC)) == MAGIC)

# The graph's own file is imported where a graph is read: who runs a program needs neither onnx nor onnx_ir.


@dataclass(frozen=True, eq=False)
class AttarFile:
    """An opened file: header, chunks, table and graph are checked, tensors are decoded when asked for.

    Attributes:
        programs: the sections that the engine runs, unread; empty in a file without any.
        in_parts: whether they are parts of the graph, the rest of which runs in floats.
        outputs: what the outputs of the program become; None where they are the network's (docs/format.md, section 5).
    """

    path: Path | None
    size_bytes: int
    entries: tuple[TensorEntry, ...]
    preprocessing: dict[str, Any] | None
    class_names: list[str] | None
    provenance: dict[str, Any] | None
    programs: tuple[bytes, ...]
    in_parts: bool
    outputs: list[dict[str, Any]] | None
    chunk_sizes: dict[str, int]
    _data: bytes = field(repr=False)
    _streams: memoryview = field(repr=False)
    _proto: "onnx.ModelProto | None" = field(repr=False)
    _by_name: dict[str, TensorEntry] = field(repr=False)

    @property
    def has_graph(self) -> bool:
        """Whether a network is inside; False for a weights-only file."""
        return self._proto is not None

    def stream(self, name: str) -> bytes:
        """Return the stream of one tensor, its crc32 checked.

        Raises:
            FormatError: no such tensor, or another crc32 than the table says.
        """
        return bytes(self._stream(name))

    def _stream(self, name: str) -> memoryview:
        """Return the same where it lies."""
        if name not in self._by_name:
            raise FormatError(f"{_label(self.path)}: no tensor is named {name!r}, the table has {len(self.entries)}")
        entry = self._by_name[name]
        stream = self._streams[entry.offset : entry.offset + entry.length]
        found = zlib.crc32(stream)
        if found != entry.crc32:
            where = f"{_label(self.path)}: tensor {name!r}"
            raise FormatError(f"{where}: crc32 of its stream is {found:08x}, the table says {entry.crc32:08x}")
        return stream

    def tensor(self, name: str, *, threads: int = 1) -> np.ndarray:
        """Return one decoded tensor of the table; `threads` share the chunks of a large one.

        Raises:
            FormatError: no such tensor, or a damaged stream.
        """
        return self._decoded(name, lambda *stream, **known: codec.decode(*stream, **known, threads=threads))

    def rows(self, name: str, rows: range, *, threads: int = 1) -> np.ndarray:
        """Return consecutive places along axis 0 of a tensor, without decoding more of it than their chunks.

        Raises:
            FormatError: no such tensor, or a damaged stream.
            ValueError: rows that the tensor has not got.
        """
        return self._decoded(name, lambda *stream, **known: codec.decode_rows(*stream, rows, **known, threads=threads))

    def _decoded(self, name: str, decode: Callable[..., Decoded]) -> Decoded:
        stream = self._stream(name)
        entry = self._by_name[name]
        try:
            if entry.coder != codec.COPY:
                return decode(entry.coder, stream, dtype=entry.dtype, shape=entry.shape)
            found = original(self.entries, entry, stream)
        except FormatError as error:
            raise FormatError(f"{_label(self.path)}: tensor {name!r}: {error}") from error
        except MemoryError as error:
            raise FormatError(
                f"{_label(self.path)}: tensor {name!r}: {entry.shape} takes more memory than there is"
            ) from error
        return self._decoded(found.name, decode)

    def quantized(self, name: str, *, element: str = "int8", threads: int = 1) -> "codec.Quantized":
        """Return the integers and scales of a tensor that lies on a grid, never by way of floats.

        Raises:
            FormatError: no such tensor, one that is not on a grid, a damaged stream, or integers beyond the element.
        """
        return self._decoded(
            name, lambda *stream, **known: codec.decode_quantized(*stream, **known, element=element, threads=threads)
        )

    def quantized_rows(self, name: str, *, columns: int, element: str = "int8") -> "codec.QuantizedRows":
        """Return the same as rows of `columns` integers, a few at a time: no more of them is held than a reader wants.

        Raises:
            FormatError: as `quantized`; for what is damaged further on when its piece is asked for.
            ValueError: columns that do not divide the tensor.
        """
        found = self._decoded(
            name,
            lambda *stream, **known: codec.decode_quantized_rows(*stream, **known, columns=columns, element=element),
        )
        return found._replace(pieces=self._named(name, found.pieces))

    def _named(self, name: str, pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the pieces; an error among them says whose they are."""
        try:
            yield from pieces
        except FormatError as error:
            raise FormatError(f"{_label(self.path)}: tensor {name!r}: {error}") from error

    def tensors(self, *, threads: int = 1) -> Iterator[tuple[str, np.ndarray]]:
        """Yield name and decoded tensor in table order, no more than `threads` of them ahead of their turn."""
        names = [entry.name for entry in self.entries]
        return zip(names, ahead(self.tensor, names, threads), strict=True)

    def model(self, *, threads: int = 1) -> "ir.Model":
        """Return the network with its decoded initializers, preprocessing and class names in its metadata_props.

        Raises:
            FormatError: a weights-only file, a graph that is not valid, or a damaged stream.
        """
        if self._proto is None:
            raise FormatError(f"{_label(self.path)}: a weights-only file: no graph is inside")
        from . import _graph

        model = self._unpack(self._proto)
        _graph.attach(model, self.tensors(threads=threads))
        self._check_extents(model)
        for key, value in (("preprocessing", self.preprocessing), ("class_names", self.class_names)):
            if value is not None:
                model.metadata_props[key] = _meta.dumps(value)
        return model

    def _check_extents(self, model: "ir.Model") -> None:
        from ..graph.extents import check_extents

        try:
            check_extents(model)
        except ModelError as error:
            raise FormatError(f"{_label(self.path)}: graph chunk: {error}") from error

    def check(self) -> None:
        """Decode every tensor and the graph.

        Raises:
            FormatError: the first defect, naming the tensor.
        """
        for entry in self.entries:
            self.tensor(entry.name)
        if self._proto is not None:
            self._unpack(self._proto)

    def strip(self) -> bytes:
        """Return the file's bytes without the provenance chunk."""
        chunk = split(self._data).get(Kind.PROVENANCE)
        return self._data if chunk is None else self._data[: chunk.start] + self._data[chunk.end :]

    def with_programs(
        self, programs: Sequence[bytes], *, in_parts: bool = False, outputs: Sequence[Mapping[str, Any]] = ()
    ) -> bytes:
        """Return the file's bytes with these program sections, in place of those that it may have.

        Args:
            in_parts: whether they are parts of the graph, and the rest of it runs in floats; else there is one, of all.
            outputs: what the program's outputs become, as in the meta chunk; empty where they are the network's.
        """
        chunks = {kind: chunk for kind, chunk in split(self._data).items() if kind not in (Kind.PROGRAM, Kind.META)}
        framed = {kind: self._data[chunk.start : chunk.end] for kind, chunk in chunks.items()}
        meta = {"preprocessing": self.preprocessing, "class_names": self.class_names, "outputs": list(outputs) or None}
        if any(value is not None for value in meta.values()):
            known = {key: value for key, value in meta.items() if value is not None}
            framed[Kind.META] = frame(Kind.META, _meta.pack(Kind.META, known))
        framed[Kind.PROGRAM] = frame(Kind.PROGRAM, _programs.payload(programs, in_parts=in_parts))
        version = VERSION_OF_PARTS if in_parts else VERSION_OF_PROGRAMS
        return MAGIC + bytes([version, FLAGS]) + b"".join(framed[kind] for kind in sorted(framed))

    def _unpack(self, proto: "onnx.ModelProto") -> "ir.Model":
        from . import _graph

        try:
            return _graph.unpack(proto, entries=self.entries)
        except FormatError as error:
            raise FormatError(f"{_label(self.path)}: {error}") from error


def open(
    source: str | os.PathLike[str] | bytes, *, max_decoded_bytes: int | None = None, graph: bool = True
) -> AttarFile:
    """Read and check a file, or its bytes, without decoding any tensor.

    Args:
        source: path of the file, or the file's bytes.
        max_decoded_bytes: refuse tables whose tensors take more than this together; None weighs it against the size of
            the file, as docs/format.md says.
        graph: whether to read the graph; without it the file is as good as one that has none.

    Raises:
        FormatError: the file cannot be read, or is damaged, truncated, hostile or over the limit.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        path, data = None, bytes(source)
    else:
        path = _path(source)
        data = read_file(path, error=FormatError)
    most = limits().bytes_for(len(data)) if max_decoded_bytes is None else max_decoded_bytes
    try:
        return _parse(data, path, most, graph=graph)
    except FormatError as error:
        raise FormatError(f"{_label(path)}: {error}") from error


def _path(source: str | os.PathLike[str]) -> Path:
    try:
        return Path(source)
    except TypeError as error:
        raise FormatError(f"{type(source).__name__} given: neither a path nor a file's bytes") from error


def _label(path: Path | None) -> str:
    return "the given bytes" if path is None else str(path)


def _parse(data: bytes, path: Path | None, max_decoded_bytes: int, *, graph: bool) -> AttarFile:
    chunks = split(data)
    streams = chunks[Kind.STREAMS].payload
    table = chunks[Kind.TABLE].payload
    version = data[len(MAGIC)]
    entries = _table.parse(table, version=version, streams_bytes=len(streams), max_decoded_bytes=max_decoded_bytes)
    by_name = {entry.name: entry for entry in entries}
    meta = _json(chunks, Kind.META) or {}
    _meta.check(meta)
    return AttarFile(
        path=path,
        size_bytes=len(data),
        entries=entries,
        preprocessing=meta.get("preprocessing"),
        class_names=meta.get("class_names"),
        provenance=_json(chunks, Kind.PROVENANCE),
        programs=_programs.parse(chunks, version),
        in_parts=version == VERSION_OF_PARTS,
        outputs=meta.get("outputs"),
        chunk_sizes=_sizes(chunks),
        _data=data,
        _streams=streams,
        _proto=_parse_graph(chunks, by_name) if graph else None,
        _by_name=by_name,
    )


def _json(chunks: dict[int, Chunk], kind: Kind) -> dict[str, Any] | None:
    return _meta.parse(kind, chunks[kind].payload) if kind in chunks else None


def _parse_graph(chunks: dict[int, Chunk], by_name: dict[str, TensorEntry]) -> "onnx.ModelProto | None":
    if Kind.GRAPH not in chunks:
        return None
    from . import _graph

    payload = chunks[Kind.GRAPH].payload
    raw = inflate(payload, what="graph chunk", max_bytes=MAX_RAW_BYTES[Kind.GRAPH])
    try:
        return _graph.parse(raw, entries=by_name)
    except ModelError as error:
        raise FormatError(f"graph chunk: {error}") from error


def _sizes(chunks: dict[int, Chunk]) -> dict[str, int]:
    return {"header": HEADER_BYTES} | {chunk_name(chunk.kind): chunk.end - chunk.start for chunk in chunks.values()}
