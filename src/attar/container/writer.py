"""Write a network, or tensors alone, as an `.attar` file: encode, assemble in memory, appear by an atomic rename."""

import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import codec
from ..codec.threads import ahead
from ..errors import ModelError
from ..files import write_atomically
from . import _meta, _table, read
from ._chunks import frame
from ._copies import Copies
from ._deflate import deflate
from ._layout import DTYPES, MAX_ELEMENTS, MAX_NAME_BYTES, MAX_RANK, MAX_TENSORS, Kind, dtype_of, header
from ._table import TensorEntry, extent

if TYPE_CHECKING:
    import onnx_ir as ir

NUMBERS = {dtype_of(number): number for number in DTYPES}
NO_LIMIT = 2**63  # of the report: the arrays were in memory a moment ago


@dataclass(frozen=True)
class TensorReport:
    """What one tensor of the table takes in the file; `payload_bytes` leaves out its table entry."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    coder: int
    payload_bytes: int


@dataclass(frozen=True)
class WriteReport:
    """What the file takes: `chunk_sizes` (bytes, frames included, and the header) sum up to `size_bytes`."""

    size_bytes: int
    tensors: tuple[TensorReport, ...]
    chunk_sizes: dict[str, int]


def write(
    path: str | os.PathLike[str],
    model: "ir.Model | None",
    *,
    tensors: Mapping[str, np.ndarray] | None = None,
    hints: Mapping[str, codec.GridHint] | None = None,
    preprocessing: dict[str, Any] | None = None,
    class_names: Sequence[str] | None = None,
    provenance: dict[str, Any] | None = None,
    threads: int = 1,
) -> WriteReport:
    """Write a file and return where its bytes went; the arguments after `path` are those of `to_bytes`.

    The file appears under its name whole or not at all: on any failure an existing one stays as it was.

    Raises:
        ModelError: the network or the tensors cannot be stored.
        OutputError: `path` cannot be written.
    """
    data = to_bytes(
        model,
        tensors=tensors,
        hints=hints,
        preprocessing=preprocessing,
        class_names=class_names,
        provenance=provenance,
        threads=threads,
    )
    report = _report(data)
    write_atomically(path, data)
    return report


def to_bytes(
    model: "ir.Model | None",
    *,
    tensors: Mapping[str, np.ndarray] | None = None,
    hints: Mapping[str, codec.GridHint] | None = None,
    preprocessing: dict[str, Any] | None = None,
    class_names: Sequence[str] | None = None,
    provenance: dict[str, Any] | None = None,
    effort: codec.Effort = codec.BEST,
    threads: int = 1,
) -> bytes:
    """Return the bytes of a file; the same arguments give the same bytes.

    Args:
        model: the network, not changed by this; None makes a weights-only file of `tensors`.
        tensors: name -> array, for a weights-only file alone.
        hints: initializer name -> encoding hint; one for a name that is not in the table has no effect.
        preprocessing: JSON object; None takes what the model's metadata_props hold.
        class_names: None takes what the model's metadata_props hold.
        provenance: JSON object of the strippable chunk; None leaves the chunk out.
        effort: of the encoder: which coders it may choose from.
        threads: share the tensors; their number changes no byte.

    Raises:
        ModelError: the network or the tensors cannot be stored.
    """
    if (model is None) == (tensors is None):
        raise ModelError("write either a model or tensors: exactly one of the two has to be given")
    meta = _merge_meta(model, preprocessing, class_names)
    arrays = _arrays(model, tensors)
    entries, streams = _encode(arrays, hints or {}, effort, threads)
    payloads = {Kind.TABLE: _table.pack(entries)}
    if model is not None:
        from . import _graph

        payloads[Kind.GRAPH] = deflate(_graph.pack(model, left_out=arrays.keys(), dropped_keys=meta.keys()))
    if meta:
        payloads[Kind.META] = _meta.pack(Kind.META, meta)
    if provenance is not None:
        payloads[Kind.PROVENANCE] = _meta.pack(Kind.PROVENANCE, provenance)
    payloads |= {Kind.STREAMS: b"".join(streams), Kind.END: b""}
    head = header(entry.coder for entry in entries)
    return head + b"".join(frame(kind, payload) for kind, payload in payloads.items())


def _merge_meta(
    model: "ir.Model | None", preprocessing: dict[str, Any] | None, class_names: Sequence[str] | None
) -> dict[str, Any]:
    given = {"preprocessing": preprocessing, "class_names": None if class_names is None else list(class_names)}
    meta = _meta.of_model(model) if model is not None else {}
    meta |= {key: value for key, value in given.items() if value is not None}
    _meta.check(meta, error=ModelError)
    return meta


def _arrays(model: "ir.Model | None", tensors: Mapping[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """Return the tensors of the table as little-endian arrays in C order, checked against the caps."""
    if model is not None:
        from . import _graph

        found = {name: tensor.numpy() for name, tensor in _graph.in_table(model).items()}
    else:
        found = {name: np.asarray(tensor) for name, tensor in (tensors or {}).items()}
    if len(found) > MAX_TENSORS:
        raise ModelError(f"{len(found)} tensors, the limit is {MAX_TENSORS}")
    return {name: _checked(name, array) for name, array in found.items()}


def _checked(name: str, array: np.ndarray) -> np.ndarray:
    _check_name(name)
    dtype = array.dtype.newbyteorder("<")
    if dtype not in NUMBERS:
        raise ModelError(f"tensor {name!r}: element type {array.dtype} has no place in the table")
    if array.ndim > MAX_RANK:
        raise ModelError(f"tensor {name!r}: rank {array.ndim}, the limit is {MAX_RANK}")
    if extent(array.shape) > MAX_ELEMENTS:
        raise ModelError(f"tensor {name!r}: its dims multiply to {extent(array.shape)}, the limit is {MAX_ELEMENTS}")
    return np.asarray(array, dtype=dtype, order="C")


def _check_name(name: str) -> None:
    try:
        length = len(name.encode())
    except UnicodeEncodeError as error:
        raise ModelError(f"tensor {name!r}: its name is not Unicode text") from error
    if not 1 <= length <= MAX_NAME_BYTES:
        raise ModelError(f"tensor {name[:60]!r}: its name has {length} bytes, the limits are 1 and {MAX_NAME_BYTES}")


def _encode(
    arrays: Mapping[str, np.ndarray], hints: Mapping[str, Any], effort: codec.Effort, threads: int
) -> tuple[list[TensorEntry], list[bytes]]:
    copies = Copies()
    found = [(name, array, copies.find(array)) for name, array in arrays.items()]

    def encode(tensor: tuple[str, np.ndarray, codec.Encoded | None]) -> codec.Encoded:
        name, array, copy = tensor
        return copy or codec.encode(array, hint=hints.get(name), effort=effort)

    entries, streams, offset = [], [], 0
    for (name, array, _), encoded in zip(found, ahead(encode, found, threads), strict=True):
        entries.append(_entry(len(entries), name, array, encoded, offset))
        streams.append(encoded.payload)
        offset += len(encoded.payload)
    return entries, streams


def _entry(place: int, name: str, array: np.ndarray, encoded: codec.Encoded, offset: int) -> TensorEntry:
    length, checksum = len(encoded.payload), zlib.crc32(encoded.payload)
    number = NUMBERS[array.dtype]
    return TensorEntry(place, name, array.dtype, number, array.shape, encoded.coder, offset, length, checksum)


def _report(data: bytes) -> WriteReport:
    # What the reader finds, not what the writer meant: a file that could not be opened again is never put in place.
    file = read.open(data, max_decoded_bytes=NO_LIMIT)
    tensors = tuple(TensorReport(e.name, e.dtype.name, e.shape, e.coder, e.length) for e in file.entries)
    return WriteReport(file.size_bytes, tensors, file.chunk_sizes)
