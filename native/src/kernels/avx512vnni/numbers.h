/* 16 numbers at a time between memory and lanes of 32 bits, whatever they take in memory. Internal. */
#ifndef ATTAR_KERNELS_AVX512VNNI_NUMBERS_H
#define ATTAR_KERNELS_AVX512VNNI_NUMBERS_H

#include "finish.h"

#ifdef ATTAR_HAS_AVX512VNNI
static inline __mmask16 first_lanes(uint64_t count)
{
    return (__mmask16)(count >= LANES ? 0xffffu : (1u << count) - 1);
}

/* Bytes whose halves are two numbers, spread to a byte each; may read and write up to 64 numbers too many. Returns where
 * the `first` one is. */
static inline ATTAR_TARGET_AVX512VNNI const uint8_t *spread_halves(const uint8_t *data, uint64_t first, uint64_t count,
                                                                   uint8_t *to)
{
    const __m512i low = _mm512_set1_epi16(0x0f0f);
    const uint8_t *from = data + first / 2;
    for (uint64_t i = 0; i < first % 2 + count; i += 64) {
        const __m512i pairs = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(from + i / 2)));
        _mm512_storeu_si512(to + i, _mm512_and_si512(_mm512_or_si512(pairs, _mm512_slli_epi16(pairs, 4)), low));
    }
    return to + first % 2;
}

/* Bytes with all halves of up to 16 numbers. */
static inline __mmask16 bytes_of_halves(uint64_t first, uint64_t count)
{
    return first_lanes((first % 2 + (count < LANES ? count : LANES) + 1) / 2);
}

/* The u of up to 16 numbers, and zeros; `storage` is a constant where a loop shall not ask for it. */
VNNI_TEXT __m512i take_stored(const uint32_t storage, const uint8_t *data, uint64_t first, uint64_t count)
{
    const __mmask16 mask = first_lanes(count);
    if (storage == 8)
        return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, data + first));
    if (storage == 16)
        return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, data + 2 * first));
    const __m256i pairs = _mm256_cvtepu8_epi16(_mm_maskz_loadu_epi8(bytes_of_halves(first, count), data + first / 2));
    const __m256i halves = _mm256_and_si256(_mm256_or_si256(pairs, _mm256_slli_epi16(pairs, 4)), _mm256_set1_epi16(0x0f0f));
    const __m128i even = _mm256_castsi256_si128(halves);
    const __m128i odd = _mm_alignr_epi8(_mm256_extracti128_si256(halves, 1), even, 1);
    return _mm512_maskz_cvtepu8_epi32(mask, first % 2 != 0 ? odd : even);
}

VNNI_TEXT __m512i take_lanes(const attar_tensor *tensor, const uint8_t *data, uint64_t first, uint64_t count)
{
    return take_stored(tensor->storage, data, first, count);
}

/* Pairs of numbers to bytes, and a single one at either end. */
static inline ATTAR_TARGET_AVX512VNNI void put_halves(const attar_tensor *tensor, uint8_t *data, uint64_t first,
                                                      __m128i u, uint32_t count)
{
    uint8_t numbers[LANES];
    uint32_t done = 0;
    if (first % 2 == 0) {
        const __m128i pairs = _mm_maddubs_epi16(u, _mm_set1_epi16(0x1001));
        _mm_mask_storeu_epi8(data + first / 2, (__mmask16)((1u << count / 2) - 1), _mm_packus_epi16(pairs, pairs));
        done = count & ~1u;
    }
    if (done == count)
        return;
    _mm_storeu_si128((__m128i *)(void *)numbers, u);
    for (; done < count; done++)
        put_integer(tensor, data, first + done, numbers[done]);
}

/* The way back; more than 16 are 16. */
VNNI_TEXT void put_lanes(const attar_tensor *tensor, uint8_t *data, uint64_t first, __m512i u, uint32_t count)
{
    if (tensor->storage == 8)
        put_bytes(data + first, u, count);
    else if (tensor->storage == 16)
        _mm256_mask_storeu_epi16(data + 2 * first, first_lanes(count), _mm512_cvtepi32_epi16(u));
    else
        put_halves(tensor, data, first, _mm512_cvtepi32_epi8(u), count < LANES ? count : LANES);
}
#endif

#endif
