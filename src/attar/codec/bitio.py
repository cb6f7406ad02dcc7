"""Varints, a reader that cannot run past its end, and small bit fields for headers (format: Conventions).

The long bit streams are the native core's; what is here writes and reads headers of at most a few kilobytes.
"""

from ..errors import FormatError

VARINT_MAX = 2**64 - 1


def varint(value: int) -> bytes:
    """Unsigned LEB128 of 0 <= value <= 2^64 - 1, in its shortest form."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> bytes:
    """The varint of (v << 1) ^ (v >> 63): small magnitudes of either sign take few bytes."""
    return varint((value << 1 ^ value >> 63) & VARINT_MAX)


def varint_size(value: int) -> int:
    """Bytes that `varint(value)` takes."""
    return max(1, (int(value).bit_length() + 6) // 7)


def zigzag_size(value: int) -> int:
    """Bytes that `zigzag(value)` takes."""
    return len(zigzag(int(value)))


def nibbles(values) -> bytes:
    """Numbers 0..15, two to a byte, the first in the low half; a last odd one leaves a zero nibble."""
    padded = [*values, 0]
    return bytes(padded[i] | padded[i + 1] << 4 for i in range(0, len(padded) - 1, 2))


class ByteReader:
    """Reads a payload front to back; every shortfall is a FormatError naming what was wanted."""

    def __init__(self, payload: bytes):
        self._payload = memoryview(payload)
        self._at = 0

    def take(self, size: int, what: str) -> memoryview:
        """The next `size` bytes."""
        left = len(self._payload) - self._at
        if size > left:
            raise FormatError(f"{what}: {size} bytes wanted, {left} left in the stream")
        self._at += size
        return self._payload[self._at - size : self._at]

    def u8(self, what: str) -> int:
        """The next byte."""
        return self.take(1, what)[0]

    def varint(self, what: str) -> int:
        """The next varint, refused unless it is at most 2^64 - 1 and in its shortest form."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self.u8(what)
            if (shift == 63 and byte > 1) or (shift > 0 and byte == 0):
                break
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise FormatError(f"{what}: not a varint in shortest form of at most {VARINT_MAX}")

    def rest(self) -> memoryview:
        """All that is left."""
        return self.take(len(self._payload) - self._at, "rest")

    def expect_end(self, what: str) -> None:
        """Refuses bytes that nothing accounts for."""
        left = len(self._payload) - self._at
        if left:
            raise FormatError(f"{what}: {left} bytes after its end")
