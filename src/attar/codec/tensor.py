"""Tensors to streams: of every model that applies, the one of fewest bytes. Lossless to the last bit."""

from dataclasses import dataclass, replace

import numpy as np

from .codebook import encode_codebook
from .coders import CODEBOOK, CONSTANT, FLOATS, GRID, INTEGERS, LEVELS, PLANES, RAW, describe
from .effort import BEST, QUICK, Effort
from .elements import DTYPES, bit_patterns, is_float, same_bits
from .floats import encode_floats, gives_back
from .grid import GridHint, encode_grid, fits
from .plain import encode_integers, is_constant
from .planes import encode_planes
from .recognize import find_grids
from .tensor_decode import decode, decode_rows

_LARGE_BYTES = 1 << 24


@dataclass(frozen=True)
class Encoded:
    """A tensor stream: `coder` is model << 4 | symbol coder, `payload` all its bytes."""

    coder: int
    payload: bytes

    @property
    def size_bytes(self) -> int:
        """The length of the payload."""
        return len(self.payload)


def encode(array: np.ndarray, *, hint: GridHint | None = None, effort: Effort = BEST) -> Encoded:
    """The smallest stream of an array of any shape that gives back each of its bits, ties to the lowest coder byte.

    A hint that fits the array bit for bit spares the search for other models; one that does not is ignored.
    Raises TypeError for an element type that streams do not hold.
    """
    plain = _plain_array(array)
    chosen = _smallest(plain, hint, effort)
    assert _gives_back(chosen, plain, effort.threads), f"{describe(chosen.coder)} stream does not give back its tensor"
    return chosen


def encoded_size(array: np.ndarray, *, hint: GridHint | None = None, effort: Effort = QUICK) -> int:
    """The size of `encode(array, hint=hint)`, or a little more: for searches that ask very often.

    With the usual effort it differs from that size only if a hint holds and the relative index wins, whose bound is
    then not searched exhaustively. Nothing is proved by decoding.
    """
    return _smallest(_plain_array(array), hint, effort).size_bytes


def _plain_array(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    array = np.asarray(array, array.dtype.newbyteorder("="), order="C")
    if str(array.dtype) not in DTYPES:
        raise TypeError(f"cannot encode {array.dtype}: not one of {', '.join(sorted(DTYPES))}")
    if array.dtype.kind == "b":
        # A bool made from a view may hold other bytes than 0 and 1, all of which mean true.
        return bit_patterns(array).astype(bool).reshape(array.shape)
    return array


def _smallest(array: np.ndarray, hint: GridHint | None, effort: Effort) -> Encoded:
    if array.size == 0:
        return Encoded(RAW << 4, b"")
    smaller = [found for found in _candidates(array, hint, effort) if found.size_bytes < array.nbytes]
    if not smaller:
        return Encoded(RAW << 4, array.tobytes())
    return min(smaller, key=lambda found: (found.size_bytes, found.coder))


def _candidates(array: np.ndarray, hint: GridHint | None, effort: Effort) -> list[Encoded]:
    full = replace(effort, exhaustive=True)  # where models compete, a short search in one would favor another
    if is_constant(array):
        one = array.reshape(-1)[:1].tobytes()
        return [Encoded(CONSTANT << 4, one), *_coded(INTEGERS, encode_integers(array, full))]
    if hint is not None and fits(array, hint):
        return _coded(GRID, encode_grid(hint, effort))
    return _of_any_model(array, full)


def _of_any_model(array: np.ndarray, effort: Effort) -> list[Encoded]:
    grids = [found for grid in find_grids(array) for found in _coded(GRID, encode_grid(grid, effort))]
    if grids and array.nbytes > _LARGE_BYTES:
        return grids  # what follows could save no more than a table, and takes several times the array's memory
    coded = [*_coded(INTEGERS, encode_integers(array, effort)), *_coded(CODEBOOK, encode_codebook(array, effort))]
    return [*_generic(array), *grids, *coded]


def _generic(array: np.ndarray) -> list[Encoded]:
    """Byte planes, which need nothing of the values but statistics; for floats those that know what a float is."""
    if not is_float(array.dtype):
        return [Encoded(PLANES << 4, encode_planes(array))]
    payload = encode_floats(array)
    return [] if payload is None else [Encoded(FLOATS << 4, payload)]


def _coded(model: int, found: tuple[int, bytes] | None) -> list[Encoded]:
    return [] if found is None else [Encoded(model << 4 | found[0], found[1])]


def _gives_back(encoded: Encoded, array: np.ndarray, threads: int) -> bool:
    """Whether a stream decodes to the array's bits; that of a large one in parts, as two of them would fill memory."""
    if encoded.coder == RAW << 4:
        return encoded.payload == bit_patterns(array).data.cast("B")
    if encoded.coder == FLOATS << 4:
        return gives_back(encoded.payload, array)
    known = {"dtype": array.dtype, "shape": array.shape, "threads": threads}
    if encoded.coder % 16 != LEVELS or array.nbytes <= _LARGE_BYTES or array.ndim == 0:
        return same_bits(decode(encoded.coder, encoded.payload, **known), array)
    rows = range(len(array))
    step = max(1, _LARGE_BYTES * len(array) // array.nbytes)
    parts = (rows[start : start + step] for start in range(0, len(array), step))
    return all(
        same_bits(decode_rows(encoded.coder, encoded.payload, part, **known), array[part.start : part.stop])
        for part in parts
    )
