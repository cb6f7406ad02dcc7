/* Eight lanes in a register: one gather for the slots; the words find their lanes by a permutation. */
#include "../../cpu.h"
#include "../levels.h"

#ifdef ATTAR_HAS_AVX2
#include <immintrin.h>

/* For each lane that is set, how many below it are set: the word that it takes. */
ATTAR_TARGET_AVX2 static inline __m256i ranks(unsigned is_low)
{
    uint64_t lanes = _pdep_u64(is_low, UINT64_C(0x0101010101010101)) * 255u;
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)_pdep_u64(UINT64_C(0x0706050403020100), lanes)));
}

ATTAR_TARGET_AVX2 static inline __m256i turn(__m256i x, const attar_levels_slot *slots, const uint8_t *tables,
                                             uint8_t *tokens, const uint8_t **at)
{
    const __m256i low12 = _mm256_set1_epi32(ATTAR_LEVELS_SLOTS - 1);
    const __m256i bytes = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1,
                                           -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    __m256i table = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)tables));
    __m256i index = _mm256_or_si256(_mm256_slli_epi32(table, ATTAR_LEVELS_TOTAL_LOG2), _mm256_and_si256(x, low12));
    __m256i slot = _mm256_i32gather_epi32((const int *)(const void *)slots, index, 4);
    __m256i packed = _mm256_shuffle_epi8(slot, bytes);
    packed = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 0, 0, 0, 0, 0, 0));
    _mm_storel_epi64((__m128i *)(void *)tokens, _mm256_castsi256_si128(packed));
    __m256i frequency = _mm256_add_epi32(_mm256_and_si256(_mm256_srli_epi32(slot, 8), low12), _mm256_set1_epi32(1));
    x = _mm256_mullo_epi32(frequency, _mm256_srli_epi32(x, ATTAR_LEVELS_TOTAL_LOG2));
    x = _mm256_add_epi32(x, _mm256_srli_epi32(slot, 20));
    __m256i low = _mm256_cmpeq_epi32(_mm256_srli_epi32(x, 16), _mm256_setzero_si256());
    unsigned is_low = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(low));
    __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)*at));
    words = _mm256_permutevar8x32_epi32(words, ranks(is_low));
    *at += 2 * __builtin_popcount(is_low);
    return _mm256_blendv_epi8(x, _mm256_or_si256(_mm256_slli_epi32(x, 16), words), low);
}

ATTAR_TARGET_AVX2 static inline size_t turns(attar_lanes *lanes, unsigned vectors, const attar_levels_slot *slots,
                                             const uint8_t *tables, uint8_t *tokens, size_t n)
{
    const size_t count = 8u * (size_t)vectors;
    const uint8_t *at = lanes->words.at;
    __m256i x[4];
    size_t i = 0;
    for (unsigned v = 0; v < vectors; v++)
        x[v] = _mm256_loadu_si256((const __m256i *)(const void *)(lanes->states + 8 * v));
    for (; n - i >= count && (size_t)(lanes->words.end - at) >= 2 * count; i += count)
        for (unsigned v = 0; v < vectors; v++)
            x[v] = turn(x[v], slots, tables + i + 8 * v, tokens + i + 8 * v, &at);
    for (unsigned v = 0; v < vectors; v++)
        _mm256_storeu_si256((__m256i *)(void *)(lanes->states + 8 * v), x[v]);
    lanes->words.at = at;
    return i;
}

ATTAR_TARGET_AVX2 size_t attar_tokens_turns_avx2(attar_lanes *lanes, unsigned lanes_log2,
                                                 const attar_levels_slot *slots, const uint8_t *tables,
                                                 uint8_t *tokens, size_t n)
{
    if (lanes_log2 == 5)
        return turns(lanes, 4, slots, tables, tokens, n);
    if (lanes_log2 == 4)
        return turns(lanes, 2, slots, tables, tokens, n);
    return turns(lanes, 1, slots, tables, tokens, n);
}
#else
typedef int attar_tokens_avx2_nothing; /* C99 wants a declaration in every file */
#endif
