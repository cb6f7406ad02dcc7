/* What depthwise convolutions of 256 bits have in common, whatever multiplies. Internal. */
#ifndef ATTAR_KERNELS_AVX2_DEPTHWISE_H
#define ATTAR_KERNELS_AVX2_DEPTHWISE_H

#include "finish.h"

#ifdef ATTAR_HAS_AVX2
enum { CHANNELS = 32, QUAD = 4, HALF = 16, TAPS_MAX = 64 };

typedef struct attar_lined {
    const endings *ends; /* by 32 channels, four each */
    uint32_t *is_narrow;
    uint8_t *border;
    int8_t *weights;
} attar_lined;

int attar_avx2_depthwise_fits(const attar_step *step);
attar_lined attar_avx2_lined(const attar_step *step);
uint64_t attar_avx2_lined_bytes(const attar_step *step); /* without weights */
void attar_avx2_finish_lined(const attar_step *step);
uint64_t attar_avx2_places(const attar_step *step);

/* The sums of 32 channels of one place become bytes, where any might leave 32 bits. */
void attar_avx2_put_lined_wide(const __m256i sums[QUAD], const endings *ends, const limits *clamp, uint64_t left, uint8_t *to);

static inline uint64_t attar_avx2_lines(const attar_step *step)
{
    return (step->matrix.rows + CHANNELS - 1) / CHANNELS;
}

static inline uint64_t attar_avx2_tap_quads(const attar_step *step)
{
    return (step->matrix.taps + QUAD - 1) / QUAD;
}

/* Which of 32 channels' four registers holds a channel, and in which lane. */
static inline unsigned attar_avx2_register(uint64_t channel)
{
    return (unsigned)(channel % HALF / QUAD);
}

static inline unsigned attar_avx2_lane(uint64_t channel)
{
    return (unsigned)(channel % CHANNELS / HALF * QUAD + channel % QUAD);
}

AVX2_TEXT void attar_put_lined(const __m256i sums[QUAD], const attar_lined *from, uint64_t block, const limits *clamp,
                               uint64_t left, uint8_t *to)
{
    const endings *ends = from->ends + block * QUAD;
    if (*from->is_narrow == 0) {
        attar_avx2_put_lined_wide(sums, ends, clamp, left, to);
        return;
    }
    __m256i u[QUAD];
#pragma GCC unroll 4
    for (int r = 0; r < QUAD; r++) {
        const held h = hold(&ends[r], clamp);
        u[r] = finished(sums[r], &h);
    }
    const __m256i bytes = _mm256_packus_epi16(_mm256_packus_epi32(u[0], u[1]), _mm256_packus_epi32(u[2], u[3]));
    if (left >= CHANNELS) {
        _mm256_storeu_si256((__m256i *)(void *)to, bytes);
        return;
    }
    put_first(to, _mm256_castsi256_si128(bytes), (uint32_t)left);
    if (left > HALF)
        put_first(to + HALF, _mm256_extracti128_si256(bytes, 1), (uint32_t)left - HALF);
}
#endif

#endif
