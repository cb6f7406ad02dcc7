/* Products of 8 bits, four at a time and added (vpdpbusd), on 256 bits. Numbers and weights stay as they are. A file that
 * includes this has said before which instruction it is: TARGET, TEXT and FOUR_PRODUCTS. Internal. */
#include "../avx2/products.h"

enum { WORDS = 1, ROOM = 1 };

TEXT void spread(uint32_t *to, const uint8_t *from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i += LANES)
        _mm256_storeu_si256((__m256i *)(void *)(to + i), load(from + i * ATTAR_QUAD));
}

TEXT void spread_one(uint32_t *to, const uint8_t *from)
{
    *to = attar_load32(from);
}

TEXT const int8_t *unpack(const int8_t *weights, uint64_t stride, uint64_t quads, uint32_t blocks, int8_t *room)
{
    (void)stride;
    (void)quads;
    (void)blocks;
    (void)room;
    return weights;
}

TEXT void add(__m256i sums[PLACES][BLOCKS], const uint32_t *numbers, const int8_t *weights, uint64_t stride,
              uint64_t quads, const int places, const int blocks)
{
    for (const uint32_t *end = numbers + quads; numbers < end; numbers++, weights += VECTOR) {
        __m256i w[BLOCKS];
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            w[b] = load(weights + (uint64_t)b * stride);
#pragma GCC unroll 6
        for (int p = 0; p < places; p++) {
            const __m256i four = _mm256_set1_epi32((int32_t)numbers[p * WORDS * ROW]);
#pragma GCC unroll 2
            for (int b = 0; b < blocks; b++)
                sums[p][b] = FOUR_PRODUCTS(sums[p][b], four, w[b]);
        }
    }
}

TEXT void add_alone(__m256i sums[BLOCKS], const uint32_t *numbers, const int8_t *weights, uint64_t stride, uint64_t quads,
                    const int blocks)
{
    for (const uint32_t *end = numbers + quads; numbers < end; numbers++, weights += VECTOR) {
        const __m256i four = _mm256_set1_epi32((int32_t)*numbers);
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            sums[b] = FOUR_PRODUCTS(sums[b], four, load(weights + (uint64_t)b * stride));
    }
}

#include "../avx2/products_text.h"
