"""The numbers of the layout, each listed once: magic, chunk kinds, caps, element types (docs/format.md)."""

from collections.abc import Iterable
from enum import IntEnum

import numpy as np

MAGIC = b"\x89ATR"
VERSIONS = range(1, 5)
FLAGS = 0
HEADER_BYTES = 6
# Coder bytes that came with version 2: symbol coder 4 (levels), models 6 (floats) and 7 (copy).
CODERS_OF_VERSION_2 = frozenset({0x34, 0x44, 0x54, 0x60, 0x70})
VERSION_OF_PROGRAMS = 3
VERSION_OF_PARTS = 4


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
MAX_PROGRAMS = 4_096
MAX_RANK = 16
MAX_ELEMENTS = 2**32
MAX_RAW_BYTES = {Kind.GRAPH: 256 * 2**20, Kind.META: 16 * 2**20, Kind.PROGRAM: 256 * 2**20, Kind.PROVENANCE: 2**20}

# Element types by ONNX TensorProto.DataType. Strings, complex, float8 and 4-bit types stay in the graph chunk.
DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    16: "bfloat16",
}


def dtype_of(number: int) -> np.dtype:
    """Return the element type of this number in DTYPES."""
    if DTYPES[number] == "bfloat16":
        import ml_dtypes  # takes as long as all the rest of a reader, and few files have such numbers

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(DTYPES[number])


def chunk_name(kind: int) -> str:
    """Return the name of a chunk kind as errors and reports print it."""
    return Kind(kind).name.lower() if kind in KINDS else f"kind {kind}"
