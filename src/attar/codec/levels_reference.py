"""The levels payload in plain Python, as the format describes it (8.4): the oracle of the native decoder.

Slow on purpose, like `reference`: no NumPy, nothing decided, one element after the other.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import FormatError
from .reference import Reader

LEVEL_MAX, CLASS_MAX, LENGTH_MAX, NUMBER_MAX, STEPS = 32, 123, 1 << 16, 256, 24
LOGISTIC = [round(65536 / (1 + math.exp(-i / 16))) for i in range(129)]


def _check(condition: bool, name: str) -> None:
    if not condition:
        raise FormatError(name)


@dataclass
class Chance:
    """The chance of a one in 65536ths, and how often it was met."""

    one: int = 32768
    met: int = 0

    def learn(self, bit: int) -> None:
        """A step towards the bit: half the way at first, a 32nd at last."""
        rate = (self.met + 2).bit_length() - 1
        self.one += (65536 - self.one >> rate) if bit else -(self.one >> rate)
        self.met = min(self.met + 1, 30)


class SideReader:
    """The adaptive binary range decoder of the side section; past its end there are zeros."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0
        self.range = 2**32 - 1
        self.code = 0
        for _ in range(4):
            self._shift()

    def _shift(self) -> None:
        byte = self.data[self.at] if self.at < len(self.data) else 0
        self.at += 1
        self.code = (self.code << 8 | byte) & 0xFFFFFFFF

    def bit(self, chance: Chance) -> int:
        """The next bit, of this chance."""
        bound = (self.range >> 16) * chance.one
        bit = int(self.code < bound)
        if bit:
            self.range = bound
        else:
            self.code -= bound
            self.range -= bound
        chance.learn(bit)
        while self.range < 1 << 24:
            self.range <<= 8
            self._shift()
        return bit

    def end(self) -> None:
        """All bytes must have been looked at."""
        _check(self.at >= len(self.data), "trailing data")


class Numbers:
    """Signed numbers of one kind, each in the contexts that those before it have taught."""

    def __init__(self, source: SideReader):
        self.source = source
        self.is_nonzero = [Chance() for _ in range(3)]
        self.is_negative = Chance()
        self.goes_on = [Chance() for _ in range(STEPS)]
        self.last = 0

    def next(self) -> int:
        """Zero?, sign, magnitude in unary; 257 stands for all that is beyond 256."""
        is_nonzero = self.is_nonzero[min(self.last, 2)]
        self.last = 0
        if not self.source.bit(is_nonzero):
            return 0
        sign = -1 if self.source.bit(self.is_negative) else 1
        magnitude = 1
        while magnitude <= NUMBER_MAX and self.source.bit(self.goes_on[min(magnitude, STEPS) - 1]):
            magnitude += 1
        self.last = magnitude
        return sign * magnitude


class Axis(NamedTuple):
    """Element i has the level levels[i // stride % len(levels)]."""

    stride: int
    levels: list[int]


class Table(NamedTuple):
    """Frequencies of tokens, adding up to 4096."""

    frequencies: list[int]

    @property
    def top(self) -> int:
        """The highest class."""
        return len(self.frequencies) // 2

    def find(self, slot: int) -> tuple[int, int]:
        """The token of a slot, and how far into it the slot lies."""
        for token, frequency in enumerate(self.frequencies):
            if slot < frequency:
                return token, slot
            slot -= frequency
        raise AssertionError("frequencies do not add up")


def _read_levels(source: SideReader, length: int) -> list[int]:
    follows = source.bit(Chance())
    numbers, levels, guess = Numbers(source), [], 0
    for _ in range(length):
        level = guess + numbers.next()
        _check(abs(level) <= LEVEL_MAX, "bad header")
        levels.append(level)
        guess = level if follows else 0
    return levels


def _read_tops(source: SideReader, tables: int) -> list[int]:
    numbers, tops = Numbers(source), []
    for _ in range(tables):
        tops.append((tops[-1] if tops else 0) + numbers.next())
        _check(0 <= tops[-1] <= CLASS_MAX, "bad header")
    return tops


def _guess(logits: list[list[int]], k: int, j: int) -> int:
    above = logits[k - 1] if k > 0 and j < len(logits[k - 1]) else None
    if j == 0:
        return above[0] if above else 0
    left = logits[k][j - 1]
    if above is None:
        return left
    return sorted((left, above[j], left + above[j] - above[j - 1]))[1]


def _read_logits(source: SideReader, tops: list[int], limit: int) -> list[list[int]]:
    numbers, logits = Numbers(source), []
    for k, top in enumerate(tops):
        logits.append([])
        for j in range(top):
            logit = _guess(logits, k, j) + numbers.next()
            _check(abs(logit) <= limit, "bad header")
            logits[k].append(logit)
    return logits


def _read_skews(source: SideReader, tops: list[int], limit: int) -> list[int]:
    numbers, skews, guess = Numbers(source), [], 0
    for top in tops:
        if top > 0:
            guess += numbers.next()
            _check(abs(guess) <= limit, "bad header")
        skews.append(guess if top > 0 else 0)
    return skews


def _chance(logit: int, precision: int) -> int:
    sixteenths = logit << precision
    return LOGISTIC[sixteenths] if sixteenths >= 0 else 65536 - LOGISTIC[-sixteenths]


def table_of(logits: list[int], skew: int, precision: int) -> Table:
    """Class by class, what is left is divided between the class and all above."""
    left, frequencies, top = 4096, [], len(logits)
    for j, logit in enumerate(logits):
        above = left * _chance(logit, precision) >> 16
        above = min(max(above, 2 * (top - j)), left - (1 if j == 0 else 2))
        frequencies += _with_signs(j, left - above, _chance(skew, precision))
        left = above
    return Table(frequencies + _with_signs(top, left, _chance(skew, precision)))


def _with_signs(class_: int, frequency: int, negative: int) -> list[int]:
    if class_ == 0:
        return [frequency]
    below = min(max(frequency * negative >> 16, 1), frequency - 1)
    return [frequency - below, below]


def _extra_bits(class_: int) -> int:
    return 0 if class_ < 16 else (class_ - 16) // 4 + 2


class LevelsHeader(NamedTuple):
    """All that stands before the chunks."""

    lanes: int
    base: int
    axes: list[Axis]
    tables: list[Table]
    chunk: int
    is_open: bool

    def table(self, index: int) -> Table:
        """The table of an element."""
        level = self.base + sum(axis.levels[index // axis.stride % len(axis.levels)] for axis in self.axes)
        return self.tables[min(max(level, 0), len(self.tables) - 1)]


def _read_header(reader: Reader, n: int) -> LevelsHeader:
    axes, lanes_log2, is_skewed, is_chunked, spare = (reader.get(width) for width in (2, 3, 1, 1, 1))
    tables, precision, is_open = reader.get(5) + 1, reader.get(2), bool(reader.get(1))
    _check(spare == 0 and lanes_log2 <= 5, "bad header")
    places, total = [], 0
    for _ in range(axes):
        length, stride = reader.varint(), reader.varint()
        total += length
        _check(length >= 1 and total <= LENGTH_MAX and 1 <= stride <= n, "bad header")
        places.append((length, stride))
    chunk = reader.varint() if is_chunked else n
    _check(not is_chunked or (chunk % 64 == 0 and 64 <= chunk < n), "bad header")
    source = SideReader(_take(reader, reader.varint()))
    base = Numbers(source).next() if axes else 0
    _check(0 <= base <= 31, "bad header")
    leveled = [Axis(stride, _read_levels(source, length)) for length, stride in places]
    tops = _read_tops(source, tables)
    logits = _read_logits(source, tops, 128 >> precision)
    skews = _read_skews(source, tops, 128 >> precision) if is_skewed else [0] * tables
    source.end()
    made = [table_of(logits[k], skews[k], precision) for k in range(tables)]
    return LevelsHeader(1 << lanes_log2, base, leveled, made, chunk, is_open)


def _take(reader: Reader, size: int) -> bytes:
    start = reader.at // 8
    _check(size <= len(reader.payload) - start, "truncated")
    reader.at += 8 * size
    return reader.payload[start : start + size]


def _decode_chunk(chunk: bytes, header: LevelsHeader, first: int, n: int) -> list[int]:
    reader = Reader(chunk)
    has_extra = any(table.top >= 16 or (header.is_open and table.top > 0) for table in header.tables)
    extra_size = reader.varint() if has_extra else 0
    left = len(chunk) - reader.at // 8
    _check(extra_size <= left, "truncated")
    words, extra = Reader(_take(reader, left - extra_size)), Reader(_take(reader, extra_size))
    states = [words.get(32) for _ in range(header.lanes)]
    _check(min(states) >= 1 << 16, "bad state")
    values = []
    for i in range(n):
        x = states[i % header.lanes]
        table = header.table(first + i)
        token, offset = table.find(x % 4096)
        x = table.frequencies[token] * (x // 4096) + offset
        states[i % header.lanes] = x << 16 | words.get(16) if x < 1 << 16 else x
        is_escape = header.is_open and 0 < table.top == (token + 1) // 2
        values.append(_value(token, extra, is_escape=is_escape))
    _check(words.at == 8 * len(words.payload), "trailing data")
    _check(all(x == 1 << 16 for x in states), "bad state")
    extra.end()
    return values


def _value(token: int, extra: Reader, *, is_escape: bool) -> int:
    class_ = (token + 1) // 2
    width = _extra_bits(class_)
    magnitude = class_ if class_ < 16 else (4 + class_ % 4) << width
    magnitude += _excess(extra) if is_escape else extra.get(width)
    _check(magnitude < 2**31, "symbol outside the alphabet")
    return magnitude if token % 2 else -magnitude


def _excess(extra: Reader) -> int:
    width = 0
    while extra.get(1):
        width += 1
        _check(width <= 31, "symbol outside the alphabet")
    return (1 << width) - 1 + extra.get(width)


def decode_levels(payload: bytes, n: int) -> list[int]:
    """n symbols."""
    reader = Reader(payload)
    header = _read_header(reader, n)
    sizes = [reader.varint() for _ in range((n - 1) // header.chunk)]
    rest = len(payload) - reader.at // 8
    _check(sum(sizes) <= rest, "truncated")
    values: list[int] = []
    for size in [*sizes, rest - sum(sizes)]:
        count = min(header.chunk, n - len(values))
        values += _decode_chunk(_take(reader, size), header, len(values), count)
    return values
