"""Bounded reading and writing of the three primitives: a byte, a 32-bit word, a varint."""

from ..errors import FormatError

VARINT_BITS = 64
VARINT_BYTES = 10


class Cursor:
    """A position in a buffer that never leaves it; every read says what it is for."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self.position = 0

    @property
    def left(self) -> int:
        return len(self._data) - self.position

    def take(self, count: int, what: str) -> memoryview:
        """Return the next `count` bytes without copying them."""
        if count > self.left:
            raise FormatError(f"{what}: {count} bytes needed at byte {self.position}, {self.left} left")
        start, self.position = self.position, self.position + count
        return self._data[start : self.position]

    def since(self, start: int) -> memoryview:
        """Return the bytes from `start` to the position, once more."""
        return self._data[start : self.position]

    def u8(self, what: str) -> int:
        return self.take(1, what)[0]

    def u32(self, what: str) -> int:
        return int.from_bytes(self.take(4, what), "little")

    def varint(self, what: str) -> int:
        """Return an unsigned LEB128 number below 2^64 in its shortest form."""
        start, value = self.position, 0
        for index in range(VARINT_BYTES):
            byte = self.u8(what)
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return _checked(value, what, start, padded=byte == 0 and index > 0)
        raise FormatError(f"{what}: the varint at byte {start} is longer than {VARINT_BYTES} bytes")


def _checked(value: int, what: str, start: int, *, padded: bool) -> int:
    if padded:
        raise FormatError(f"{what}: the varint at byte {start} is not in its shortest form")
    if value.bit_length() > VARINT_BITS:
        raise FormatError(f"{what}: the varint at byte {start} is {value}, the limit is 2^{VARINT_BITS} - 1")
    return value


def u32(value: int) -> bytes:
    """Return `value` (0 to 2^32 - 1) as four little-endian bytes."""
    return value.to_bytes(4, "little")
