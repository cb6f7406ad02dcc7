#include "finish.h"

#ifdef ATTAR_HAS_AVX2
void attar_avx2_end(endings *ends, unsigned lane, int32_t bias, int32_t multiplier, int32_t shift)
{
    const unsigned odd = lane % 2, place = lane / 2;
    ends->biases[lane] = bias;
    ends->origins[lane] = origin_of(shift);
    ends->multipliers[odd][place] = multiplier;
    ends->halves[odd][place] = half_of(shift);
    ends->shifts[odd][place] = shift;
}

void attar_avx2_end_channel(endings *ends, unsigned lane, const attar_step *step, const attar_channel *channel)
{
    const int64_t from_zero = (int64_t)step_input(step, 0)->zero * channel->sum;
    const int32_t bias = (int32_t)(uint32_t)((uint64_t)channel->bias - (uint64_t)from_zero); /* wraps, and sums unwrap */
    attar_avx2_end(ends, lane, bias, channel->multiplier, channel->shift);
}

uint8_t attar_avx2_finish_one(const endings *ends, unsigned lane, const limits *clamp, int32_t sum)
{
    const unsigned odd = lane % 2, place = lane / 2;
    const int32_t biased = (int32_t)((uint32_t)sum + (uint32_t)ends->biases[lane]);
    const int64_t u = rescaled(biased, (int32_t)ends->multipliers[odd][place], (int32_t)ends->shifts[odd][place]) + clamp->zero;
    return (uint8_t)(u < clamp->low ? clamp->low : u > clamp->high ? clamp->high : u);
}
#else
typedef int attar_finish_nothing; /* C99 wants a declaration in every file */
#endif
