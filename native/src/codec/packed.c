#include "attar/codec.h"
#include "bits.h"

/* An exact size is asked for, so that the loop below cannot run out of bits. */
static attar_status check_size(const attar_bytes *in, size_t n, unsigned width)
{
    uint64_t left = attar_bytes_left(in);
    if (width > 32)
        return ATTAR_BAD_HEADER;
    if (width != 0 && n > (UINT64_MAX >> 7) / width)
        return ATTAR_BAD_ARGUMENT;
    uint64_t need = ((uint64_t)n * width + 7u) / 8u;
    if (left < need)
        return ATTAR_TRUNCATED;
    return left > need ? ATTAR_TRAILING_DATA : ATTAR_OK;
}

static attar_status read_fields(attar_bytes in, int32_t low, unsigned width, int32_t *dst, size_t n)
{
    attar_bit_reader reader = attar_bit_reader_of(in);
    int64_t most = low;
    for (size_t i = 0; i < n; i++) {
        attar_bits_refill(&reader);
        int64_t value = (int64_t)low + attar_bits_peek(&reader, width);
        if (!attar_bits_skip(&reader, width))
            return ATTAR_TRUNCATED;
        most = value > most ? value : most;
        dst[i] = (int32_t)(value <= INT32_MAX ? value : INT32_MAX);
    }
    if (most > INT32_MAX)
        return ATTAR_BAD_ALPHABET;
    return attar_bits_finish(&reader, NULL);
}

attar_status attar_packed_decode(const uint8_t *src, size_t src_size, int32_t *dst, size_t n)
{
    attar_bytes in = attar_bytes_of(src, src_size);
    int32_t low;
    uint32_t width;
    attar_status status = attar_read_low(&in, &low);
    if (status == ATTAR_OK)
        status = attar_read_u8(&in, &width);
    if (status == ATTAR_OK)
        status = check_size(&in, n, width);
    return status == ATTAR_OK ? read_fields(in, low, width, dst, n) : status;
}

attar_status attar_packed_encode(const int32_t *src, size_t n, int32_t low, unsigned width, uint8_t *dst,
                                 size_t dst_capacity, size_t *written)
{
    if (width > 32)
        return ATTAR_BAD_ARGUMENT;
    attar_bit_writer writer = {dst, dst + dst_capacity, 0, 0};
    for (size_t i = 0; i < n; i++) {
        uint32_t field = (uint32_t)src[i] - (uint32_t)low;
        if (src[i] < low || (uint64_t)field >> width != 0)
            return ATTAR_BAD_SYMBOL;
        if (!attar_bits_put(&writer, field, width))
            return ATTAR_OUTPUT_TOO_SMALL;
    }
    if (!attar_bits_flush(&writer))
        return ATTAR_OUTPUT_TOO_SMALL;
    *written = (size_t)(writer.at - dst);
    return ATTAR_OK;
}
