#include "fuzz.h"

static attar_status decode(const uint8_t *src, size_t src_size, void *dst, size_t n, void *scratch)
{
    return attar_rans_decode(src, src_size, dst, n, scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const fuzz_decoder rans = {decode, sizeof(int32_t), sizeof(attar_rans_scratch)};
    return fuzz_decode(data, size, &rans);
}
