"""The page says all about the levels coder: what an encoder made from it alone writes decodes in both decoders."""

import random

from hypothesis import given
from hypothesis import strategies as st

from attar.codec import coders, symbols_decode
from attar.codec.levels_reference import decode_levels

from .symbols import least_of, levels

CLASSES = 124
levels_of_places = st.integers(-4, 6) | st.integers(-32, 32)


@st.composite
def models(draw):
    """Arguments of `levels`: any axes and tables, and values that these can hold."""
    n = draw(st.integers(1, 200))
    precision = draw(st.integers(0, 3))
    limit = 128 >> precision
    number = st.integers(-limit, limit)
    tops = st.integers(0, 4) | st.integers(14, 20) | st.just(CLASSES - 1)
    row = tops.flatmap(lambda top: st.lists(number, min_size=top, max_size=top))
    logits = draw(
        st.lists(row, min_size=1, max_size=5) | st.lists(st.lists(number, max_size=3), min_size=32, max_size=32)
    )
    count = len(logits)
    skews = draw(st.none() | st.lists(number, min_size=count, max_size=count))
    if skews is not None:
        skews = [skew if row else 0 for skew, row in zip(skews, logits, strict=True)]
    axis = st.tuples(st.integers(1, n), st.lists(levels_of_places, min_size=1, max_size=12))
    axes = draw(st.lists(axis, max_size=3))
    model = {
        "axes": axes,
        "base": draw(st.integers(0, 31)) if axes else 0,
        "logits": logits,
        "skews": skews,
        "precision": precision,
        "log_lanes": draw(st.integers(0, 5)),
        "chunk": 64 * draw(st.integers(1, (n - 1) // 64)) if n > 64 and draw(st.booleans()) else None,
        "follows": draw(st.booleans()),
        "is_open": draw(st.booleans()),
    }
    source = random.Random(draw(st.integers(0, 2**32)))
    return [_value(model, index, source) for index in range(n)], model


def _value(model, index, source):
    level = model["base"] + sum(steps[index // stride % len(steps)] for stride, steps in model["axes"])
    tables = model["logits"]
    top = len(tables[min(max(level, 0), len(tables) - 1)])
    class_ = source.randint(0, CLASSES - 1 if model["is_open"] and top else top)
    magnitude = source.choice([least_of(class_), least_of(class_ + 1) - 1])
    return source.choice([magnitude, -magnitude])


@given(models())
def test_what_the_page_says_is_what_is_decoded(drawn):
    _assert_decoded(*drawn)


def test_the_longest_steps():
    rows, tables = [-32, 32, -32, 32], [[-128] * 123, [], [128] * 123, [-128]]
    for skews in (None, [128, 0, -128, 128]):
        model = {"axes": [(1, rows)], "base": 31, "logits": tables, "skews": skews, "precision": 0, "follows": True}
        _assert_decoded([2**31 - 1, 1, -(2**31) + 1, 0], model)


def _assert_decoded(values, model):
    payload = levels(values, **model)
    assert decode_levels(payload, len(values)) == values
    assert symbols_decode.decode_symbols(coders.LEVELS, payload, n=len(values)).tolist() == values
