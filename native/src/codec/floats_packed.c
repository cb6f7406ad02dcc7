/* Packed fields (docs/format.md, 8.1) of bytes. */
#include "bits.h"
#include "floats.h"

static uint8_t *copy_fields(attar_bytes *in, unsigned low, unsigned width, uint8_t *dst, size_t n)
{
    const uint64_t mask = (UINT64_C(1) << width) - 1u;
    size_t i = 0;
    for (; n - i >= 8 && attar_bytes_left(in) >= 8; i += 8) { /* eight fields are `width` bytes */
        uint64_t window = attar_load64(in->at);
        for (unsigned j = 0; j < 8; j++)
            dst[i + j] = (uint8_t)((low + (window >> width * j & mask)) & 0xffu);
        in->at += width;
    }
    return dst + i;
}

static attar_status fill(const attar_bytes *in, unsigned low, uint8_t *dst, size_t n)
{
    if (in->at != in->end)
        return ATTAR_TRAILING_DATA;
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint8_t)low;
    return ATTAR_OK;
}

static attar_status read_rest(attar_bytes in, unsigned low, unsigned width, uint8_t *dst, const uint8_t *end)
{
    attar_bit_reader reader = attar_bit_reader_of(in);
    for (; dst < end; dst++) {
        attar_bits_refill(&reader);
        *dst = (uint8_t)((low + attar_bits_peek(&reader, width)) & 0xffu);
        if (!attar_bits_skip(&reader, width))
            return ATTAR_TRUNCATED;
    }
    return attar_bits_finish(&reader, NULL);
}

/* A sum beyond 255 wrapped to below `low`. */
static attar_status check_range(const uint8_t *dst, size_t n, unsigned low)
{
    unsigned least = 255;
    for (size_t i = 0; i < n; i++)
        least = dst[i] < least ? dst[i] : least;
    return least >= low ? ATTAR_OK : ATTAR_BAD_ALPHABET;
}

attar_status attar_bytes_packed_decode(const uint8_t *src, size_t src_size, uint8_t *dst, size_t n)
{
    attar_bytes in = attar_bytes_of(src, src_size);
    int32_t low;
    uint32_t width;
    attar_status status = attar_read_low(&in, &low);
    if (status == ATTAR_OK)
        status = attar_read_u8(&in, &width);
    if (status != ATTAR_OK)
        return status;
    if (width > 8)
        return ATTAR_BAD_HEADER;
    if (low < 0 || low > 255)
        return ATTAR_BAD_ALPHABET;
    if (width == 0)
        return fill(&in, (unsigned)low, dst, n);
    uint8_t *rest = copy_fields(&in, (unsigned)low, width, dst, n);
    status = read_rest(in, (unsigned)low, width, rest, dst + n);
    return status == ATTAR_OK ? check_range(dst, n, (unsigned)low) : status;
}

attar_status attar_bytes_packed_encode(const uint8_t *src, size_t n, unsigned low, unsigned width, uint8_t *dst,
                                       size_t dst_capacity, size_t *written)
{
    attar_bit_writer writer = {dst, dst + dst_capacity, 0, 0};
    int ok = attar_bits_put_varint(&writer, 2 * low) && attar_bits_put(&writer, width, 8);
    for (size_t i = 0; ok && width > 0 && i < n; i++)
        ok = attar_bits_put(&writer, src[i] - low, width);
    if (!ok || !attar_bits_flush(&writer))
        return ATTAR_OUTPUT_TOO_SMALL;
    *written = (size_t)(writer.at - dst);
    return ATTAR_OK;
}
