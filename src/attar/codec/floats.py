"""Floats that nothing quantized: exponents and mantissas apart, in byte planes, in chunks that decode by themselves.

Chunks keep memory small (one of them is in work at a time) and let several threads decode one tensor.
"""

from collections.abc import Sequence
from io import BytesIO

import numpy as np

from .. import _native
from ..errors import FormatError
from .bitio import ByteReader
from .elements import is_float
from .threads import in_threads
from .window import Window

CHUNK_LOG2 = range(10, 21)

# Smaller chunks would pay more for their tables and states, larger ones leave the cache: benches/floats.py.
_CHUNK_LOG2 = 18
_SIZE = np.dtype("<u4")

# Few elements are worth the search for the best turn. Many are turned so that the first plane is the exponent (its low
# eight bits, for float64), or one bit less: values of few octaves, as those around 1, code better without its last bit.
_FEW = 4096
_ALL_TURNS = range(8)
_TURNS = {2: (0, 1), 4: (0, 1), 8: (3, 4)}
_SAMPLE_RUNS, _SAMPLE_RUN = 16, 1024


def encode_floats(array: np.ndarray, *, chunk_log2: int = _CHUNK_LOG2) -> bytes | None:
    """The payload of a C-contiguous array of at least one element, 2^chunk_log2 of them in a chunk.

    None for types that are not floats, and where raw elements take no more bytes.
    """
    if not is_float(array.dtype):
        return None
    elements = array.reshape(-1).view(np.uint8)
    encoder = _Encoder(min(array.size, 1 << chunk_log2), array.itemsize)
    turn = _best_turn(array)
    payload, sizes = BytesIO(), []
    # A stream that grows and gives up its bytes without a copy: memory is that of the payload, not twice as much.
    payload.write(bytes([chunk_log2 | turn << 5]) + bytes(_SIZE.itemsize * (-(-array.size >> chunk_log2) - 1)))
    for start in range(0, elements.size, encoder.chunk_bytes):
        sizes.append(payload.write(encoder.encode(elements[start : start + encoder.chunk_bytes], turn)))
    payload.seek(1)
    payload.write(np.array(sizes[:-1], _SIZE).data)
    return payload.getvalue() if payload.seek(0, 2) < array.nbytes else None


def _best_turn(array: np.ndarray) -> int:
    """The turn of fewest bytes, ties to the least; a sample of a large array decides for all of it."""
    flat = array.reshape(-1)
    turns: Sequence[int] = _ALL_TURNS
    if array.size >= _FEW:
        starts = np.linspace(0, array.size - _SAMPLE_RUN, _SAMPLE_RUNS).astype(np.int64)
        flat = np.concatenate([flat[start : start + _SAMPLE_RUN] for start in starts])
        turns = _TURNS[array.itemsize]
    encoder = _Encoder(flat.size, array.itemsize)
    return min(turns, key=lambda turn: len(encoder.encode(flat.view(np.uint8), turn)))


class _Encoder:
    """Encodes chunks of at most `count` elements in buffers that it keeps."""

    def __init__(self, count: int, itemsize: int):
        self.chunk_bytes = count * itemsize
        self._itemsize = itemsize
        self._planes = np.empty(self.chunk_bytes, np.uint8)
        self._out = np.empty(_native.floats_bound(count, itemsize), np.uint8)

    def encode(self, elements: np.ndarray, turn: int) -> memoryview:
        """The bytes of a chunk, valid until the next one is encoded."""
        size = _native.floats_encode(elements, self._itemsize, turn, self._planes, self._out)
        return self._out[:size].data


def decode_floats(_coder: int, payload: bytes | memoryview, window: Window) -> np.ndarray:
    """The wanted elements of a floats payload; FormatError when a chunk that holds one of them is malformed."""
    layout = _Layout(payload, window.dtype, window.n)
    out = window.empty(window.dtype)
    wanted = layout.chunks_of(window)

    def decode_some(first: int) -> None:
        planes = layout.room()
        for index in wanted[first :: window.threads]:
            _decode_part(layout, index, planes, window, out.view(np.uint8))

    in_threads(decode_some, range(min(window.threads, len(wanted))), window.threads)
    return out


def _decode_part(layout: "_Layout", index: int, planes: np.ndarray, window: Window, out: np.ndarray) -> None:
    """What the window wants of a chunk, decoded in place where that is all of it."""
    elements = layout.elements_of(index)
    start, stop = max(elements.start, window.start), min(elements.stop, window.stop)
    size = window.dtype.itemsize
    target = out[(start - window.start) * size : (stop - window.start) * size]
    if stop - start == len(elements):
        layout.decode(index, planes, target)
        return
    whole = layout.room()[: len(elements) * size]
    layout.decode(index, planes, whole)
    target[:] = whole[(start - elements.start) * size :][: target.size]


def gives_back(payload: bytes, array: np.ndarray) -> bool:
    """Whether a payload decodes to every bit of a C-contiguous array; takes the memory of two chunks."""
    layout = _Layout(payload, array.dtype, array.size)
    flat = array.reshape(-1)
    planes, decoded = layout.room(), layout.room()
    for index in range(layout.count):
        elements = layout.elements_of(index)
        found = decoded[: len(elements) * array.itemsize]
        layout.decode(index, planes, found)
        if not np.array_equal(found, flat[elements.start : elements.stop].view(np.uint8)):
            return False
    return True


class _Layout:
    """The chunks of a payload: all that its header says is checked before a tensor's memory is taken."""

    def __init__(self, payload: bytes | memoryview, dtype: np.dtype, n: int):
        if not is_float(dtype):
            raise FormatError(f"floats stream for {dtype}: not a type of floats")
        reader = ByteReader(payload)
        self._turn, self._log2 = divmod(reader.u8("floats header"), 32)
        if self._log2 not in CHUNK_LOG2:
            limits = f"2^{CHUNK_LOG2[0]} to 2^{CHUNK_LOG2[-1]}"
            raise FormatError(f"floats chunks of 2^{self._log2}: not within {limits} elements")
        self._n, self._itemsize = n, dtype.itemsize
        self.count = -(-n >> self._log2)
        sizes = np.frombuffer(reader.take(_SIZE.itemsize * (self.count - 1), "floats chunk sizes"), _SIZE)
        self._payload = np.frombuffer(reader.rest(), np.uint8)
        self._starts = np.concatenate([[0], sizes.cumsum(dtype=np.int64), [self._payload.size]])
        if (total := int(self._starts[-2])) > self._payload.size:
            raise FormatError(f"floats chunks: {total} bytes wanted, {self._payload.size} left in the stream")

    def chunks_of(self, window: Window) -> range:
        """The chunks that hold elements of the window."""
        return range(window.start >> self._log2, -(-window.stop >> self._log2) if window.stop > window.start else 0)

    def elements_of(self, index: int) -> range:
        """The places of a chunk's elements; the last chunk has what the others leave."""
        return range(index << self._log2, min(index + 1 << self._log2, self._n))

    def room(self) -> np.ndarray:
        """Bytes for the elements of one chunk."""
        return np.empty(min(1 << self._log2, self._n) * self._itemsize, np.uint8)

    def decode(self, index: int, planes: np.ndarray, target: np.ndarray) -> None:
        """All elements of one chunk; FormatError when it is malformed."""
        chunk = self._payload[self._starts[index] : self._starts[index + 1]]
        try:
            _native.floats_decode(chunk, self._itemsize, self._turn, planes, target)
        except ValueError as error:
            what = (
                f"floats chunk {index} of {self.count}, {chunk.size} bytes for {len(self.elements_of(index))} elements"
            )
            raise FormatError(f"{what}: {error}") from error
