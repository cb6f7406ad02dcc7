"""Plain encoders of the three symbol coders (docs/format.md, section 8): clear, not small."""

from collections import Counter

from .build import u32, varint, zigzag


class Bits:
    """A bit stream under construction, least significant bit of each byte first."""

    def __init__(self):
        self.bits = []

    def field(self, value, width):
        self.bits += [value >> index & 1 for index in range(width)]

    def code(self, value, width):
        self.bits += [value >> index & 1 for index in reversed(range(width))]

    def pack(self):
        padded = self.bits + [0] * (-len(self.bits) % 8)
        return bytes(sum(padded[at + i] << i for i in range(8)) for at in range(0, len(padded), 8))


def packed(values):
    low = min(values)
    width = (max(values) - low).bit_length()
    bits = Bits()
    for value in values:
        bits.field(value - low, width)
    return zigzag(low) + bytes([width]) + bits.pack()


def relative(values, *, bound=15):
    gaps, kept = _entries(values, bound)
    head = varint(bound) + varint(len(gaps))
    if not gaps:
        return head
    value_table, value_codes = _huffman(kept)
    gap_table, gap_codes = _huffman(gaps)
    bits = Bits()
    for gap, value in zip(gaps, kept, strict=True):
        bits.code(*gap_codes[gap])
        bits.code(*value_codes[value])
    return head + value_table + gap_table + bits.pack()


def _entries(values, bound):
    gaps, kept, position = [], [], -1
    for index, value in enumerate(values):
        if value:
            while index - position > bound:
                gaps, kept, position = [*gaps, bound], [*kept, 0], position + bound
            gaps, kept, position = [*gaps, index - position], [*kept, value], index
    return gaps, kept


def _huffman(symbols):
    """A balanced complete code over the symbols that occur: (table bytes, symbol -> (code, length))."""
    used = sorted(set(symbols))
    head = zigzag(used[0]) + varint(used[-1] - used[0])
    if len(used) == 1:
        return head, {used[0]: (0, 0)}
    longest = (len(used) - 1).bit_length()
    short = 2**longest - len(used)
    lengths = {symbol: longest - (index < short) for index, symbol in enumerate(used)}
    bits = Bits()
    for symbol in range(used[0], used[-1] + 1):
        bits.field(lengths.get(symbol, 0), 4)
    return head + bits.pack(), _canonical(lengths)


def _canonical(lengths):
    codes, code, previous = {}, 0, 0
    for symbol, length in sorted(lengths.items(), key=lambda item: (item[1], item[0])):
        code <<= length - previous
        codes[symbol] = (code, length)
        code, previous = code + 1, length
    return codes


def rans(values, *, m=8, log_lanes=0, order=2):
    frequencies = _frequencies(values, 2**m)
    low, high = min(frequencies), max(frequencies)
    starts, total = {}, 0
    bits = Bits()
    bits.field(order, 4)
    for symbol in range(low, high + 1):
        frequency = frequencies.get(symbol, 0)
        starts[symbol], total = total, total + frequency
        _exp_golomb(bits, frequency, order)
    states, words = _encode(values, frequencies, starts, m, 2**log_lanes)
    head = bytes([m | log_lanes << 4]) + zigzag(low) + varint(high - low) + bits.pack()
    return head + b"".join(map(u32, states)) + b"".join(word.to_bytes(2, "little") for word in words)


def _frequencies(values, total):
    counts = Counter(values)
    frequencies = {symbol: max(1, count * total // len(values)) for symbol, count in counts.items()}
    frequencies[max(counts, key=lambda symbol: (counts[symbol], symbol))] += total - sum(frequencies.values())
    return frequencies


def _exp_golomb(bits, value, order):
    shifted = value + 2**order
    width = shifted.bit_length()
    bits.field(2 ** (width - 1 - order) - 1, width - 1 - order)
    bits.field(0, 1)
    bits.field(shifted % 2 ** (width - 1), width - 1)


def _encode(values, frequencies, starts, m, lanes):
    states, words = [2**16] * lanes, []
    for index in reversed(range(len(values))):
        frequency, start = frequencies[values[index]], starts[values[index]]
        x = states[index % lanes]
        if x >= frequency << (32 - m):
            words, x = [x & 0xFFFF, *words], x >> 16
        states[index % lanes] = (x // frequency << m) + x % frequency + start
    return states, words
