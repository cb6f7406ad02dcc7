"""Tensors to streams and back: of every model that applies, the one of fewest bytes. Lossless to the last bit."""

from dataclasses import dataclass

import numpy as np

from ..errors import FormatError
from .codebook import decode_codebook, encode_codebook
from .elements import DTYPES, bit_patterns, element_count, is_float, same_bits
from .floats import decode_floats, encode_floats, gives_back
from .grid import GridHint, decode_grid, encode_grid, fits
from .plain import decode_constant, decode_integers, decode_raw, encode_integers, is_constant
from .planes import decode_planes, encode_planes
from .recognize import find_grids
from .symbols import NAMES

RAW, CONSTANT, PLANES, INTEGERS, GRID, CODEBOOK, FLOATS = range(7)
_PLAIN = {
    RAW: ("raw", decode_raw),
    CONSTANT: ("constant", decode_constant),
    PLANES: ("planes", decode_planes),
    FLOATS: ("floats", decode_floats),
}
_CODED = {
    INTEGERS: ("integers", decode_integers),
    GRID: ("grid", decode_grid),
    CODEBOOK: ("codebook", decode_codebook),
}


@dataclass(frozen=True)
class Encoded:
    """A tensor stream: `coder` is model << 4 | symbol coder, `payload` all its bytes."""

    coder: int
    payload: bytes

    @property
    def size_bytes(self) -> int:
        """The length of the payload."""
        return len(self.payload)


def encode(array: np.ndarray, *, hint: GridHint | None = None) -> Encoded:
    """The smallest stream of an array of any shape that gives back each of its bits, ties to the lowest coder byte.

    A hint that fits the array bit for bit spares the search for other models; one that does not is ignored.
    Raises TypeError for an element type that streams do not hold.
    """
    plain = _plain_array(array)
    chosen = _smallest(plain, hint)
    assert _gives_back(chosen, plain), f"{describe(chosen.coder)} stream does not give back its tensor"
    return chosen


def encoded_size(array: np.ndarray, *, hint: GridHint | None = None) -> int:
    """The size of `encode(array, hint=hint)`, or a little more: for searches that ask very often.

    It differs from that size only if a hint holds and the relative index wins, whose bound is then not searched
    exhaustively. Nothing is proved by decoding.
    """
    return _smallest(_plain_array(array), hint, exhaustive=False).size_bytes


def decode(coder: int, payload: bytes, *, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """The array of a stream, bit for bit what was encoded.

    The caller has capped `shape`: memory for its elements is taken before the payload is read.
    Raises FormatError for every payload that is not well formed for this dtype and shape.
    """
    dtype, shape = np.dtype(dtype), tuple(int(extent) for extent in shape)
    name = describe(coder)
    n = element_count(shape)
    if dtype not in DTYPES:
        raise FormatError(f"{name} stream of {dtype}: streams do not hold this type")
    if n == 0 and coder != RAW:
        raise FormatError(f"{name} stream for a tensor without elements: it must be raw")
    model, symbols = divmod(coder, 16)
    if model in _PLAIN:
        return _PLAIN[model][1](payload, dtype=dtype, shape=shape, n=n)
    return _CODED[model][1](symbols, payload, dtype=dtype, shape=shape, n=n)


def describe(coder: int) -> str:
    """The name of a coder byte, as "raw" or "grid/rans"; FormatError for a byte that is not one."""
    model, symbols = divmod(coder, 16)
    if model in _PLAIN and symbols == 0:
        return _PLAIN[model][0]
    if model in _CODED and symbols in NAMES:
        return f"{_CODED[model][0]}/{NAMES[symbols]}"
    raise FormatError(f"coder byte 0x{coder:02x}: not a known model and symbol coder")


def _plain_array(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    array = np.asarray(array, array.dtype.newbyteorder("="), order="C")
    if array.dtype not in DTYPES:
        raise TypeError(f"cannot encode {array.dtype}: not one of {', '.join(sorted(map(str, DTYPES)))}")
    if array.dtype.kind == "b":
        # A bool made from a view may hold other bytes than 0 and 1, all of which mean true.
        return bit_patterns(array).astype(bool).reshape(array.shape)
    return array


def _gives_back(encoded: Encoded, array: np.ndarray) -> bool:
    """Where the tensor may be large, without the memory of a second one."""
    if encoded.coder == RAW << 4:
        return encoded.payload == bit_patterns(array).data.cast("B")
    if encoded.coder == FLOATS << 4:
        return gives_back(encoded.payload, array)
    return same_bits(decode(encoded.coder, encoded.payload, dtype=array.dtype, shape=array.shape), array)


def _smallest(array: np.ndarray, hint: GridHint | None, *, exhaustive: bool = True) -> Encoded:
    if array.size == 0:
        return Encoded(RAW << 4, b"")
    smaller = [found for found in _candidates(array, hint, exhaustive) if found.size_bytes < array.nbytes]
    if not smaller:
        return Encoded(RAW << 4, array.tobytes())
    return min(smaller, key=lambda found: (found.size_bytes, found.coder))


def _candidates(array: np.ndarray, hint: GridHint | None, exhaustive: bool) -> list[Encoded]:
    if is_constant(array):
        first = array.reshape(-1)[:1].tobytes()
        return [Encoded(CONSTANT << 4, first), *_coded(INTEGERS, encode_integers(array))]
    if hint is not None and fits(array, hint):
        return _coded(GRID, encode_grid(hint, exhaustive=exhaustive))
    grids = [found for grid in find_grids(array) for found in _coded(GRID, encode_grid(grid))]
    coded = [*_coded(INTEGERS, encode_integers(array)), *_coded(CODEBOOK, encode_codebook(array))]
    return [*_generic(array), *grids, *coded]


def _generic(array: np.ndarray) -> list[Encoded]:
    """Byte planes, which need nothing of the values but statistics; for floats those that know what a float is."""
    if not is_float(array.dtype):
        return [Encoded(PLANES << 4, encode_planes(array))]
    payload = encode_floats(array)
    return [] if payload is None else [Encoded(FLOATS << 4, payload)]


def _coded(model: int, found: tuple[int, bytes] | None) -> list[Encoded]:
    return [] if found is None else [Encoded(model << 4 | found[0], found[1])]
