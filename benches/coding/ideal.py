"""The code length of the levels coder's own model: what a perfect coder would take with the very same tables.

That is log2(4096 / frequency) for every token, the extra bits, and the levels of rows and columns, which are a part of
the message as the tokens are (docs/format.md, 8.4): theirs is what the header is longer by than one without them.
Tables, states of lanes, sizes and padding are what the actual bytes have on top.
"""

import numpy as np

from attar import _native
from attar.codec import levels

TOTAL_LOG2 = 12
EXACT = 16  # magnitudes below are classes of their own
OPEN = 0x80  # bit of the second byte of a payload
PIECE = 1 << 20


def levels_sizes(symbols: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int, float]:
    """Return the bytes of the levels payload of a flat int32 tensor, of its levels, and of its model's code length."""
    plan = levels.plan(symbols, shape)
    if plan is None:
        raise ValueError("the levels coder does not hold -2^31")
    counts = np.zeros((plan.tables, levels.TOKENS_MAX), np.uint64)
    plan.model.count(symbols, 0, counts)
    levels_bytes = len(plan.header) - tables_bytes(counts, symbols.size)
    return len(levels.write(symbols, plan)), levels_bytes, code_bits(plan, symbols, counts) / 8 + levels_bytes


def tables_bytes(counts: np.ndarray, n: int) -> int:
    """Return the bytes of a header with the tables that fit these counts, and no levels."""
    model = _native.LevelsModel([], np.zeros(0, np.int8), 0, len(counts))
    model.fit(counts)
    model.prepare(0, n)
    return model.header(n, np.empty(1 << 16, np.uint8))


def code_bits(plan: levels.LevelsPlan, symbols: np.ndarray, counts: np.ndarray) -> float:
    frequencies = np.zeros(counts.shape, np.uint16)
    plan.model.frequencies(frequencies)
    tops = np.count_nonzero(frequencies, axis=1) // 2
    starts = range(0, symbols.size, PIECE)
    extra = sum(extra_bits(plan, tops, symbols[start : start + PIECE], start) for start in starts)
    return token_bits(frequencies, tops, counts) + extra


def token_bits(frequencies: np.ndarray, tops: np.ndarray, counts: np.ndarray) -> float:
    """Return the sum over all tokens; one above the top of its table takes the top's of the same sign."""
    tables, tokens = np.nonzero(counts)
    last = 2 * tops[tables]
    coded = np.where(tokens > last, last - tokens % 2, tokens)
    return float((counts[tables, tokens] * (TOTAL_LOG2 - np.log2(frequencies[tables, coded]))).sum())


def extra_bits(plan: levels.LevelsPlan, tops: np.ndarray, symbols: np.ndarray, first: int) -> int:
    """Return the extra bits of the elements from `first` on."""
    tables = np.empty(symbols.size, np.uint8)
    plan.model.tables(first, tables)
    magnitudes, tops = np.abs(symbols), tops[tables]
    fields = np.where(magnitudes < EXACT, 0, log2_floor(magnitudes) - 2)
    if not plan.header[1] & OPEN:
        return int(fields.sum())
    is_open = (tops > 0) & (class_of(magnitudes) >= tops)
    escapes = 2 * log2_floor(magnitudes - least_of(tops) + 1) + 1
    return int(np.where(is_open, escapes, fields).sum())


def log2_floor(values: np.ndarray) -> np.ndarray:
    """Return the logarithms of integers from 1 on, rounded down; anything for others."""
    return np.frexp(values.astype(np.float64))[1] - 1


def class_of(magnitudes: np.ndarray) -> np.ndarray:
    fields = np.maximum(log2_floor(magnitudes) - 2, 2)
    return np.where(magnitudes < EXACT, magnitudes, EXACT + 4 * (fields - 2) + (magnitudes >> fields) - 4)


def least_of(classes: np.ndarray) -> np.ndarray:
    """Return the least magnitude of each class."""
    fields = np.maximum(classes - EXACT, 0) // 4 + 2
    return np.where(classes < EXACT, classes, (4 + classes % 4) << fields)
