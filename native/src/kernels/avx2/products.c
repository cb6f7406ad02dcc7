/* Products of 16 bits, two at a time: those of 8 bits two at a time (vpmaddubsw) would not fit the 16 bits that their sums are cut
 * to. Numbers and weights become 16 bits wide on their way to the stack: of four, the first and the third in one word, the
 * second and the fourth in another, which takes a mask or shifts and no shuffling. A product is at most 255 * 128 in magnitude, so that
 * two fit 32 bits; sums wrap, and the whole one fits. */
#include "../../cpu.h"

#ifdef ATTAR_HAS_AVX2
#include "products.h"

#define TARGET ATTAR_TARGET_AVX2
#define TEXT AVX2_TEXT
enum { WORDS = 2, ROOM = CHUNK * BLOCKS * WORDS * VECTOR };

AVX2_TEXT void spread(uint32_t *to, const uint8_t *from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i += LANES) {
        /* Interleaving works within halves: quads 0, 1, 4, 5 and 2, 3, 6, 7 come out in order. */
        const __m256i bytes = _mm256_permute4x64_epi64(load(from + i * ATTAR_QUAD), 0xd8);
        const __m256i first = _mm256_and_si256(bytes, _mm256_set1_epi16(0xff)), second = _mm256_srli_epi16(bytes, 8);
        _mm256_storeu_si256((__m256i *)(void *)(to + WORDS * i), _mm256_unpacklo_epi32(first, second));
        _mm256_storeu_si256((__m256i *)(void *)(to + WORDS * i + LANES), _mm256_unpackhi_epi32(first, second));
    }
}

AVX2_TEXT void spread_one(uint32_t *to, const uint8_t *from)
{
    const uint32_t four = attar_load32(from), low = UINT32_C(0x00ff00ff);
    to[0] = four & low;
    to[1] = four >> 8 & low;
}

/* In the order that `add` goes through: quad after quad the first words of all blocks, then the second ones. */
AVX2_TEXT const int8_t *unpack(const int8_t *weights, uint64_t stride, uint64_t quads, uint32_t blocks, int8_t *room)
{
    for (uint32_t b = 0; b < blocks; b++) {
        int8_t *to = room + b * VECTOR;
        for (uint64_t q = 0; q < quads; q++, to += WORDS * BLOCKS * VECTOR) {
            const __m256i bytes = load(weights + b * stride + q * VECTOR);
            _mm256_store_si256((__m256i *)(void *)to, _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8));
            _mm256_store_si256((__m256i *)(void *)(to + BLOCKS * VECTOR), _mm256_srai_epi16(bytes, 8));
        }
    }
    return room;
}

AVX2_TEXT void add(__m256i sums[PLACES][BLOCKS], const uint32_t *numbers, const int8_t *weights, uint64_t stride,
                   uint64_t quads, const int places, const int blocks)
{
    (void)stride;
    for (const uint32_t *end = numbers + quads * WORDS; numbers < end; numbers++, weights += BLOCKS * VECTOR) {
        __m256i w[BLOCKS];
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            w[b] = _mm256_load_si256((const __m256i *)(const void *)(weights + b * VECTOR));
#pragma GCC unroll 6
        for (int p = 0; p < places; p++) {
            const __m256i two = _mm256_set1_epi32((int32_t)numbers[p * WORDS * ROW]);
#pragma GCC unroll 2
            for (int b = 0; b < blocks; b++)
                sums[p][b] = _mm256_add_epi32(sums[p][b], _mm256_madd_epi16(two, w[b]));
        }
    }
}

AVX2_TEXT void add_alone(__m256i sums[BLOCKS], const uint32_t *numbers, const int8_t *weights, uint64_t stride,
                         uint64_t quads, const int blocks)
{
    for (const uint32_t *end = numbers + quads * WORDS; numbers < end; numbers += WORDS, weights += VECTOR) {
        const __m256i first = _mm256_set1_epi32((int32_t)numbers[0]), second = _mm256_set1_epi32((int32_t)numbers[1]);
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++) {
            const __m256i bytes = load(weights + (uint64_t)b * stride);
            const __m256i one = _mm256_madd_epi16(first, _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8));
            const __m256i other = _mm256_madd_epi16(second, _mm256_srai_epi16(bytes, 8));
            sums[b] = _mm256_add_epi32(sums[b], _mm256_add_epi32(one, other));
        }
    }
}

#include "products_text.h"

const attar_kernel attar_avx2_convolution = {ATTAR_CONVOLUTION, ATTAR_ISA_AVX2, is_in_bytes, attar_avx2_bytes,
                                             attar_avx2_pack, attar_avx2_finish, attar_avx2_items, run};
const attar_kernel attar_avx2_dense = {ATTAR_DENSE, ATTAR_ISA_AVX2, is_in_bytes, attar_avx2_bytes,
                                       attar_avx2_pack, attar_avx2_finish, attar_avx2_items, run};
#else
typedef int attar_products_nothing; /* C99 wants a declaration in every file */
#endif
