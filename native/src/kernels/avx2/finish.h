/* From eight accumulators to eight bytes: the same arithmetic as integers.h, two times four lanes of 64 bits. AVX2 has no
 * arithmetic shift of 64 bits: 2^62 is added first, which makes all of them positive, and what it has become is taken
 * away behind the shift. No product and half is beyond 2^62 below, none with it beyond 2^64 above, and no shift is more than
 * 62, so that nothing is lost.
 *
 * It holds where results before the clamp fit 32 bits; where some might not, they are finished one by one. Internal. */
#ifndef ATTAR_KERNELS_AVX2_FINISH_H
#define ATTAR_KERNELS_AVX2_FINISH_H

#include "../integers.h"
#include "../table.h"

#ifdef ATTAR_HAS_AVX2
#include <immintrin.h>

#define AVX2_TEXT static inline __attribute__((always_inline)) ATTAR_TARGET_AVX2

enum { LANES = 8, VECTOR = 32 };

/* What ends eight channels; of a pair, the first is for the even lanes. */
typedef struct endings {
    int32_t biases[LANES];  /* less what the zero point adds to every sum */
    int32_t origins[LANES]; /* what is taken away behind the shift */
    int64_t multipliers[2][LANES / 2];
    int64_t halves[2][LANES / 2]; /* with 2^62 */
    int64_t shifts[2][LANES / 2];
} endings;

/* 2^62 behind a shift, as far as 32 bits see it. */
static inline int32_t origin_of(int32_t shift)
{
    return (int32_t)(uint32_t)(UINT64_C(1) << (62 - shift));
}

static inline int64_t half_of(int32_t shift)
{
    return (INT64_C(1) << 62) + (shift > 0 ? INT64_C(1) << (shift - 1) : 0);
}

/* Sets lane `lane`. */
void attar_avx2_end(endings *ends, unsigned lane, int32_t bias, int32_t multiplier, int32_t shift);

/* The same to an output channel. */
void attar_avx2_end_channel(endings *ends, unsigned lane, const attar_step *step, const attar_channel *channel);

/* What lane `lane` of `ends` makes of a sum, whatever its size. */
uint8_t attar_avx2_finish_one(const endings *ends, unsigned lane, const limits *clamp, int32_t sum);

/* Endings and limits in registers: stores of bytes may change any memory, so that a compiler would load them anew. */
typedef struct held {
    __m256i biases;
    __m256i multipliers[2], halves[2], shifts[2];
    __m256i moved; /* the zero point, less the origin */
    __m256i low, high;
} held;

AVX2_TEXT __m256i load(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

AVX2_TEXT held hold(const endings *ends, const limits *clamp)
{
    held h;
    h.biases = load(ends->biases);
    for (int odd = 0; odd < 2; odd++) {
        h.multipliers[odd] = load(ends->multipliers[odd]);
        h.halves[odd] = load(ends->halves[odd]);
        h.shifts[odd] = load(ends->shifts[odd]);
    }
    h.moved = _mm256_sub_epi32(_mm256_set1_epi32(clamp->zero), load(ends->origins));
    h.low = _mm256_set1_epi32(clamp->low);
    h.high = _mm256_set1_epi32(clamp->high);
    return h;
}

AVX2_TEXT __m256i half_rescaled(__m256i sums, const held *h, int odd)
{
    const __m256i products = _mm256_mul_epi32(sums, h->multipliers[odd]);
    return _mm256_srlv_epi64(_mm256_add_epi64(products, h->halves[odd]), h->shifts[odd]);
}

/* `sums` without the bias; u of the output, 32 bits each. */
AVX2_TEXT __m256i finished(__m256i sums, const held *h)
{
    const __m256i biased = _mm256_add_epi32(sums, h->biases);
    const __m256i even = half_rescaled(biased, h, 0);
    const __m256i odd = half_rescaled(_mm256_srli_epi64(biased, 32), h, 1);
    const __m256i both = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
    return _mm256_min_epi32(_mm256_max_epi32(_mm256_add_epi32(both, h->moved), h->low), h->high);
}

/* Eight u and eight more, as bytes. */
AVX2_TEXT __m128i narrowed(__m256i first, __m256i second)
{
    const __m256i words = _mm256_packus_epi32(first, second); /* four of each in either half */
    const __m256i bytes = _mm256_packus_epi16(words, words);
    return _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
}

/* The first `count` of 16 bytes. */
AVX2_TEXT void put_first(uint8_t *to, __m128i bytes, uint32_t count)
{
    if (count >= 16) {
        _mm_storeu_si128((__m128i *)(void *)to, bytes);
        return;
    }
    if ((count & 8u) != 0) {
        _mm_storel_epi64((__m128i *)(void *)to, bytes);
        bytes = _mm_srli_si128(bytes, 8);
        to += 8;
    }
    uint64_t left = (uint64_t)_mm_cvtsi128_si64(bytes);
    for (uint32_t i = 0; i < (count & 7u); i++, left >>= 8)
        to[i] = (uint8_t)left;
}
#endif

#endif
