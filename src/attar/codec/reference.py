"""The symbol payloads in plain Python, step by step as the format describes them: the oracle of the native core.

Slow on purpose: no NumPy, no tables beyond the format's own. Encoders take their parameters and choose nothing.
"""

from ..errors import FormatError


class BitWriter:
    """Bits, least significant first within each byte."""

    def __init__(self):
        self.bits: list[int] = []

    def put(self, value: int, width: int) -> None:
        """`width` bits of a value, its least significant first."""
        self.bits += [value >> i & 1 for i in range(width)]

    def to_bytes(self) -> bytes:
        """The bytes, the last one padded with zeros."""
        value = sum(bit << i for i, bit in enumerate(self.bits))
        return value.to_bytes((len(self.bits) + 7) // 8, "little")


class Reader:
    """Bytes and bits of a payload; every shortfall is a FormatError."""

    def __init__(self, payload: bytes):
        self.payload = payload
        self.at = 0  # in bits

    def get(self, width: int) -> int:
        """The next `width` bits, the first one least significant."""
        if self.at + width > 8 * len(self.payload):
            raise FormatError("truncated")
        self.at += width
        bits = range(self.at - width, self.at)
        return sum((self.payload[at // 8] >> at % 8 & 1) << i for i, at in enumerate(bits))

    def pad(self) -> None:
        """Skips to the next byte over bits that must be zero."""
        _check(self.get(-self.at % 8) == 0, "bad padding")

    def end(self) -> None:
        """Nothing but padding may be left."""
        self.pad()
        _check(self.at == 8 * len(self.payload), "trailing data")

    def varint(self) -> int:
        """Unsigned LEB128, shortest form, at most 2^64 - 1."""
        groups = [self.get(8)]
        while groups[-1] >= 0x80 and len(groups) < 10:
            groups.append(self.get(8))
        value = sum((group & 0x7F) << 7 * i for i, group in enumerate(groups))
        shortest = len(groups) == 1 or groups[-1] != 0
        _check(groups[-1] < 0x80 and shortest and value < 2**64, "bad varint")
        return value

    def low(self) -> int:
        """A zigzag varint of 32 bits."""
        value = self.varint()
        _check(value < 2**32, "bad alphabet")
        return value >> 1 ^ -(value & 1)

    def alphabet(self) -> range:
        """low, then a span of at most 4095."""
        low, span = self.low(), self.varint()
        _check(span <= 4095 and low + span < 2**31, "bad alphabet")
        return range(low, low + span + 1)


def _check(condition: bool, name: str) -> None:
    if not condition:
        raise FormatError(name)


def varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; all bytes but the last have their top bit set."""
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def zigzag(value: int) -> bytes:
    """0, -1, 1, -2, ... become 0, 1, 2, 3, ..."""
    return varint(2 * value if value >= 0 else -2 * value - 1)


def encode_packed(symbols: list[int]) -> bytes:
    """Least symbol, width, fields."""
    low, high = min(symbols), max(symbols)
    width = (high - low).bit_length()
    out = BitWriter()
    for symbol in symbols:
        out.put(symbol - low, width)
    return zigzag(low) + bytes([width]) + out.to_bytes()


def decode_packed(payload: bytes, n: int) -> list[int]:
    """n symbols."""
    reader = Reader(payload)
    low, width = reader.low(), reader.get(8)
    _check(width <= 32, "bad header")
    symbols = [low + reader.get(width) for _ in range(n)]
    reader.end()
    _check(max(symbols) < 2**31, "bad alphabet")
    return symbols


def relative_entries(symbols: list[int], bound: int) -> list[tuple[int, int]]:
    """The streams I and K as pairs (gap, value): gaps longer than the bound are split by fillers of value 0."""
    entries, last = [], -1
    for position, value in enumerate(symbols):
        if value == 0:
            continue
        gap = position - last
        while gap > bound:
            entries.append((bound, 0))
            gap -= bound
        entries.append((gap, value))
        last = position
    return entries


def canonical_codes(lengths: dict[int, int]) -> dict[int, str]:
    """Code words by (length, symbol) ascending, as strings of 0 and 1, the first bit first."""
    codes, code, previous = {}, 0, 0
    for symbol, length in sorted(lengths.items(), key=lambda item: (item[1], item[0])):
        code <<= length - previous
        codes[symbol] = format(code, f"0{length}b") if length else ""
        code, previous = code + 1, length
    return codes


def huffman_table(lengths: dict[int, int]) -> bytes:
    """Least symbol, span, and a nibble for every symbol of the span; `lengths` holds the present symbols."""
    low, high = min(lengths), max(lengths)
    out = BitWriter()
    for symbol in range(low, high + 1) if high > low else ():
        out.put(lengths.get(symbol, 0), 4)
    return zigzag(low) + varint(high - low) + out.to_bytes()


def read_huffman_table(reader: Reader) -> dict[str, int]:
    """Symbols by code word."""
    alphabet = reader.alphabet()
    if len(alphabet) == 1:
        return {"": alphabet[0]}
    nibbles = [reader.get(4) for _ in alphabet]
    reader.pad()
    _check(nibbles[0] > 0 and nibbles[-1] > 0, "bad code lengths")
    lengths = {symbol: length for symbol, length in zip(alphabet, nibbles, strict=True) if length}
    _check(sum(2 ** (15 - length) for length in lengths.values()) == 2**15, "bad code lengths")
    return {word: symbol for symbol, word in canonical_codes(lengths).items()}


def encode_relative(
    symbols: list[int], bound: int, value_lengths: dict[int, int], gap_lengths: dict[int, int]
) -> bytes:
    """Bound, number of entries, both tables, then gap and value of every entry."""
    entries = relative_entries(symbols, bound)
    header = varint(bound) + varint(len(entries))
    if not entries:
        return header
    gap_codes, value_codes = canonical_codes(gap_lengths), canonical_codes(value_lengths)
    out = BitWriter()
    for gap, value in entries:
        out.bits += map(int, gap_codes[gap] + value_codes[value])
    return header + huffman_table(value_lengths) + huffman_table(gap_lengths) + out.to_bytes()


def decode_relative(payload: bytes, n: int) -> list[int]:
    """n symbols."""
    reader = Reader(payload)
    bound, count = reader.varint(), reader.varint()
    _check(1 <= bound <= 4096, "bad header")
    _check(count <= n, "position beyond the end")
    symbols, position = [0] * n, -1
    if count:
        values, gaps = read_huffman_table(reader), read_huffman_table(reader)
        _check(all(1 <= gap <= bound for gap in _whole_range(gaps)), "bad alphabet")
    for _ in range(count):
        position += _read_code(reader, gaps)
        value = _read_code(reader, values)
        _check(position < n, "position beyond the end")
        symbols[position] = value
    reader.end()
    return symbols


def _whole_range(codes: dict[str, int]) -> tuple[int, int]:
    return min(codes.values()), max(codes.values())


def _read_code(reader: Reader, codes: dict[str, int]) -> int:
    word = ""
    while word not in codes:
        word += str(reader.get(1))
    return codes[word]


def encode_rans(symbols: list[int], low: int, frequencies: list[int], total_log2: int, lanes_log2: int, order: int):
    """Header, table, states, words; encodes from the last symbol to the first."""
    starts = [sum(frequencies[:i]) for i in range(len(frequencies))]
    states = [1 << 16] * (1 << lanes_log2)
    words = []
    for i in reversed(range(len(symbols))):
        f, c = frequencies[symbols[i] - low], starts[symbols[i] - low]
        x = states[i % len(states)]
        if x >= f << (32 - total_log2):
            words.append(x & 0xFFFF)
            x >>= 16
        states[i % len(states)] = ((x // f) << total_log2) + x % f + c
    header = bytes([total_log2 | lanes_log2 << 4]) + zigzag(low) + varint(len(frequencies) - 1)
    tail = [x.to_bytes(4, "little") for x in states] + [word.to_bytes(2, "little") for word in reversed(words)]
    return header + _frequency_table(frequencies, order) + b"".join(tail)


def _frequency_table(frequencies: list[int], order: int) -> bytes:
    out = BitWriter()
    out.put(order, 4)
    for frequency in frequencies:
        shifted = frequency + (1 << order)
        width = shifted.bit_length() - 1
        out.bits += [1] * (width - order) + [0]
        out.put(shifted & ((1 << width) - 1), width)
    return out.to_bytes()


def _read_frequency(reader: Reader, order: int) -> int:
    width = order
    while reader.get(1):
        width += 1
        _check(width <= 15, "bad frequencies")
    return (1 << width) + reader.get(width) - (1 << order)


def decode_rans(payload: bytes, n: int) -> list[int]:
    """n symbols."""
    reader = Reader(payload)
    total_log2, lanes_log2 = reader.get(4), reader.get(4)
    _check(8 <= total_log2 <= 14 and lanes_log2 <= 6, "bad header")
    alphabet = reader.alphabet()
    order = reader.get(4)
    frequencies = [_read_frequency(reader, order) for _ in alphabet]
    _check(sum(frequencies) == 1 << total_log2, "bad frequencies")
    _check(frequencies[0] > 0 and frequencies[-1] > 0, "bad frequencies")
    reader.pad()
    states = [reader.get(32) for _ in range(1 << lanes_log2)]
    _check(min(states) >= 1 << 16, "bad state")
    slots = [(i, offset) for i, f in enumerate(frequencies) for offset in range(f)]
    symbols = []
    for i in range(n):
        x = states[i % len(states)]
        s, offset = slots[x & ((1 << total_log2) - 1)]
        x = frequencies[s] * (x >> total_log2) + offset
        if x < 1 << 16:
            x = x << 16 | reader.get(16)
        states[i % len(states)] = x
        symbols.append(alphabet[s])
    reader.end()
    _check(all(x == 1 << 16 for x in states), "bad state")
    return symbols


def decode_packed_bytes(payload: bytes, n: int) -> bytes:
    """n symbols that are bytes: narrow fields over an alphabet of bytes."""
    reader = Reader(payload)
    low, width = reader.low(), reader.get(8)
    _check(width <= 8, "bad header")
    _check(0 <= low <= 255, "bad alphabet")
    symbols = decode_packed(payload, n)
    _check(max(symbols) <= 255, "bad alphabet")
    return bytes(symbols)


def decode_rans_bytes(payload: bytes, n: int) -> bytes:
    """n symbols that are bytes: a small table of two or more of them."""
    reader = Reader(payload)
    total_log2, _ = reader.get(4), reader.get(4)
    _check(total_log2 <= 12, "bad header")
    alphabet = reader.alphabet()
    _check(len(alphabet) >= 2 and alphabet[0] >= 0 and alphabet[-1] <= 255, "bad alphabet")
    return bytes(decode_rans(payload, n))
