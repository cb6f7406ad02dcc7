"""Tensors to streams and back: of every model that applies, the one of fewest bytes. Lossless to the last bit."""

from dataclasses import dataclass, replace

import numpy as np

from ..errors import FormatError
from .codebook import decode_codebook, encode_codebook
from .effort import BEST, LEVELS, NAMES, QUICK, Effort
from .elements import DTYPES, bit_patterns, element_count, is_float, pieces, same_bits
from .floats import decode_floats, encode_floats, gives_back
from .grid import GridHint, decode_grid, encode_grid, fits
from .plain import decode_constant, decode_integers, decode_raw, encode_integers, is_constant
from .planes import decode_planes, encode_planes
from .recognize import find_grids
from .window import Window

RAW, CONSTANT, PLANES, INTEGERS, GRID, CODEBOOK, FLOATS = range(7)
COPY = 0x70  # coder byte of a copy of another tensor in the same file, which the container finds
_MODELS = {
    RAW: ("raw", decode_raw),
    CONSTANT: ("constant", decode_constant),
    PLANES: ("planes", decode_planes),
    INTEGERS: ("integers", decode_integers),
    GRID: ("grid", decode_grid),
    CODEBOOK: ("codebook", decode_codebook),
    FLOATS: ("floats", decode_floats),
}
_LARGE_BYTES = 1 << 24
_CODED = frozenset({INTEGERS, GRID, CODEBOOK})  # models whose payloads end in a symbol payload


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


def decode(coder: int, payload: bytes, *, dtype: np.dtype, shape: tuple[int, ...], threads: int = 1) -> np.ndarray:
    """The array of a stream, bit for bit what was encoded, for any number of threads.

    The caller has capped `shape`: memory for its elements is taken before the payload is read.
    Raises FormatError for every payload that is not well formed for this dtype and shape.
    """
    shape = tuple(int(extent) for extent in shape)
    return _decoded(coder, payload, Window(np.dtype(dtype), shape, 0, element_count(shape), threads)).reshape(shape)


def decode_rows(
    coder: int, payload: bytes, rows: range, *, dtype: np.dtype, shape: tuple[int, ...], threads: int = 1
) -> np.ndarray:
    """The `rows` (consecutive places along axis 0) of a stream's array; of a stream in chunks, only those are decoded.

    Raises ValueError for rows that the shape has not got, FormatError as `decode`; damage in a chunk that holds none of
    the rows goes unseen.
    """
    shape = tuple(int(extent) for extent in shape)
    if not shape or rows.step != 1 or not 0 <= rows.start <= rows.stop <= shape[0]:
        raise ValueError(f"rows {rows}: an array of shape {shape} has not got them")
    each = element_count(shape[1:])
    window = Window(np.dtype(dtype), shape, rows.start * each, rows.stop * each, threads)
    return _decoded(coder, payload, window).reshape(len(rows), *shape[1:])


def decode_into(coder: int, payload: bytes, out: np.ndarray, *, threads: int = 1) -> None:
    """As `decode`, into an array of the stream's dtype and shape.

    Any strides will do: a transposed view of an array gives that array another layout, at no more memory than a piece
    of it. Raises FormatError as `decode`; then `out` holds nothing that can be used.
    """
    if out.flags.c_contiguous and out.flags.aligned:
        flat = out.reshape(-1)
        found = _decoded(coder, payload, Window(out.dtype, out.shape, 0, out.size, threads, flat))
        if found is not flat:
            flat[:] = found
    elif out.ndim == 0 or (coder % 16 != LEVELS and coder != FLOATS << 4):
        out[...] = decode(coder, payload, dtype=out.dtype, shape=out.shape, threads=threads)
    else:
        for part in pieces(out):
            rows = range(*part.indices(len(out)))
            out[part] = decode_rows(coder, payload, rows, dtype=out.dtype, shape=out.shape, threads=threads)


def _decoded(coder: int, payload: bytes, window: Window) -> np.ndarray:
    name = describe(coder)
    if coder == COPY:
        raise FormatError("copy stream: the file that it is in knows of what")
    if window.dtype not in DTYPES:
        raise FormatError(f"{name} stream of {window.dtype}: streams do not hold this type")
    if window.n == 0 and coder != RAW:
        raise FormatError(f"{name} stream for a tensor without elements: it must be raw")
    model, symbols = divmod(coder, 16)
    return _MODELS[model][1](symbols, payload, window)


def describe(coder: int) -> str:
    """The name of a coder byte, as "raw" or "grid/rans"; FormatError for a byte that is not one."""
    model, symbols = divmod(coder, 16)
    if model in _MODELS and (symbols in NAMES if model in _CODED else symbols == 0):
        name = _MODELS[model][0]
        return f"{name}/{NAMES[symbols]}" if model in _CODED else name
    if coder == COPY:
        return "copy"
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
