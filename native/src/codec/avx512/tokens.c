/* Sixteen lanes in a register: one gather for the slots, one expansion for the words. */
#include "../../cpu.h"
#include "../levels.h"

#ifdef ATTAR_HAS_AVX512
#include <immintrin.h>

/* Without optimization GCC's gather is a macro that converts its mask's sign. */
#pragma GCC diagnostic ignored "-Wsign-conversion"

ATTAR_TARGET_AVX512 static inline __m512i turn(__m512i x, const attar_levels_slot *slots, const uint8_t *tables,
                                               uint8_t *tokens, const uint8_t **at)
{
    const __m512i low12 = _mm512_set1_epi32(ATTAR_LEVELS_SLOTS - 1);
    __m512i table = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)tables));
    __m512i index = _mm512_or_si512(_mm512_slli_epi32(table, ATTAR_LEVELS_TOTAL_LOG2), _mm512_and_si512(x, low12));
    __m512i slot = _mm512_i32gather_epi32(index, (const void *)slots, 4);
    _mm_storeu_si128((__m128i *)(void *)tokens, _mm512_cvtepi32_epi8(slot));
    __m512i frequency = _mm512_add_epi32(_mm512_and_si512(_mm512_srli_epi32(slot, 8), low12), _mm512_set1_epi32(1));
    x = _mm512_mullo_epi32(frequency, _mm512_srli_epi32(x, ATTAR_LEVELS_TOTAL_LOG2));
    x = _mm512_add_epi32(x, _mm512_srli_epi32(slot, 20));
    __mmask16 is_low = _mm512_cmplt_epu32_mask(x, _mm512_set1_epi32(1 << 16));
    __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)*at));
    __m512i refilled = _mm512_or_si512(_mm512_slli_epi32(x, 16), _mm512_maskz_expand_epi32(is_low, words));
    *at += 2 * __builtin_popcount(is_low);
    return _mm512_mask_mov_epi32(x, is_low, refilled);
}

ATTAR_TARGET_AVX512 size_t attar_tokens_turns_avx512(attar_lanes *lanes, unsigned lanes_log2,
                                                     const attar_levels_slot *slots, const uint8_t *tables,
                                                     uint8_t *tokens, size_t n)
{
    const size_t count = (size_t)1 << lanes_log2;
    const uint8_t *at = lanes->words.at;
    __m512i first = _mm512_loadu_si512(lanes->states);
    __m512i second = _mm512_loadu_si512(lanes->states + (count == 32 ? 16 : 0));
    size_t i = 0;
    /* Each load takes 16 words, so the second half of a turn is safe as long as 32 are there before the first. */
    for (; n - i >= count && lanes->words.end - at >= 64; i += count) {
        first = turn(first, slots, tables + i, tokens + i, &at);
        if (count == 32)
            second = turn(second, slots, tables + i + 16, tokens + i + 16, &at);
    }
    _mm512_storeu_si512(lanes->states, first);
    if (count == 32)
        _mm512_storeu_si512(lanes->states + 16, second);
    lanes->words.at = at;
    return i;
}
#else
typedef int attar_tokens_avx512_nothing; /* C99 wants a declaration in every file */
#endif
