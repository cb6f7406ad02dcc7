#include "finish.h"

#ifdef ATTAR_HAS_AVX512VNNI
void attar_avx512vnni_end(endings *ends, unsigned lane, const attar_step *step, const attar_channel *channel)
{
    const int64_t from_zero = (int64_t)step_input(step, 0)->zero * channel->sum;
    const unsigned odd = lane % 2, place = lane / 2;
    ends->biases[lane] = (int32_t)(uint32_t)((uint64_t)channel->bias - (uint64_t)from_zero); /* wraps, and sums unwrap */
    ends->multipliers[odd][place] = channel->multiplier;
    ends->halves[odd][place] = channel->shift > 0 ? INT64_C(1) << (channel->shift - 1) : 0;
    ends->shifts[odd][place] = channel->shift;
}

int attar_avx512vnni_is_narrow(const attar_step *step)
{
    int is_narrow = 1;
    for (uint32_t row = 0; is_narrow && row < step->matrix.rows; row++)
        is_narrow = stays_narrow(step, step->channels[row].multiplier, step->channels[row].shift);
    return is_narrow;
}
#else
typedef int attar_finish_nothing; /* C99 wants a declaration in every file */
#endif
