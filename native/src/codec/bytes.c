#include "bytes.h"

#include "attar/codec.h"

attar_status attar_read_u8(attar_bytes *in, uint32_t *value)
{
    if (in->at == in->end)
        return ATTAR_TRUNCATED;
    *value = *in->at++;
    return ATTAR_OK;
}

attar_status attar_read_varint(attar_bytes *in, uint64_t *value)
{
    uint64_t total = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint32_t byte;
        attar_status status = attar_read_u8(in, &byte);
        if (status != ATTAR_OK)
            return status;
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            return ATTAR_BAD_VARINT;
        total |= (uint64_t)(byte & 0x7fu) << shift;
        if (byte < 0x80u) {
            *value = total;
            return ATTAR_OK;
        }
    }
    return ATTAR_BAD_VARINT;
}

size_t attar_put_varint(uint8_t *dst, uint64_t value)
{
    size_t size = 0;
    for (; value >= 0x80u; value >>= 7)
        dst[size++] = (uint8_t)((value & 0x7fu) | 0x80u);
    dst[size++] = (uint8_t)value;
    return size;
}

attar_status attar_read_low(attar_bytes *in, int32_t *low)
{
    uint64_t zigzag;
    attar_status status = attar_read_varint(in, &zigzag);
    if (status != ATTAR_OK)
        return status;
    if (zigzag > UINT32_MAX)
        return ATTAR_BAD_ALPHABET;
    int64_t half = (int64_t)(zigzag >> 1);
    *low = (int32_t)((zigzag & 1u) != 0 ? -half - 1 : half);
    return ATTAR_OK;
}

attar_status attar_read_alphabet(attar_bytes *in, int32_t *low, uint32_t *size)
{
    uint64_t span;
    attar_status status = attar_read_low(in, low);
    if (status == ATTAR_OK)
        status = attar_read_varint(in, &span);
    if (status != ATTAR_OK)
        return status;
    if (span >= ATTAR_ALPHABET_MAX || (int64_t)*low + (int64_t)span > INT32_MAX)
        return ATTAR_BAD_ALPHABET;
    *size = (uint32_t)span + 1;
    return ATTAR_OK;
}
