/* Two alphabets with optimal code lengths for any counts, and symbols of the first one. */
#include "fuzz.h"

#include <stdlib.h>

#include "payload.h"

enum { HEADER_MAX = 2 * (5 + 2 + ATTAR_ALPHABET_MAX / 2) + 2 + 10 };

typedef struct alphabets {
    uint32_t bound;
    attar_code_lengths values;
    attar_code_lengths gaps;
} alphabets;

/* Ascending counts, some of which grow so fast that codes reach their longest. */
static void take_lengths(fuzz_input *in, uint8_t *lengths, uint32_t size)
{
    static uint64_t counts[ATTAR_ALPHABET_MAX];
    static attar_lengths_scratch scratch;
    uint64_t count = 1;
    uint32_t kraft = 0;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t byte = fuzz_take(in, 1);
        count += (byte & 1u) != 0 && count >> 42 == 0 ? count : byte >> 1;
        counts[i] = count;
    }
    FUZZ_CHECK(attar_huffman_lengths(counts, size, lengths, &scratch) == ATTAR_OK);
    for (uint32_t i = 0; i < size; i++) {
        FUZZ_CHECK(lengths[i] <= ATTAR_CODE_BITS_MAX && (i == 0 || lengths[i] <= lengths[i - 1]));
        kraft += UINT32_C(1) << (ATTAR_CODE_BITS_MAX - lengths[i]);
    }
    FUZZ_CHECK(kraft == UINT32_C(1) << ATTAR_CODE_BITS_MAX);
}

static alphabets take_alphabets(fuzz_input *in)
{
    static uint8_t value_lengths[ATTAR_ALPHABET_MAX];
    static uint8_t gap_lengths[ATTAR_ALPHABET_MAX];
    uint32_t bound = fuzz_take_size(in);
    uint32_t size = fuzz_take_size(in);
    int32_t low = -(int32_t)(fuzz_take(in, 2) % size); /* 0 is a value where a gap is split */
    take_lengths(in, gap_lengths, bound);
    take_lengths(in, value_lengths, size);
    alphabets found = {bound, {low, size, value_lengths}, {1, bound, gap_lengths}};
    return found;
}

/* The lowest bit of a byte decides for zero, so that long gaps occur too. */
static void take_symbols(fuzz_input *in, const attar_code_lengths *values, int32_t *symbols, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = fuzz_take(in, 1);
        if ((bits & 1u) != 0)
            bits |= fuzz_take(in, 1) << 8;
        symbols[i] = (bits & 1u) != 0 ? values->low + (int32_t)((bits >> 1) % values->size) : 0;
    }
}

static size_t put_header(uint8_t *dst, const alphabets *use, uint64_t entries)
{
    size_t size = put_varint(dst, use->bound);
    size += put_varint(dst + size, entries);
    if (entries == 0)
        return size;
    size += put_huffman(dst + size, use->values.low, use->values.lengths, use->values.size);
    return size + put_huffman(dst + size, use->gaps.low, use->gaps.lengths, use->gaps.size);
}

static void check_decoded(const uint8_t *payload, size_t size, const int32_t *symbols, size_t n)
{
    static attar_relative_scratch scratch;
    uint8_t *exact = fuzz_copy_of(payload, size);
    int32_t *decoded = fuzz_block(n * sizeof *decoded);
    FUZZ_CHECK(attar_relative_decode(exact, size, decoded, n, &scratch) == ATTAR_OK);
    FUZZ_CHECK(fuzz_same(decoded, symbols, n * sizeof *symbols));
    free(decoded);
    free(exact);
}

static void check(const int32_t *symbols, size_t n, const alphabets *use)
{
    static attar_relative_encode_scratch scratch;
    uint64_t entries = count_entries(symbols, n, use->bound);
    size_t capacity = (size_t)(entries * 2 * ATTAR_CODE_BITS_MAX + 7) / 8;
    uint8_t *payload = fuzz_block(HEADER_MAX + capacity);
    size_t size = put_header(payload, use, entries);
    size_t written;
    FUZZ_CHECK(attar_relative_encode(symbols, n, use->bound, &use->values, &use->gaps, payload + size, capacity,
                                     &written, &scratch) == ATTAR_OK);
    check_decoded(payload, size + written, symbols, n);
    free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    size_t n = fuzz_take_count(&in);
    alphabets use = take_alphabets(&in);
    int32_t *symbols = fuzz_block(n * sizeof *symbols);
    take_symbols(&in, &use.values, symbols, n);
    check(symbols, n, &use);
    free(symbols);
    return 0;
}
