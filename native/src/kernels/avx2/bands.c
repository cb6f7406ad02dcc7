/* What comes before and behind the products of a band. */
#include "products.h"

#ifdef ATTAR_HAS_AVX2
static attar_view view_of(const attar_step *step)
{
    return attar_view_of(step, LANES, sizeof(endings));
}

uint64_t attar_avx2_bytes(const attar_step *step)
{
    const attar_view v = view_of(step);
    return attar_packed_bytes(&v);
}

void attar_avx2_pack(const attar_step *step, uint64_t row, uint64_t first, uint64_t count, const int16_t *values)
{
    const attar_view v = view_of(step);
    attar_pack_quads(step, &v, row, first, count, values);
}

void attar_avx2_finish(const attar_step *step)
{
    const attar_view v = view_of(step);
    endings *ends = step->packed;
    attar_finish_quads(step, &v);
    for (uint32_t row = 0; row < step->matrix.rows; row++)
        attar_avx2_end_channel(&ends[attar_block_of(&v, row)], attar_lane_of(&v, row), step, &step->channels[row]);
}

uint64_t attar_avx2_items(const attar_step *step)
{
    const attar_view v = view_of(step);
    return v.groups * attar_avx2_panels(&v) * attar_avx2_bands(&v);
}

ATTAR_TARGET_AVX2 void attar_avx2_put(uint8_t *to, uint32_t pitch, const __m256i *sums, unsigned places,
                                      const endings *ends, const limits *clamp, uint32_t left)
{
    const held h = hold(ends, clamp);
    const uint32_t count = left < LANES ? left : LANES;
    for (unsigned p = 0; p < places; p += 2, to += 2 * (uint64_t)pitch) {
        const int is_pair = p + 1 < places;
        const __m128i both = narrowed(finished(sums[p], &h), finished(sums[p + (is_pair ? 1 : 0)], &h));
        put_first(to, both, count);
        if (is_pair)
            put_first(to + pitch, _mm_unpackhi_epi64(both, both), count);
    }
}

ATTAR_TARGET_AVX2 void attar_avx2_put_wide(uint8_t *to, uint32_t pitch, const __m256i *sums, unsigned places,
                                           const endings *ends, const limits *clamp, uint32_t left)
{
    for (unsigned p = 0; p < places; p++, to += pitch) {
        int32_t lanes[LANES];
        _mm256_storeu_si256((__m256i *)(void *)lanes, sums[p]);
        for (unsigned lane = 0; lane < LANES && lane < left; lane++)
            to[lane] = attar_avx2_finish_one(ends, lane, clamp, lanes[lane]);
    }
}
#else
typedef int attar_bands_nothing; /* C99 wants a declaration in every file */
#endif
