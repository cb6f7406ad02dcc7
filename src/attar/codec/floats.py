"""Floats that nothing quantized: exponents and mantissas apart, in byte planes, in chunks that decode by themselves.

Chunks keep memory small (one of them is in work at a time) and let several threads decode one tensor.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice

import numpy as np

from .. import _native
from ..errors import FormatError
from .bitio import ByteReader
from .elements import is_float

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

_Chunk = tuple[slice, slice]  # where its bytes are in the payload, and where those of its elements are in the tensor


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


def decode_floats(
    payload: bytes | memoryview, *, dtype: np.dtype, shape: tuple[int, ...], n: int, threads: int = 1
) -> np.ndarray:
    """The tensor of a floats payload, whatever the number of threads; FormatError when it is malformed."""
    layout = _Layout(payload, dtype, n)
    array = np.empty(n, dtype)
    elements = array.view(np.uint8)

    def decode_some(first: int) -> None:
        planes = layout.room()
        for source, target in islice(layout.chunks(), first, None, threads):
            layout.decode(source, planes, elements[target])

    if threads == 1:
        decode_some(0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(decode_some, range(threads)))
    return array.reshape(shape)


def gives_back(payload: bytes, array: np.ndarray) -> bool:
    """Whether a payload decodes to every bit of a C-contiguous array; takes the memory of two chunks."""
    layout = _Layout(payload, array.dtype, array.size)
    elements = array.reshape(-1).view(np.uint8)
    planes, decoded = layout.room(), layout.room()
    for source, target in layout.chunks():
        found = decoded[: target.stop - target.start]
        layout.decode(source, planes, found)
        if not np.array_equal(found, elements[target]):
            return False
    return True


class _Layout:
    """The chunks of a payload: all that its header says is checked before a tensor's memory is taken."""

    def __init__(self, payload: bytes | memoryview, dtype: np.dtype, n: int):
        if not is_float(dtype):
            raise FormatError(f"floats stream for {dtype}: not a type of floats")
        reader = ByteReader(payload)
        self._turn, log2 = divmod(reader.u8("floats header"), 32)
        if log2 not in CHUNK_LOG2:
            raise FormatError(f"floats chunks of 2^{log2}: not within 2^{CHUNK_LOG2[0]} to 2^{CHUNK_LOG2[-1]} elements")
        self._itemsize = dtype.itemsize
        self._chunk_bytes = dtype.itemsize << log2
        self._tensor_bytes = n * dtype.itemsize
        self._sizes = np.frombuffer(reader.take(_SIZE.itemsize * (-(-n >> log2) - 1), "floats chunk sizes"), _SIZE)
        self._payload = np.frombuffer(reader.rest(), np.uint8)
        if (total := int(self._sizes.sum(dtype=np.uint64))) > self._payload.size:
            raise FormatError(f"floats chunks: {total} bytes wanted, {self._payload.size} left in the stream")

    def chunks(self) -> Iterator[_Chunk]:
        """Every chunk in order; the last one has what the others leave."""
        start = 0
        for index in range(self._sizes.size + 1):
            stop = start + int(self._sizes[index]) if index < self._sizes.size else self._payload.size
            begin = index * self._chunk_bytes
            yield slice(start, stop), slice(begin, min(begin + self._chunk_bytes, self._tensor_bytes))
            start = stop

    def room(self) -> np.ndarray:
        """Bytes for the elements of one chunk."""
        return np.empty(min(self._chunk_bytes, self._tensor_bytes), np.uint8)

    def decode(self, source: slice, planes: np.ndarray, target: np.ndarray) -> None:
        """The elements of one chunk; FormatError when it is malformed."""
        try:
            _native.floats_decode(self._payload[source], self._itemsize, self._turn, planes, target)
        except ValueError as error:
            size, count = source.stop - source.start, target.size // self._itemsize
            raise FormatError(f"floats chunk at {source.start}, {size} bytes for {count} elements: {error}") from error
