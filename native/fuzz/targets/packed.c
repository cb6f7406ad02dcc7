#include "fuzz.h"

static attar_status decode(const uint8_t *src, size_t src_size, void *dst, size_t n, void *scratch)
{
    (void)scratch;
    return attar_packed_decode(src, src_size, dst, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const fuzz_decoder packed = {decode, sizeof(int32_t), 0};
    return fuzz_decode(data, size, &packed);
}
