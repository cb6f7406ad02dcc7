/* Any frequencies, lanes and order, and symbols that have a frequency; the promised capacity must suffice. */
#include "fuzz.h"

#include <stdlib.h>

#include "payload.h"

enum { HEADER_MAX = 1 + 5 + 2 + ATTAR_ALPHABET_MAX * 4 + 1 };

static uint16_t frequencies[ATTAR_ALPHABET_MAX];

/* Every symbol gets its share of what is left and the last one the rest; only symbols between may get nothing. */
static void take_frequencies(fuzz_input *in, uint32_t size, uint32_t total)
{
    uint32_t left = total;
    for (uint32_t i = 0; i + 1 < size; i++) {
        uint32_t share = (left - 1) * fuzz_take(in, 1) >> 8;
        frequencies[i] = (uint16_t)(i == 0 && share == 0 ? 1 : share);
        left -= frequencies[i];
    }
    frequencies[size - 1] = (uint16_t)left;
}

static attar_rans_model take_model(fuzz_input *in)
{
    uint32_t choice = fuzz_take(in, 1);
    unsigned total_log2 = ATTAR_RANS_LOG2_MIN + (choice & 15u) % 7;
    uint32_t total = UINT32_C(1) << total_log2;
    uint32_t size = fuzz_take_size(in);
    int32_t low = (int32_t)fuzz_take(in, 4);
    if (low > INT32_MAX - (int32_t)size)
        low = INT32_MAX - (int32_t)size + 1;
    take_frequencies(in, size, total);
    attar_rans_model model = {low, size, frequencies, total_log2, (choice >> 4) % 7};
    return model;
}

static void take_symbols(fuzz_input *in, const attar_rans_model *model, int32_t *symbols, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t index = fuzz_take(in, model->size > 256 ? 2 : 1) % model->size;
        symbols[i] = model->low + (int32_t)(model->frequencies[index] != 0 ? index : 0);
    }
}

static size_t put_header(uint8_t *dst, const attar_rans_model *model, unsigned order)
{
    size_t size = 1;
    dst[0] = (uint8_t)(model->total_log2 | model->lanes_log2 << 4);
    size += put_zigzag(dst + size, model->low);
    size += put_varint(dst + size, model->size - 1);
    return size + put_frequencies(dst + size, order, model->frequencies, model->size);
}

static void check_decoded(const uint8_t *payload, size_t size, const int32_t *symbols, size_t n)
{
    static attar_rans_scratch scratch;
    uint8_t *exact = fuzz_copy_of(payload, size);
    int32_t *decoded = fuzz_block(n * sizeof *decoded);
    FUZZ_CHECK(attar_rans_decode(exact, size, decoded, n, &scratch) == ATTAR_OK);
    FUZZ_CHECK(fuzz_same(decoded, symbols, n * sizeof *symbols));
    free(decoded);
    free(exact);
}

static void check(const int32_t *symbols, size_t n, const attar_rans_model *model, unsigned order)
{
    static attar_rans_encode_scratch scratch;
    static uint8_t header[HEADER_MAX];
    size_t header_size = put_header(header, model, order);
    size_t capacity = ((size_t)4 << model->lanes_log2) + 2 * n;
    uint8_t *payload = fuzz_block(header_size + capacity);
    for (size_t i = 0; i < header_size; i++)
        payload[i] = header[i];
    size_t written;
    FUZZ_CHECK(attar_rans_encode(symbols, n, model, payload + header_size, capacity, &written, &scratch) ==
               ATTAR_OK);
    check_decoded(payload, header_size + written, symbols, n);
    free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    size_t n = fuzz_take_count(&in);
    attar_rans_model model = take_model(&in);
    unsigned order = fuzz_take(&in, 1) % 16;
    int32_t *symbols = fuzz_block(n * sizeof *symbols);
    take_symbols(&in, &model, symbols, n);
    check(symbols, n, &model, order);
    free(symbols);
    return 0;
}
