"""Element types of tensors: which ones a stream can hold, their bit patterns and their precision."""

import math
from collections.abc import Iterator

import numpy as np

from ..errors import FormatError

_PIECE = 1 << 20

# Types by their names, str(dtype): that of bfloat16 exists once somebody has imported ml_dtypes, who has such numbers.

# Significant bits and the exponent of the least subnormal number of the types that a grid can hold.
PRECISION = {"float32": (24, -149), "float16": (11, -24), "bfloat16": (8, -133)}

DTYPES = frozenset({*PRECISION, *(str(np.dtype(code)) for code in "d?bBhHiIqQ")})


def bit_patterns(array: np.ndarray) -> np.ndarray:
    """The elements in C order as unsigned integers of the same size: a flat view of a C-contiguous array."""
    return array.reshape(-1).view(f"u{array.dtype.itemsize}")


def same_bits(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two C-contiguous arrays of one dtype and size agree in every bit, NaN payloads and zero signs too."""
    return np.array_equal(bit_patterns(first), bit_patterns(second))


def is_float(dtype: np.dtype) -> bool:
    """Half, single or double precision, or bfloat16."""
    return dtype.kind == "f" or str(dtype) == "bfloat16"


def is_integer(dtype: np.dtype) -> bool:
    """Integer or bool."""
    return dtype.kind in "iub"


def from_bytes(payload: bytes | memoryview, dtype: np.dtype, *, count: int, what: str) -> np.ndarray:
    """A new vector of `count` elements; FormatError for another length or a bool that is neither 0 nor 1."""
    size = count * dtype.itemsize
    if len(payload) != size:
        raise FormatError(f"{what}: {len(payload)} bytes for {count} elements of {dtype}, not {size}")
    raw = np.frombuffer(payload, np.uint8)
    if dtype.kind == "b" and raw.size and raw.max() > 1:
        raise FormatError(f"{what}: a bool of value {raw.max()}, not 0 or 1")
    return raw.copy().view(dtype)


def pieces(array: np.ndarray) -> Iterator[slice]:
    """Slices of axis 0 that hold about a million elements each: what a large array is worked through in."""
    rows = max(1, _PIECE * len(array) // max(array.size, 1))
    return (slice(start, start + rows) for start in range(0, len(array), rows))


def element_count(shape: tuple[int, ...]) -> int:
    """The number of elements of a shape, as a Python integer that cannot wrap."""
    return math.prod(shape)
