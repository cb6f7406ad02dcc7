"""Streams back to tensors. Nothing here, nor in any `*_decode`, imports what encodes: who runs a file waits for it."""

from importlib import import_module

import numpy as np

from ..errors import FormatError
from .coders import COPY, FLOATS, LEVELS, MODELS, RAW, describe
from .elements import DTYPES, element_count, pieces
from .threads import check_threads
from .window import Window

# Which module decodes a model, in a function of its name; imported when such a stream is met.
_DECODERS = {
    "raw": "plain_decode",
    "constant": "plain_decode",
    "integers": "plain_decode",
    "planes": "planes_decode",
    "grid": "grid_decode",
    "codebook": "codebook_decode",
    "floats": "floats",
}


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
    check_threads(window.threads)
    name = describe(coder)
    if coder == COPY:
        raise FormatError("copy stream: the file that it is in knows of what")
    if str(window.dtype) not in DTYPES:
        raise FormatError(f"{name} stream of {window.dtype}: streams do not hold this type")
    if window.n == 0 and coder != RAW:
        raise FormatError(f"{name} stream for a tensor without elements: it must be raw")
    model, symbols = MODELS[coder // 16], coder % 16
    decoder = getattr(import_module(f".{_DECODERS[model]}", __package__), f"decode_{model}")
    return decoder(symbols, payload, window)
