/* After the count, a byte for the itemsize and the turn, then a chunk. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static attar_status decode(const uint8_t *src, size_t src_size, void *dst, size_t n, void *scratch)
{
    if (n > 0)
        memset(dst, 0, n * ATTAR_FLOATS_ITEMSIZE_MAX);
    if (src_size == 0)
        return ATTAR_OK;
    unsigned itemsize = 2u << src[0] % 3;
    uint8_t *planes = fuzz_block(n * itemsize);
    uint8_t *elements = fuzz_block(n * itemsize);
    attar_status status = attar_floats_decode(src + 1, src_size - 1, elements, n, itemsize, src[0] >> 5, planes,
                                              n * itemsize, scratch);
    if (status == ATTAR_OK)
        memcpy(dst, elements, n * itemsize);
    free(elements);
    free(planes);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const fuzz_decoder floats = {decode, ATTAR_FLOATS_ITEMSIZE_MAX, sizeof(attar_floats_scratch)};
    return fuzz_decode(data, size, &floats);
}
