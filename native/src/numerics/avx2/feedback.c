/* Rounding with error feedback, eight independent rows in a register. */
#include "../feedback.h"

#ifdef ATTAR_HAS_AVX2
#include <immintrin.h>

enum { LANES = 8 };

/* Eight places in steps, what a bit costs at each, and where the bits of zero lie in the tables. */
typedef struct places {
    __m256 at;
    __m256 price;
    __m256i zero;
    const float *bits;
} places;

typedef struct choice {
    __m256i best;
    __m256 least;
} choice;

ATTAR_TARGET_AVX2 static inline __m256i floor_within(__m256 place, int32_t reach)
{
    const __m256 end = _mm256_set1_ps((float)reach);
    const __m256 low = _mm256_set1_ps(-(float)reach);
    const __m256 within = _mm256_min_ps(_mm256_max_ps(place, low), end); /* of NaN the second operand: the lower end */
    const __m256i whole = _mm256_cvttps_epi32(within);
    const __m256 is_above = _mm256_cmp_ps(_mm256_cvtepi32_ps(whole), within, _CMP_GT_OQ);
    return _mm256_add_epi32(whole, _mm256_castps_si256(is_above)); /* true is -1 */
}

ATTAR_TARGET_AVX2 static inline __m256 cost_of(const places *p, __m256i q)
{
    const __m256 away = _mm256_sub_ps(_mm256_cvtepi32_ps(q), p->at);
    const __m256 bits = _mm256_i32gather_ps(p->bits, _mm256_add_epi32(p->zero, q), 4);
    return _mm256_add_ps(_mm256_mul_ps(away, away), _mm256_mul_ps(p->price, bits));
}

/* Beyond the reach the last integer is tried once more, which changes nothing. */
ATTAR_TARGET_AVX2 static inline choice cheaper(choice old, const places *p, __m256i q, int32_t reach)
{
    const __m256i raised = _mm256_max_epi32(q, _mm256_set1_epi32(-reach));
    const __m256i within = _mm256_min_epi32(raised, _mm256_set1_epi32(reach));
    const __m256 cost = cost_of(p, within);
    const __m256 is_less = _mm256_cmp_ps(cost, old.least, _CMP_LT_OQ);
    const __m256i best = _mm256_blendv_epi8(old.best, within, _mm256_castps_si256(is_less));
    const choice found = {best, _mm256_blendv_ps(old.least, cost, is_less)};
    return found;
}

ATTAR_TARGET_AVX2 static inline __m256i cheapest(const places *p, int32_t reach)
{
    const __m256i floor = floor_within(p->at, reach);
    choice found = {_mm256_setzero_si256(), cost_of(p, _mm256_setzero_si256())};
    for (int32_t from = -FEEDBACK_BELOW; from <= FEEDBACK_ABOVE; from++)
        found = cheaper(found, p, _mm256_add_epi32(floor, _mm256_set1_epi32(from)), reach);
    return found.best;
}

/* In double, as the portable kernel divides. */
ATTAR_TARGET_AVX2 static inline __m256 prices_of(double price, const float *row_curvature)
{
    const __m256d all = _mm256_set1_pd(price);
    const __m128 low = _mm256_cvtpd_ps(_mm256_div_pd(all, _mm256_cvtps_pd(_mm_loadu_ps(row_curvature))));
    const __m128 high = _mm256_cvtpd_ps(_mm256_div_pd(all, _mm256_cvtps_pd(_mm_loadu_ps(row_curvature + 4))));
    return _mm256_set_m128(high, low);
}

ATTAR_TARGET_AVX2 static inline void settle_eight(const attar_feedback *feedback, const attar_feedback_block *block,
                                                  double price, size_t at, size_t row)
{
    const int32_t reach = feedback->reach;
    const __m256 step = _mm256_set1_ps(feedback->step);
    const __m256i tables = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(block->tables + at)));
    const __m256i starts = _mm256_mullo_epi32(tables, _mm256_set1_epi32(2 * reach + 1));
    const places p = {_mm256_div_ps(_mm256_loadu_ps(block->targets + at), step),
                      prices_of(price, feedback->row_curvature + row),
                      _mm256_add_epi32(starts, _mm256_set1_epi32(reach)), feedback->bits};
    const __m256i q = cheapest(&p, reach);
    const __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(q), step);
    _mm256_storeu_si256((__m256i *)(void *)(block->integers + at), q);
    _mm256_storeu_ps(block->errors + at, _mm256_sub_ps(_mm256_loadu_ps(block->weights + at), value));
}

ATTAR_TARGET_AVX2 static inline size_t settle_rows(const attar_feedback *feedback, const attar_feedback_block *block,
                                                   double price, size_t column)
{
    size_t row = 0;
    if (feedback->tables * (2 * (size_t)feedback->reach + 1) > INT32_MAX)
        return row; /* more bits than a lane can count */
    for (; feedback->rows - row >= LANES; row += LANES)
        settle_eight(feedback, block, price, column * feedback->rows + row, row);
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
