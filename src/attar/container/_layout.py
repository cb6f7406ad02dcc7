"""The numbers of the layout, each listed once: magic, chunk kinds, caps, element types (docs/format.md)."""

from collections.abc import Iterable
from enum import IntEnum

import ml_dtypes
import numpy as np

MAGIC = b"\x89ATR"
VERSIONS = range(1, 4)
FLAGS = 0
HEADER_BYTES = 6
# Coder bytes that came with version 2: symbol coder 4 (levels), models 6 (floats) and 7 (copy).
CODERS_OF_VERSION_2 = frozenset({0x34, 0x44, 0x54, 0x60, 0x70})
VERSION_OF_PROGRAMS = 3


def header(coders: Iterable[int]) -> bytes:
    """Return the header of the lowest version that knows all of these coder bytes, so that most readers can read it."""
    version = 1 if CODERS_OF_VERSION_2.isdisjoint(coders) else 2
    return MAGIC + bytes([version, FLAGS])


class Kind(IntEnum):
    """The chunk kinds; their order in a file is the order of their numbers."""

    TABLE = 1
    GRAPH = 2
    META = 3
    PROGRAM = 4
    PROVENANCE = 5
    STREAMS = 64
    END = 255


KINDS = frozenset(Kind)
SKIPPABLE = range(128, 255)  # a reader passes over unknown kinds in here and refuses all other unknown kinds
REQUIRED = (Kind.TABLE, Kind.STREAMS, Kind.END)

MAX_TENSORS = 65_536
MAX_NAME_BYTES = 4_096
MAX_RANK = 16
MAX_ELEMENTS = 2**32
MAX_DECODED_BYTES = 8 * 2**30  # the default of a reader's own limit
MAX_RAW_BYTES = {Kind.GRAPH: 256 * 2**20, Kind.META: 16 * 2**20, Kind.PROGRAM: 256 * 2**20, Kind.PROVENANCE: 2**20}

# Keyed by ONNX TensorProto.DataType. Strings, complex, float8 and 4-bit types stay in the graph chunk.
DTYPES: dict[int, np.dtype] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    4: np.dtype("<u2"),
    5: np.dtype("<i2"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
    9: np.dtype("?"),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
    12: np.dtype("<u4"),
    13: np.dtype("<u8"),
    16: np.dtype(ml_dtypes.bfloat16),
}


def chunk_name(kind: int) -> str:
    """Return the name of a chunk kind as errors and reports print it."""
    return Kind(kind).name.lower() if kind in KINDS else f"kind {kind}"
