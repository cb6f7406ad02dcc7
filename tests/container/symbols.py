"""Plain encoders of the four symbol coders (docs/format.md, section 8): clear, not small."""

import math
from collections import Counter
from itertools import accumulate

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


class Chance:
    """The adaptive chance of a one in 65536ths."""

    def __init__(self):
        self.one, self.count = 32768, 0

    def learn(self, bit):
        rate = int(math.log2(self.count + 2))
        self.one += (65536 - self.one) // 2**rate if bit else -(self.one // 2**rate)
        self.count = min(self.count + 1, 30)


class Side:
    """A side section under construction: `low` is the whole number that its bytes spell, with all its carries."""

    def __init__(self):
        self.low, self.range, self.size = 0, 2**32 - 1, 4

    def bit(self, bit, chance):
        bound = (self.range >> 16) * chance.one
        self.low, self.range = (self.low, bound) if bit else (self.low + bound, self.range - bound)
        chance.learn(bit)
        while self.range < 2**24:
            self.low, self.range, self.size = self.low << 8, self.range << 8, self.size + 1

    def start(self, bit):
        """The bit before a list of levels."""
        self.bit(bit, Chance())

    def numbers(self, values):
        """One list, with chances of its own."""
        nonzero, negative, onward = [Chance() for _ in range(3)], Chance(), [Chance() for _ in range(24)]
        last = 0
        for value in values:
            self.bit(value != 0, nonzero[min(last, 2)])
            last = abs(value)
            if value:
                self.bit(value < 0, negative)
                for step in range(1, last + 1):
                    self.bit(step < last, onward[min(step, 24) - 1])

    def pack(self):
        """The bytes of a number from low to low + range - 1 with the most zero bytes at its end, without those."""
        for zeros in reversed(range(self.size + 1)):
            rounded = -(-self.low // 256**zeros)
            if rounded * 256**zeros < self.low + self.range:
                return rounded.to_bytes(self.size - zeros, "big").rstrip(b"\0")
        raise AssertionError("low itself is such a number")


def levels(
    values,
    *,
    axes=(),
    base=0,
    logits=None,
    skews=None,
    precision=2,
    log_lanes=0,
    chunk=None,
    follows=False,
    is_open=False,
):
    """`axes` are pairs of stride and levels, `logits` one list for each table, whose length is the table's top."""
    if logits is None:
        logits = [[0] * max(_class_of(abs(value)) for value in values)]
    tables = [level_table(row, skew, precision) for row, skew in zip(logits, skews or [0] * len(logits), strict=True)]
    side = levels_side(axes, logits, skews, base=base, follows=follows)
    flags = len(axes) | log_lanes << 2 | (skews is not None) << 5 | (chunk is not None) << 6
    head = bytes([flags, len(logits) - 1 | precision << 5 | is_open << 7])
    head += b"".join(varint(len(steps)) + varint(stride) for stride, steps in axes)
    head += (b"" if chunk is None else varint(chunk)) + varint(len(side)) + side
    size = chunk or len(values)
    sums = [base + sum(steps[i // stride % len(steps)] for stride, steps in axes) for i in range(len(values))]
    chunks = [
        level_chunk(values, range(at, min(at + size, len(values))), sums, tables, lanes=2**log_lanes, is_open=is_open)
        for at in range(0, len(values), size)
    ]
    return head + b"".join(varint(len(part)) for part in chunks[:-1]) + b"".join(chunks)


def levels_side(axes, logits, skews, *, base=0, follows=False):
    side = Side()
    if axes:
        side.numbers([base])
    for _, steps in axes:
        side.start(follows)
        side.numbers(_steps(steps) if follows else steps)
    tops = [len(row) for row in logits]
    side.numbers(_steps(tops))
    side.numbers([logits[k][j] - _guess(logits, k, j) for k in range(len(logits)) for j in range(tops[k])])
    if skews is not None:
        side.numbers(_steps([skew for skew, top in zip(skews, tops, strict=True) if top]))
    return side.pack()


def _steps(values):
    return [value - before for value, before in zip(values, [0, *values[:-1]], strict=False)]


def _guess(logits, k, j):
    has_above = k > 0 and j < len(logits[k - 1])
    if j == 0:
        return logits[k - 1][0] if has_above else 0
    left = logits[k][j - 1]
    if not has_above:
        return left
    return sorted([left, logits[k - 1][j], left + logits[k - 1][j] - logits[k - 1][j - 1]])[1]


def level_table(logits, skew, precision):
    """Token -> (frequency, start), tokens being (class, whether negative)."""
    top, left, frequencies = len(logits), 4096, {}
    for j in range(top + 1):
        above = 0
        if j < top:
            above = left * _logistic(logits[j] * 2**precision) // 65536
            above = min(max(above, 2 * (top - j)), left - (1 if j == 0 else 2))
        own, left = left - above, above
        negative = min(max(own * _logistic(skew * 2**precision) // 65536, 1), own - 1) if j else 0
        frequencies[j, False] = own - negative
        if j:
            frequencies[j, True] = negative
    starts = accumulate(frequencies.values(), initial=0)
    return {token: (frequency, start) for (token, frequency), start in zip(frequencies.items(), starts, strict=False)}


def _logistic(x):
    return 65536 - _logistic(-x) if x < 0 else round(65536 / (1 + math.exp(-x / 16)))


def _class_of(magnitude):
    if magnitude < 16:
        return magnitude
    width = magnitude.bit_length() - 3
    return 16 + 4 * (width - 2) + (magnitude >> width) - 4


def least_of(class_):
    return class_ if class_ < 16 else (4 + class_ % 4) << _width(class_)


def _width(class_):
    return 0 if class_ < 16 else (class_ - 16) // 4 + 2


def level_chunk(values, places, sums, tables, *, lanes=1, is_open=False):
    """`sums` are those of the base and the levels, one for each value."""
    extra, tokens = Bits(), []
    for i in places:
        table = tables[min(max(sums[i], 0), len(tables) - 1)]
        class_ = _extra_bits(extra, abs(values[i]), _top(table), is_open)
        tokens.append(table[class_, values[i] < 0])
    states, words = [2**16] * lanes, []
    for k, (frequency, start) in reversed(list(enumerate(tokens))):
        x = states[k % lanes]
        if x >= frequency << 20:
            words, x = [x & 0xFFFF, *words], x >> 16
        states[k % lanes] = (x // frequency << 12) + x % frequency + start
    raw = extra.pack()
    size = varint(len(raw)) if any(_top(table) >= (1 if is_open else 16) for table in tables) else b""
    return size + b"".join(map(u32, states)) + b"".join(word.to_bytes(2, "little") for word in words) + raw


def _top(table):
    return max(class_ for class_, _ in table)


def _extra_bits(bits, magnitude, top, is_open):
    """Write what is beside the class, which is returned."""
    if is_open and top and _class_of(magnitude) >= top:
        _exp_golomb(bits, magnitude - least_of(top), 0)
        return top
    class_ = _class_of(magnitude)
    bits.field(magnitude - least_of(class_), _width(class_))
    return class_
