/* Pools, 32 channels of one window at a time: maxima as bytes, averages as sums of 32 bits. */
#include "../windows.h"
#include "finish.h"

#ifdef ATTAR_HAS_AVX2
enum { CHANNELS = 32, HALF = 16, REGISTERS = 4 };

static int max_fits(const attar_step *step)
{
    return step_output(step)->storage == 8;
}

static int average_fits(const attar_step *step)
{
    return step_input(step, 0)->storage == 8 && step_output(step)->storage == 8 && step->op->accumulator_bits <= 32;
}

AVX2_TEXT void put_line(uint8_t *to, __m256i bytes, uint32_t count)
{
    if (count >= CHANNELS) {
        _mm256_storeu_si256((__m256i *)(void *)to, bytes);
        return;
    }
    put_first(to, _mm256_castsi256_si128(bytes), count);
    if (count > HALF)
        put_first(to + HALF, _mm256_extracti128_si256(bytes, 1), count - HALF);
}

static ATTAR_TARGET_AVX2 void run_max(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *to = step_output(step);
    const uint8_t *image = arena + step_input(step, 0)->offset;
    for (uint64_t place = begin; place < end; place++) {
        const reach r = reach_of(step, place);
        for (uint32_t channel = 0; channel < to->dims[2]; channel += CHANNELS) {
            __m256i most = _mm256_setzero_si256();
            for (uint32_t ky = r.first[0]; ky < r.stop[0]; ky++)
                for (uint32_t kx = r.first[1]; kx < r.stop[1]; kx++)
                    most = _mm256_max_epu8(most, load(pixel_of(step, image, &r, ky, kx) + channel));
            put_line(arena + to->offset + place * to->dims[2] + channel, most, to->dims[2] - channel);
        }
    }
}

/* The sums of 32 channels of a window, eight in a register. */
static ATTAR_TARGET_AVX2 void add_cells(const attar_step *step, const uint8_t *image, const reach *r, __m256i sums[REGISTERS])
{
    for (int i = 0; i < REGISTERS; i++)
        sums[i] = _mm256_setzero_si256();
    for (uint32_t ky = r->first[0]; ky < r->stop[0]; ky++)
        for (uint32_t kx = r->first[1]; kx < r->stop[1]; kx++) {
            const uint8_t *pixel = pixel_of(step, image, r, ky, kx);
#pragma GCC unroll 4
            for (int i = 0; i < REGISTERS; i++) {
                const __m128i u = _mm_loadl_epi64((const __m128i *)(const void *)(pixel + i * LANES));
                sums[i] = _mm256_add_epi32(sums[i], _mm256_cvtepu8_epi32(u));
            }
        }
}

static ATTAR_TARGET_AVX2 void put_sums(const __m256i sums[REGISTERS], const endings *ends, const limits *clamp, int narrow,
                                       uint32_t left, uint8_t *to)
{
    if (narrow) {
        const held h = hold(ends, clamp);
        put_first(to, narrowed(finished(sums[0], &h), finished(sums[1], &h)), left);
        if (left > HALF)
            put_first(to + HALF, narrowed(finished(sums[2], &h), finished(sums[3], &h)), left - HALF);
        return;
    }
    int32_t lanes[CHANNELS];
    for (int i = 0; i < REGISTERS; i++)
        _mm256_storeu_si256((__m256i *)(void *)(lanes + i * LANES), sums[i]);
    for (uint32_t i = 0; i < CHANNELS && i < left; i++)
        to[i] = attar_avx2_finish_one(ends, i % LANES, clamp, lanes[i]);
}

static ATTAR_TARGET_AVX2 void run_average(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const limits clamp = limits_of(step);
    for (uint64_t place = begin; place < end; place++) {
        const reach r = reach_of(step, place);
        const attar_scaling *scaling = &step->scalings[place];
        const uint32_t cells = (r.stop[0] - r.first[0]) * (r.stop[1] - r.first[1]);
        const int narrow = rescaled((int64_t)cells * UINT8_MAX, scaling->multiplier, scaling->shift) < INT64_C(1) << 30;
        endings ends;
        for (unsigned lane = 0; lane < LANES; lane++)
            attar_avx2_end(&ends, lane, -(int32_t)(cells * from->zero), scaling->multiplier, scaling->shift);
        for (uint32_t channel = 0; channel < to->dims[2]; channel += CHANNELS) {
            __m256i sums[REGISTERS];
            add_cells(step, arena + from->offset + channel, &r, sums);
            put_sums(sums, &ends, &clamp, narrow, to->dims[2] - channel, arena + to->offset + place * to->dims[2] + channel);
        }
    }
}

static uint64_t items(const attar_step *step)
{
    return (uint64_t)step_output(step)->dims[0] * step_output(step)->dims[1];
}

const attar_kernel attar_avx2_max_pool = {ATTAR_MAX_POOL, ATTAR_ISA_AVX2, max_fits, NULL, NULL, NULL, items, run_max};
const attar_kernel attar_avx2_average_pool = {ATTAR_AVERAGE_POOL, ATTAR_ISA_AVX2, average_fits, NULL, NULL, NULL, items,
                                              run_average};
#else
typedef int attar_pools_nothing; /* C99 wants a declaration in every file */
#endif
