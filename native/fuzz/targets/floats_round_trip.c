/* Elements of any bits, the input's over and over; the promised capacity must suffice and every bit come back. */
#include "fuzz.h"

#include <stdlib.h>

static uint8_t *take_elements(const fuzz_input *in, size_t bytes)
{
    uint8_t *elements = fuzz_block(bytes);
    for (size_t i = 0; i < bytes; i++)
        elements[i] = in->left == 0 ? 0 : in->at[i % in->left];
    return elements;
}

static void check(const uint8_t *elements, size_t n, unsigned itemsize, unsigned turn)
{
    static attar_floats_encode_scratch encode_scratch;
    static attar_floats_scratch scratch;
    size_t bytes = n * itemsize;
    size_t capacity = attar_floats_bound(n, itemsize);
    uint8_t *planes = fuzz_block(bytes);
    uint8_t *chunk = fuzz_block(capacity);
    uint8_t *decoded = fuzz_block(bytes);
    size_t written;
    FUZZ_CHECK(attar_floats_encode(elements, n, itemsize, turn, chunk, capacity, &written, planes, bytes,
                                   &encode_scratch) == ATTAR_OK);
    uint8_t *exact = fuzz_copy_of(chunk, written);
    FUZZ_CHECK(attar_floats_decode(exact, written, decoded, n, itemsize, turn, planes, bytes, &scratch) == ATTAR_OK);
    FUZZ_CHECK(fuzz_same(decoded, elements, bytes));
    free(exact);
    free(decoded);
    free(chunk);
    free(planes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    size_t n = fuzz_take_count(&in) + 1;
    uint32_t choice = fuzz_take(&in, 1);
    unsigned itemsize = 2u << choice % 3;
    uint8_t *elements = take_elements(&in, n * itemsize);
    check(elements, n, itemsize, choice >> 5);
    free(elements);
    return 0;
}
