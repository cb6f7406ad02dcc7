#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, condition);
    abort();
}

uint32_t fuzz_take(fuzz_input *in, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes && in->left > 0; i++, in->left--)
        value |= (uint32_t)*in->at++ << 8 * i;
    return value;
}

size_t fuzz_take_count(fuzz_input *in)
{
    uint32_t bits = fuzz_take(in, 2);
    return bits >> 12 == 15 ? (size_t)(bits & 0xfffu) << 4 : bits & 0xfffu;
}

uint32_t fuzz_take_size(fuzz_input *in)
{
    uint32_t bits = fuzz_take(in, 2);
    return ((bits & 0xfffu) >> (bits >> 12)) + 1;
}

void *fuzz_block(size_t size)
{
    if (size == 0)
        return NULL; /* malloc(0) is one byte that nobody would miss */
    void *block = malloc(size);
    FUZZ_CHECK(block != NULL);
    return block;
}

void *fuzz_copy_of(const void *bytes, size_t size)
{
    void *block = fuzz_block(size);
    if (size > 0)
        memcpy(block, bytes, size);
    return block;
}

int fuzz_same(const void *left, const void *right, size_t size)
{
    return size == 0 || memcmp(left, right, size) == 0;
}

static void fill(void *block, int byte, size_t size)
{
    if (size > 0)
        memset(block, byte, size);
}

/* Kept between runs: a decoder may be given what an earlier payload has left behind. */
static void *scratch_of(const fuzz_decoder *decoder)
{
    static void *scratch;
    if (scratch == NULL)
        scratch = fuzz_block(decoder->scratch_size);
    return scratch;
}

static attar_status decode_over(const fuzz_decoder *decoder, int byte, const uint8_t *payload, size_t size, void *dst,
                                size_t n)
{
    void *scratch = scratch_of(decoder);
    uint8_t *src = fuzz_copy_of(payload, size);
    fill(scratch, byte, decoder->scratch_size);
    fill(dst, byte, n * decoder->item_size);
    attar_status status = decoder->decode(src, size, dst, n, scratch);
    free(src);
    FUZZ_CHECK(status < ATTAR_STATUS_COUNT);
    return status;
}

int fuzz_decode(const uint8_t *data, size_t size, const fuzz_decoder *decoder)
{
    fuzz_input in = {data, size};
    size_t n = fuzz_take_count(&in);
    size_t decoded_size = n * decoder->item_size;
    void *once = fuzz_block(decoded_size);
    void *again = fuzz_block(decoded_size);
    attar_status status = decode_over(decoder, 0x00, in.at, in.left, once, n);
    FUZZ_CHECK(decode_over(decoder, 0xff, in.at, in.left, again, n) == status);
    FUZZ_CHECK(status != ATTAR_OK || fuzz_same(once, again, decoded_size));
    free(once);
    free(again);
    return 0;
}
