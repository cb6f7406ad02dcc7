/* From 16 accumulators to 16 bytes: the same arithmetic as integers.h, two times eight lanes of 64 bits. Internal. */
#ifndef ATTAR_KERNELS_AVX512VNNI_FINISH_H
#define ATTAR_KERNELS_AVX512VNNI_FINISH_H

#include "../integers.h"
#include "../table.h"

#ifdef ATTAR_HAS_AVX512VNNI
#include <immintrin.h>

#define VNNI_TEXT static inline __attribute__((always_inline)) ATTAR_TARGET_AVX512VNNI

enum { LANES = 16 };

/* What ends 16 channels; of a pair, the first is for the even lanes. */
typedef struct endings {
    int32_t biases[LANES]; /* less what the zero point adds to every sum */
    int64_t multipliers[2][LANES / 2];
    int64_t halves[2][LANES / 2];
    int64_t shifts[2][LANES / 2];
} endings;

/* Sets lane `lane` to an output channel. */
void attar_avx512vnni_end(endings *ends, unsigned lane, const attar_step *step, const attar_channel *channel);

/* Endings and limits in registers: stores of bytes may change any memory, so that a compiler would load them anew. */
typedef struct held {
    __m512i biases;
    __m512i multipliers[2], halves[2], shifts[2];
    __m512i zero, low, high;
} held;

VNNI_TEXT held hold(const endings *ends, const limits *clamp)
{
    held h;
    h.biases = _mm512_load_si512(ends->biases);
    for (int odd = 0; odd < 2; odd++) {
        h.multipliers[odd] = _mm512_load_si512(ends->multipliers[odd]);
        h.halves[odd] = _mm512_load_si512(ends->halves[odd]);
        h.shifts[odd] = _mm512_load_si512(ends->shifts[odd]);
    }
    h.zero = _mm512_set1_epi32(clamp->zero);
    h.low = _mm512_set1_epi32(clamp->low);
    h.high = _mm512_set1_epi32(clamp->high);
    return h;
}

VNNI_TEXT __m512i half_rescaled(__m512i sums, const held *h, int odd)
{
    const __m512i products = _mm512_mul_epi32(sums, h->multipliers[odd]);
    return _mm512_srav_epi64(_mm512_add_epi64(products, h->halves[odd]), h->shifts[odd]);
}

/* Stores of single bytes cost more than all before them, so that they are kept for the last numbers of a row. */
VNNI_TEXT void put_bytes(uint8_t *to, __m512i u, uint32_t count)
{
    const __m128i narrow = _mm512_cvtepi32_epi8(u);
    if (count >= LANES)
        _mm_storeu_si128((__m128i *)(void *)to, narrow);
    else
        _mm_mask_storeu_epi8(to, (__mmask16)((1u << count) - 1), narrow);
}

/* `sums` without the bias; u of the output, 32 bits each. */
VNNI_TEXT __m512i finished(__m512i sums, const held *h, int is_narrow)
{
    const __m512i biased = _mm512_add_epi32(sums, h->biases);
    __m512i even = half_rescaled(biased, h, 0);
    __m512i odd = half_rescaled(_mm512_srli_epi64(biased, 32), h, 1);
    if (!is_narrow) { /* to where the sum with the zero point still fits */
        const __m512i low = _mm512_set1_epi64(-(INT64_C(1) << 30)), high = _mm512_set1_epi64(INT64_C(1) << 30);
        even = _mm512_min_epi64(_mm512_max_epi64(even, low), high);
        odd = _mm512_min_epi64(_mm512_max_epi64(odd, low), high);
    }
    const __m512i both = _mm512_mask_shuffle_epi32(even, 0xaaaa, odd, _MM_PERM_CCAA);
    const __m512i moved = _mm512_add_epi32(both, h->zero);
    return _mm512_min_epi32(_mm512_max_epi32(moved, h->low), h->high);
}
#endif

#endif
