/* Pools, 64 channels of one window at a time: maxima as bytes, averages as sums of 16 lanes of 32 bits. */
#include "../windows.h"
#include "finish.h"

#ifdef ATTAR_HAS_AVX512VNNI
enum { CHANNELS = 64 };

static int max_fits(const attar_step *step)
{
    return step_output(step)->storage == 8;
}

static int average_fits(const attar_step *step)
{
    return step_input(step, 0)->storage == 8 && step_output(step)->storage == 8 && step->op->accumulator_bits <= 32;
}

static __mmask64 mask_of(uint32_t left)
{
    return left >= CHANNELS ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
}

static ATTAR_TARGET_AVX512VNNI void run_max(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const uint8_t *image = arena + step_input(step, 0)->offset;
    for (uint64_t place = begin; place < end; place++) {
        const reach r = reach_of(step, place);
        for (uint32_t channel = 0; channel < to->dims[2]; channel += CHANNELS) {
            const __mmask64 mask = mask_of(to->dims[2] - channel);
            __m512i most = _mm512_setzero_si512();
            for (uint32_t ky = r.first[0]; ky < r.stop[0]; ky++)
                for (uint32_t kx = r.first[1]; kx < r.stop[1]; kx++)
                    most = _mm512_max_epu8(most, _mm512_maskz_loadu_epi8(mask, pixel_of(step, image, &r, ky, kx) + channel));
            _mm512_mask_storeu_epi8(arena + to->offset + place * to->dims[2] + channel, mask, most);
        }
    }
}

/* What ends an average: one factor for all lanes. */
static ATTAR_TARGET_AVX512VNNI void ends_of(const attar_scaling *scaling, int32_t bias, endings *ends)
{
    for (unsigned lane = 0; lane < LANES; lane++) {
        ends->biases[lane] = bias;
        ends->multipliers[lane % 2][lane / 2] = scaling->multiplier;
        ends->halves[lane % 2][lane / 2] = scaling->shift > 0 ? INT64_C(1) << (scaling->shift - 1) : 0;
        ends->shifts[lane % 2][lane / 2] = scaling->shift;
    }
}

static ATTAR_TARGET_AVX512VNNI void run_average(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const uint8_t *image = arena + step_input(step, 0)->offset;
    const limits clamp = limits_of(step);
    for (uint64_t place = begin; place < end; place++) {
        const reach r = reach_of(step, place);
        const uint32_t cells = (r.stop[0] - r.first[0]) * (r.stop[1] - r.first[1]);
        endings ends __attribute__((aligned(64)));
        ends_of(&step->scalings[place], -(int32_t)(cells * step_input(step, 0)->zero), &ends);
        const held h = hold(&ends, &clamp);
        for (uint32_t channel = 0; channel < to->dims[2]; channel += LANES) {
            const __mmask16 mask = (__mmask16)mask_of(to->dims[2] - channel);
            __m512i sums = _mm512_setzero_si512();
            for (uint32_t ky = r.first[0]; ky < r.stop[0]; ky++)
                for (uint32_t kx = r.first[1]; kx < r.stop[1]; kx++) {
                    const __m128i u = _mm_maskz_loadu_epi8(mask, pixel_of(step, image, &r, ky, kx) + channel);
                    sums = _mm512_add_epi32(sums, _mm512_cvtepu8_epi32(u));
                }
            put_bytes(arena + to->offset + place * to->dims[2] + channel, finished(sums, &h, 0),
                      to->dims[2] - channel);
        }
    }
}

static uint64_t items(const attar_step *step)
{
    return (uint64_t)step_output(step)->dims[0] * step_output(step)->dims[1];
}

const attar_kernel attar_avx512vnni_max_pool = {ATTAR_MAX_POOL, ATTAR_ISA_AVX512VNNI, max_fits, NULL, NULL, NULL,
                                                items, run_max};
const attar_kernel attar_avx512vnni_average_pool = {ATTAR_AVERAGE_POOL, ATTAR_ISA_AVX512VNNI, average_fits, NULL,
                                                    NULL, NULL, items, run_average};
#else
typedef int attar_pools_nothing; /* C99 wants a declaration in every file */
#endif
