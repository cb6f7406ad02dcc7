/* Axes, levels and numbers from the input; whatever they are, what was encoded must come back. */
#include "attar/levels.h"
#include "fuzz.h"

#include <stdlib.h>

enum { COUNT_MAX = 2048, HEADER_MAX = 1 << 16 };

static attar_levels_model model;
static attar_levels_encoder encoder;
static attar_levels_decoder decoder;
static uint64_t counts[ATTAR_LEVELS_TABLES_MAX * ATTAR_LEVELS_TOKENS_MAX];

static void take_axes(fuzz_input *in, size_t n)
{
    uint32_t first = 0;
    model.axes = fuzz_take(in, 1) % (ATTAR_LEVELS_AXES_MAX + 1);
    model.base = model.axes > 0 ? (int32_t)(fuzz_take(in, 1) % ATTAR_LEVELS_TABLES_MAX) : 0;
    for (uint32_t a = 0; a < model.axes; a++) {
        const attar_level_axis axis = {first, 1 + fuzz_take(in, 1) % 32, 1 + fuzz_take(in, 2) % n};
        model.axis[a] = axis;
        for (uint32_t i = 0; i < axis.length; i++)
            model.levels[first + i] = (int8_t)((int32_t)(fuzz_take(in, 1) % (2 * ATTAR_LEVEL_MAX + 1)) - ATTAR_LEVEL_MAX);
        first += axis.length;
    }
}

/* Mostly small, now and then of any size. */
static int32_t take_number(fuzz_input *in)
{
    const uint32_t byte = fuzz_take(in, 1);
    if (byte < 0xf0)
        return (int32_t)(byte % 16) - 8;
    const uint32_t bits = fuzz_take(in, 4);
    return bits == UINT32_C(0x80000000) ? 0 : (int32_t)(bits >> byte % 16 * 2);
}

static size_t encode(const int32_t *numbers, size_t n, uint8_t *dst, size_t capacity)
{
    uint8_t *chunks = fuzz_block(capacity);
    size_t size;
    size_t total = 0;
    FUZZ_CHECK(attar_levels_encode_header(&model, n, dst, capacity, &size) == ATTAR_OK);
    for (uint64_t first = 0; first < n; first += model.chunk) {
        const size_t count = n - first < model.chunk ? (size_t)(n - first) : (size_t)model.chunk;
        size_t written;
        FUZZ_CHECK(attar_levels_encode(&encoder, numbers + first, first, count, chunks + total, capacity - total,
                                       &written) == ATTAR_OK);
        total += written;
        for (size_t left = written; first + count < n; left >>= 7) {
            dst[size++] = (uint8_t)((left & 0x7fu) | (left > 0x7fu ? 0x80u : 0u));
            if (left <= 0x7fu)
                break;
        }
    }
    for (size_t i = 0; i < total; i++)
        dst[size + i] = chunks[i];
    free(chunks);
    return size + total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    const size_t n = 1 + fuzz_take(&in, 2) % COUNT_MAX;
    const size_t capacity = HEADER_MAX + 16 * n;
    int32_t *numbers = fuzz_block(n * sizeof *numbers);
    int32_t *decoded = fuzz_block(n * sizeof *decoded);
    uint8_t *payload = fuzz_block(capacity);
    const attar_sink sink = {ATTAR_ELEMENT_INT32, decoded, 0, n, NULL, 0, 1, NULL, 0, 0};
    uint64_t bits;
    model.tables = 1 + fuzz_take(&in, 1) % ATTAR_LEVELS_TABLES_MAX;
    model.lanes_log2 = fuzz_take(&in, 1) % (ATTAR_LEVELS_LANES_LOG2_MAX + 1);
    model.chunk = 64 * (1 + fuzz_take(&in, 1) % 32);
    model.chunk = model.chunk < n ? model.chunk : n;
    take_axes(&in, n);
    for (size_t i = 0; i < n; i++)
        numbers[i] = take_number(&in);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        counts[i] = 0;
    const attar_levels_kind kind = (attar_levels_kind)(fuzz_take(&in, 1) % 3);
    FUZZ_CHECK(attar_levels_count(&model, numbers, 0, n, counts, sizeof counts / sizeof *counts) == ATTAR_OK);
    FUZZ_CHECK(attar_levels_fit(&model, kind, counts, sizeof counts / sizeof *counts, &bits) == ATTAR_OK);
    FUZZ_CHECK(attar_levels_prepare(&encoder, &model) == ATTAR_OK);
    const size_t written = encode(numbers, n, payload, capacity);
    uint8_t *exact = fuzz_copy_of(payload, written);
    FUZZ_CHECK(attar_levels_open(&decoder, exact, written, n) == ATTAR_OK);
    FUZZ_CHECK(attar_levels_decode(&decoder, 0, decoder.chunk_count, &sink) == ATTAR_OK);
    FUZZ_CHECK(fuzz_same(numbers, decoded, n * sizeof *numbers));
    free(exact);
    free(payload);
    free(decoded);
    free(numbers);
    return 0;
}
