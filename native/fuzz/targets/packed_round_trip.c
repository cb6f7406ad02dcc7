/* Any lowest symbol, width and fields: what fits 32 bits must come back, in exactly the bytes that the format says. */
#include "fuzz.h"

#include <stdlib.h>

#include "payload.h"

enum { HEADER_MAX = 6 };

/* Returns whether all of them fit; those that do not are wrapped around. */
static int take_symbols(fuzz_input *in, int32_t low, unsigned width, int32_t *symbols, size_t n)
{
    int fit = 1;
    for (size_t i = 0; i < n; i++) {
        uint32_t field = fuzz_take(in, (width + 7) / 8) & (uint32_t)((UINT64_C(1) << width) - 1u);
        symbols[i] = (int32_t)((uint32_t)low + field);
        fit &= (int64_t)low + field <= INT32_MAX;
    }
    return fit;
}

static void check_decoded(const uint8_t *payload, size_t size, const int32_t *symbols, size_t n)
{
    int32_t *decoded = fuzz_block(n * sizeof *decoded);
    FUZZ_CHECK(attar_packed_decode(payload, size, decoded, n) == ATTAR_OK);
    FUZZ_CHECK(fuzz_same(decoded, symbols, n * sizeof *symbols));
    free(decoded);
}

static void check(const int32_t *symbols, size_t n, int32_t low, unsigned width, int fit)
{
    uint8_t header[HEADER_MAX];
    size_t header_size = put_zigzag(header, low);
    header[header_size++] = (uint8_t)width;
    size_t body_size = (n * width + 7) / 8;
    uint8_t *payload = fuzz_block(header_size + body_size);
    for (size_t i = 0; i < header_size; i++)
        payload[i] = header[i];
    size_t written;
    attar_status status =
        attar_packed_encode(symbols, n, low, width, payload + header_size, body_size, &written);
    FUZZ_CHECK(status == (fit ? ATTAR_OK : ATTAR_BAD_SYMBOL));
    if (fit) {
        FUZZ_CHECK(written == body_size);
        check_decoded(payload, header_size + body_size, symbols, n);
    }
    free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    size_t n = fuzz_take_count(&in);
    int32_t low = (int32_t)fuzz_take(&in, 4);
    unsigned width = fuzz_take(&in, 1) % 33;
    int32_t *symbols = fuzz_block(n * sizeof *symbols);
    int fit = take_symbols(&in, low, width, symbols, n);
    check(symbols, n, low, width, fit);
    free(symbols);
    return 0;
}
