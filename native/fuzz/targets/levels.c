#include "attar/levels.h"
#include "fuzz.h"

static attar_status decode(const uint8_t *src, size_t src_size, void *dst, size_t n, void *scratch)
{
    attar_levels_decoder *decoder = scratch;
    if (n == 0)
        return ATTAR_OK; /* the format has no stream of no elements */
    const attar_sink sink = {ATTAR_ELEMENT_INT32, dst, 0, n, NULL, 0, 1, NULL, 0, 0};
    attar_status status = attar_levels_open(decoder, src, src_size, n);
    return status == ATTAR_OK ? attar_levels_decode(decoder, 0, decoder->chunk_count, &sink) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const fuzz_decoder levels = {decode, sizeof(int32_t), sizeof(attar_levels_decoder)};
    return fuzz_decode(data, size, &levels);
}
