/* Rounding with error feedback, eight independent rows in a register. */
#include "../feedback.h"

#ifdef ATTAR_HAS_AVX2
#include <immintrin.h>

enum { LANES = 8 };

/* As `feedback_nearest`, eight places at once; a comparison that holds is -1. */
ATTAR_TARGET_AVX2 static inline __m256i nearest(__m256 place)
{
    const __m256 end = _mm256_set1_ps((float)ATTAR_FEEDBACK_REACH), half = _mm256_set1_ps(0.5f);
    const __m256 is_finite = _mm256_cmp_ps(_mm256_sub_ps(place, place), _mm256_setzero_ps(), _CMP_EQ_OQ);
    const __m256 finite = _mm256_and_ps(place, is_finite);
    const __m256 within = _mm256_min_ps(_mm256_max_ps(finite, _mm256_sub_ps(_mm256_setzero_ps(), end)), end);
    const __m256i whole = _mm256_cvttps_epi32(within);
    const __m256 rest = _mm256_sub_ps(within, _mm256_cvtepi32_ps(whole));
    const __m256 is_above = _mm256_cmp_ps(rest, half, _CMP_GT_OQ);
    const __m256 is_below = _mm256_cmp_ps(rest, _mm256_sub_ps(_mm256_setzero_ps(), half), _CMP_LT_OQ);
    return _mm256_add_epi32(_mm256_sub_epi32(whole, _mm256_castps_si256(is_above)), _mm256_castps_si256(is_below));
}

ATTAR_TARGET_AVX2 static inline void settle_eight(const attar_feedback_block *block, __m256 step, size_t at)
{
    const __m256i q = nearest(_mm256_div_ps(_mm256_loadu_ps(block->targets + at), step));
    const __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(q), step);
    _mm256_storeu_si256((__m256i *)(void *)(block->integers + at), q);
    _mm256_storeu_ps(block->errors + at, _mm256_sub_ps(_mm256_loadu_ps(block->weights + at), value));
}

ATTAR_TARGET_AVX2 static inline size_t settle_rows(const attar_feedback *feedback, const attar_feedback_block *block,
                                                   size_t column)
{
    const __m256 step = _mm256_set1_ps(feedback->step);
    size_t row = 0;
    for (; feedback->rows - row >= LANES; row += LANES)
        settle_eight(block, step, column * feedback->rows + row);
    return row;
}

ATTAR_TARGET_AVX2 void attar_feedback_independent_avx2(const attar_feedback *feedback,
                                                       const attar_feedback_block *block)
{
    feedback_round_independent(feedback, block, settle_rows);
}

ATTAR_TARGET_AVX2 void attar_feedback_coupled_avx2(const attar_feedback *feedback, const attar_feedback_block *block)
{
    feedback_round_coupled(feedback, block);
}
#else
typedef int attar_feedback_no_avx2; /* C99 wants a declaration in every file */
#endif
