"""Symbol payloads: the native core equals the reference, sizes are what the theory says, damage never gets through."""

import heapq
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.codec import (
    coders,
    frequencies,
    gaps,
    huffman,
    levels,
    packed,
    rans,
    reference,
    relative,
    symbols,
    symbols_decode,
)
from attar.codec.bitio import ByteReader, varint, varint_size, zigzag
from attar.codec.histogram import histogram, information_bits
from attar.errors import FormatError

REFERENCE = {
    coders.PACKED: reference.decode_packed,
    coders.RELATIVE: reference.decode_relative,
    coders.RANS: reference.decode_rans,
}
some_symbols = st.one_of(
    st.lists(st.integers(-9, 9), min_size=1, max_size=120),
    st.lists(st.sampled_from([0] * 9 + [1, -2, 300]), min_size=1, max_size=200),
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20),
)


def _vector(values):
    return np.array(values, np.int32)


def _lengths(code):
    present = {code.low + i: int(length) for i, length in enumerate(code.lengths) if length}
    return present or {code.low: 0}


def _payloads(vector):
    """Every coder's payload of a vector that it can hold, by coder."""
    hist = histogram(vector)
    found = {coders.PACKED: packed.write(vector, packed.plan(hist))}
    relative_plan = relative.plan(vector, hist)
    if relative_plan is not None:
        found[coders.RELATIVE] = relative.write(vector, relative_plan)
    if hist.counts is not None:
        found[coders.RANS] = rans.write(vector, rans.plan(hist, lanes_log2=1))
    return found


@given(some_symbols)
def test_packed_equals_reference(values):
    vector = _vector(values)
    plan = packed.plan(histogram(vector))
    payload = packed.write(vector, plan)
    assert payload == reference.encode_packed(values)
    assert len(payload) == plan.size_bytes


@given(some_symbols)
def test_relative_equals_reference(values):
    vector = _vector(values)
    plan = relative.plan(vector, histogram(vector))
    if plan is None:
        assert max([*values, 0]) - min([*values, 0]) >= 4096
        return
    lengths = [{} if code is None else _lengths(code) for code in (plan.values, plan.gaps)]
    payload = relative.write(vector, plan)
    assert payload == reference.encode_relative(values, plan.bound, *lengths)
    assert len(payload) == plan.size_bytes


@given(some_symbols, st.integers(0, 6))
def test_rans_equals_reference(values, lanes_log2):
    vector = _vector(values)
    plan = rans.plan(histogram(vector), lanes_log2=lanes_log2)
    if plan is None:
        assert max(values) - min(values) >= 4096
        return
    args = plan.low, plan.frequencies.tolist(), plan.total_log2, plan.lanes_log2, plan.order
    assert rans.write(vector, plan) == reference.encode_rans(values, *args)


@given(some_symbols)
def test_every_payload_decodes_in_both(values):
    for coder, payload in _payloads(_vector(values)).items():
        assert symbols_decode.decode_symbols(coder, payload, n=len(values)).tolist() == values
        assert REFERENCE[coder](payload, len(values)) == values


@given(some_symbols)
def test_the_smallest_payload_is_chosen(values):
    vector = _vector(values)
    coder, payload = symbols.encode_symbols(vector)
    everything = _payloads(vector)
    hist = histogram(vector)
    if hist.counts is not None:
        everything[coders.RANS] = rans.write(vector, rans.plan(hist))
    levels_plan = levels.plan(vector, vector.shape)
    if levels_plan is not None:
        everything[coders.LEVELS] = levels.write(vector, levels_plan)
    assert (len(payload), coder) == min((len(other), kind) for kind, other in everything.items())


def _outcome(decode):
    try:
        return list(decode())
    except FormatError:
        return "refused"


@settings(max_examples=15)
@given(st.lists(st.integers(-2, 5), min_size=1, max_size=25))
def test_damage_is_judged_as_the_reference_does(values):
    n = len(values)
    for coder, payload in _payloads(_vector(values)).items():
        for damaged in _damaged(payload):
            native = _outcome(lambda d=damaged, c=coder: symbols_decode.decode_symbols(c, d, n=n).tolist())
            assert native == _outcome(lambda d=damaged, c=coder: REFERENCE[c](d, n))


def _damaged(payload):
    yield from (payload[:size] for size in range(len(payload)))
    yield payload + b"\0"
    for bit in range(8 * len(payload)):
        changed = bytearray(payload)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


@given(st.binary(max_size=40), st.sampled_from(sorted(REFERENCE)), st.integers(1, 40))
def test_noise_is_judged_as_the_reference_does(payload, coder, n):
    native = _outcome(lambda: symbols_decode.decode_symbols(coder, payload, n=n).tolist())
    assert native == _outcome(lambda: REFERENCE[coder](payload, n))


@pytest.mark.parametrize(
    ("coder", "payload", "name"),
    [
        (1, "", "truncated"),
        (1, "8000 00", "bad varint"),
        (1, "00 21", "bad header"),
        (1, "feffffff0f 01 ff", "bad alphabet"),
        (1, "00 01", "truncated"),
        (1, "00 01 10", "bad padding"),
        (1, "00 01 00 00", "trailing data"),
        (2, "00 00", "bad header"),
        (2, "8120 00", "bad header"),
        (2, "01 05", "position beyond the end"),
        (2, "01 00 00", "trailing data"),
        (2, "01 01 0200 0400", "bad alphabet"),
        (2, "02 03 0200 0400", "position beyond the end"),
        (2, "01 01 0001 12 0200", "bad code lengths"),
        (2, "01 01 008020", "bad alphabet"),
        (3, "07 0000", "bad header"),
        (3, "78 0000", "bad header"),
        (3, "08 008020", "bad alphabet"),
        (3, "08 0000 08 0000", "bad frequencies"),
        (3, "08 0000 f02f00 ffff0000", "bad state"),
        (3, "08 0000 f02f00 0000010000", "trailing data"),
    ],
)
def test_hostile_headers_are_named(coder, payload, name):
    payload = bytes.fromhex(payload)
    with pytest.raises(FormatError, match=f"of {len(payload)} bytes for 4 symbols: {name}"):
        symbols_decode.decode_symbols(coder, payload, n=4)


def test_unknown_symbol_coder_is_named():
    with pytest.raises(FormatError, match="symbol coder 7"):
        symbols_decode.decode_symbols(7, b"", n=1)


def test_relative_index_of_the_deep_compression_figure():
    values = [0] * 16
    values[0], values[3], values[14] = 5, 6, 7
    assert reference.relative_entries(values, 8) == [(1, 5), (3, 6), (8, 0), (3, 7)]
    streams = gaps.gap_histogram(_vector(values), low=0, counts=np.bincount(values))
    counts, fillers = gaps.split(streams, 8)
    assert counts.tolist() == [0, 1, 0, 2, 0, 0, 0, 0, 1]
    assert fillers == 1


def _brute_force_size(values, bound):
    """Really encodes with this bound, the codes made from the real streams."""
    entries = reference.relative_entries(values, bound)
    codes = [_lengths(_code(Counter(pair[side] for pair in entries))) for side in (1, 0)]
    return len(reference.encode_relative(values, bound, *codes))


def _code(counter):
    low, high = min(counter), max(counter)
    return huffman.code(low, np.array([counter.get(i, 0) for i in range(low, high + 1)]))


@pytest.mark.parametrize("sparsity", [0, 0.3, 0.6, 0.8, 0.9, 0.97, 0.99])
@pytest.mark.parametrize("count", [40, 600])
def test_bound_search_equals_brute_force(sparsity, count):
    rng = np.random.default_rng(count)
    vector = np.where(rng.random(count) < sparsity, 0, rng.integers(-6, 7, count)).astype(np.int32)
    vector[count // 2] = 3
    vector[:: count // 8] *= 2
    hist = histogram(vector)
    streams = gaps.gap_histogram(vector, low=hist.low, counts=hist.counts)
    sizes = {bound: _brute_force_size(vector.tolist(), bound) for bound in streams.bounds}
    plan = relative.plan(vector, hist)
    assert (plan.size_bytes, plan.bound) == min((size, bound) for bound, size in sizes.items())
    assert relative.least_size(streams) <= plan.size_bytes
    least = relative.least_sizes(streams, np.array(streams.bounds))
    assert (least <= np.array(list(sizes.values()))).all()
    for limit in (plan.size_bytes - 1, plan.size_bytes, plan.size_bytes + 3):
        limited = relative.plan(vector, hist, limit_bytes=limit)
        assert (limited is None) == (limit < plan.size_bytes)
        assert limited is None or (limited.size_bytes, limited.bound) == (plan.size_bytes, plan.bound)
    quick = relative.plan(vector, hist, exhaustive=False)
    assert (quick.size_bytes, quick.bound) == min((sizes[bound], bound) for bound in relative.likely_bounds(streams))


@pytest.mark.parametrize("sparsity", [0, 0.5, 1])
def test_relative_round_trip_at_the_ends_of_sparsity(sparsity):
    rng = np.random.default_rng(3)
    vector = np.where(rng.random(5000) < sparsity, 0, rng.integers(1, 9, 5000)).astype(np.int32)
    payload = relative.write(vector, relative.plan(vector, histogram(vector)))
    assert (symbols_decode.decode_symbols(coders.RELATIVE, payload, n=5000) == vector).all()
    assert sparsity < 1 or payload == b"\x01\x00"


def test_gaps_beyond_the_largest_bound():
    vector = np.zeros(30_000, np.int32)
    vector[[9_000, 29_000]] = 1, -1
    plan = relative.plan(vector, histogram(vector))
    payload = relative.write(vector, plan)
    assert plan.bound <= 4096
    assert (symbols_decode.decode_symbols(coders.RELATIVE, payload, n=30_000) == vector).all()


def test_bound_of_one_is_plain_huffman():
    vector = _vector([1, 2, 1, 1, 3, 1, 1, 2])
    plan = relative.plan(vector, histogram(vector))
    assert (plan.bound, plan.entries, len(plan.gaps.lengths)) == (1, 8, 1)
    # Bound and count, a table of three symbols, a table of one, and 5 * 1 + 3 * 2 bits.
    assert plan.size_bytes == 2 + 4 + 2 + 2


def _heap_bits(counts):
    heap = [int(count) for count in counts if count]
    heapq.heapify(heap)
    bits = 0
    while len(heap) > 1:
        pair = heapq.heappop(heap) + heapq.heappop(heap)
        bits += pair
        heapq.heappush(heap, pair)
    return bits


@given(st.lists(st.integers(0, 500), min_size=1, max_size=200).filter(any))
def test_huffman_is_optimal_complete_and_near_the_entropy(counts):
    counts = np.array(counts)
    lengths = list(_lengths(huffman.code(0, counts)).values())
    bits = huffman.code_bits(counts)
    assert bits == _heap_bits(counts)
    assert sum(2.0**-length for length in lengths) == 1
    assert information_bits(counts) - 1e-6 <= bits
    assert bits < information_bits(counts) + counts.sum()


def test_huffman_of_one_and_two_symbols():
    assert huffman.code(-4, np.array([0, 9])).lengths.tolist() == [0]
    assert huffman.code(-4, np.array([7, 0, 9])).lengths.tolist() == [1, 0, 1]
    assert huffman.table(huffman.code(2, np.array([5]))) == b"\x04\x00"


def test_huffman_lengths_stop_at_fifteen_bits():
    counts = np.array([1, 1] + [2**i for i in range(1, 38)])
    lengths = huffman.code(0, counts).lengths.astype(int)
    assert lengths.max() == 15
    assert (2.0**-lengths).sum() == 1


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=5), st.integers(5, 24))
def test_frequencies_lose_least(counts, total):
    counts = np.array(counts)
    best = frequencies.quantize(counts, total)
    assert best.sum() == total
    assert best.min() >= 1
    bits = frequencies.code_bits(counts, best, total=total)
    for taker in range(len(counts)):
        for giver in np.flatnonzero(best > 1):
            other = best.copy()
            other[taker] += 1
            other[giver] -= 1
            assert bits <= frequencies.code_bits(counts, other, total=total) * (1 + 1e-9)


@pytest.mark.parametrize("scale", [0.05, 0.3, 2, 40])
@pytest.mark.parametrize("count", [100, 3000, 200_000])
def test_rans_is_within_half_a_percent_of_the_entropy(scale, count):
    rng = np.random.default_rng(7)
    vector = np.round(rng.laplace(scale=scale, size=count)).astype(np.int32)
    hist = histogram(vector)
    payload = rans.write(vector, rans.plan(hist))
    table = rans.best_order(rans.plan(hist).frequencies)[1] // 8
    assert len(payload) <= information_bits(hist.counts) / 8 * 1.005 + 64 + table
    assert (symbols_decode.decode_symbols(coders.RANS, payload, n=count) == vector).all()


def test_lanes_do_not_change_the_symbols():
    rng = np.random.default_rng(11)
    vector = np.round(rng.laplace(scale=2, size=10_001)).astype(np.int32)
    for lanes_log2 in range(7):
        payload = rans.write(vector, rans.plan(histogram(vector), lanes_log2=lanes_log2))
        assert (symbols_decode.decode_symbols(coders.RANS, payload, n=vector.size) == vector).all()


def test_the_widest_alphabet():
    rng = np.random.default_rng(5)
    vector = np.concatenate([rng.integers(0, 4096, 20_000), [0, 4095]]).astype(np.int32)
    for coder, payload in _payloads(vector).items():
        assert (symbols_decode.decode_symbols(coder, payload, n=vector.size) == vector).all()


@given(st.integers(0, 2**64 - 1))
def test_varints(value):
    assert varint(value) == reference.varint(value)
    assert ByteReader(varint(value)).varint("value") == value
    assert varint_size(value) == len(varint(value))
    signed = value - 2**63
    assert zigzag(signed) == reference.zigzag(signed)
