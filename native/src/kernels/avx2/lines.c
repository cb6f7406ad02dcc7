/* What comes before and behind the products of a depthwise convolution. */
#include "../quads.h"
#include "depthwise.h"

#ifdef ATTAR_HAS_AVX2
int attar_avx2_depthwise_fits(const attar_step *step)
{
    const attar_tensor *from = step_input(step, 0);
    return is_in_bytes(step) && step->op->groups == from->dims[2] && step->matrix.rows == from->dims[2] &&
           step->matrix.taps <= TAPS_MAX;
}

static uint64_t ends_bytes(const attar_step *step)
{
    return attar_avx2_lines(step) * QUAD * sizeof(endings);
}

attar_lined attar_avx2_lined(const attar_step *step)
{
    uint8_t *flag = (uint8_t *)step->packed + ends_bytes(step);
    const attar_lined found = {step->packed, (uint32_t *)(void *)flag, flag + ATTAR_LINE,
                               (int8_t *)flag + ATTAR_LINE + attar_avx2_lines(step) * CHANNELS};
    return found;
}

uint64_t attar_avx2_lined_bytes(const attar_step *step)
{
    return ends_bytes(step) + ATTAR_LINE + attar_avx2_lines(step) * CHANNELS;
}

void attar_avx2_finish_lined(const attar_step *step)
{
    const attar_lined into = attar_avx2_lined(step);
    endings *ends = step->packed;
    for (uint64_t i = 0; i < attar_avx2_lines(step) * CHANNELS; i++)
        into.border[i] = (uint8_t)step_input(step, 0)->zero;
    for (uint64_t row = 0; row < step->matrix.rows; row++)
        attar_avx2_end_channel(&ends[row / CHANNELS * QUAD + attar_avx2_register(row)], attar_avx2_lane(row), step,
                               &step->channels[row]);
    *into.is_narrow = (uint32_t)attar_is_narrow(step);
}

uint64_t attar_avx2_places(const attar_step *step)
{
    return (uint64_t)step_output(step)->dims[0] * step_output(step)->dims[1];
}

ATTAR_TARGET_AVX2 void attar_avx2_put_lined_wide(const __m256i sums[QUAD], const endings *ends, const limits *clamp,
                                                 uint64_t left, uint8_t *to)
{
    int32_t lanes[QUAD][LANES];
    for (int r = 0; r < QUAD; r++)
        _mm256_storeu_si256((__m256i *)(void *)lanes[r], sums[r]);
    for (unsigned channel = 0; channel < CHANNELS && channel < left; channel++) {
        const unsigned r = attar_avx2_register(channel), lane = attar_avx2_lane(channel);
        to[channel] = attar_avx2_finish_one(&ends[r], lane, clamp, lanes[r][lane]);
    }
}
#else
typedef int attar_lines_nothing; /* C99 wants a declaration in every file */
#endif
