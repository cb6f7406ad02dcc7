/* What products of 256 bits have in common, whatever multiplies. Internal. */
#ifndef ATTAR_KERNELS_AVX2_PRODUCTS_H
#define ATTAR_KERNELS_AVX2_PRODUCTS_H

#include "../quads.h"
#include "finish.h"

#ifdef ATTAR_HAS_AVX2
enum {
    PLACES = 6, /* of a tile */
    BLOCKS = 2,
    BAND = 64, /* places that share what has been unpacked */
    PANEL = 16, /* blocks */
    CHUNK = 64,
    ROW = CHUNK + 8 /* a place's quads, and a register beyond them */
};

uint64_t attar_avx2_bytes(const attar_step *step);
void attar_avx2_pack(const attar_step *step, uint64_t row, uint64_t first, uint64_t count, const int16_t *values);
void attar_avx2_finish(const attar_step *step);
uint64_t attar_avx2_items(const attar_step *step);

static inline uint64_t attar_avx2_bands(const attar_view *v)
{
    return (v->places + BAND - 1) / BAND;
}

static inline uint64_t attar_avx2_panels(const attar_view *v)
{
    return (v->blocks + PANEL - 1) / PANEL;
}

/* Sums of eight outputs of some places become bytes, the first `left` of each place's; places are `pitch` apart. */
void attar_avx2_put(uint8_t *to, uint32_t pitch, const __m256i *sums, unsigned places, const endings *ends,
                    const limits *clamp, uint32_t left);

/* The same where results before the clamp may not fit 32 bits. */
void attar_avx2_put_wide(uint8_t *to, uint32_t pitch, const __m256i *sums, unsigned places, const endings *ends,
                         const limits *clamp, uint32_t left);
#endif

#endif
