/* Convolution and Dense as one, for kernels that multiply four channels of a place at a time: where windows lie, and in
 * which order weights do. For every `lanes` outputs, tap after tap and four channels after four, `lanes` times four
 * bytes. Internal. */
#ifndef ATTAR_KERNELS_QUADS_H
#define ATTAR_KERNELS_QUADS_H

#include "kernel.h"

enum { ATTAR_QUAD = 4, ATTAR_LINE = 64 };

/* A matrix product or a convolution, seen in one way: `places` outputs, each with a window of `taps` in an image. */
typedef struct attar_view {
    attar_window window;
    int64_t height, width; /* of the input */
    uint64_t out_width;
    uint64_t places;
    uint32_t pitch;        /* channels from pixel to pixel of the input */
    uint32_t quads;        /* of channels of a group, the last one filled up */
    uint32_t groups;
    uint32_t lanes;        /* outputs of a block */
    uint32_t blocks;       /* of outputs of a group, the last one filled up */
    uint32_t group_rows;
    uint32_t ending_bytes; /* of what ends a block, a multiple of a line */
} attar_view;

typedef struct attar_packed {
    const void *ends; /* by block */
    const uint32_t *is_narrow;
    const uint8_t *border; /* a pixel of zero points, and a line beyond it */
    const int8_t *weights; /* by block */
} attar_packed;

attar_view attar_view_of(const attar_step *step, uint32_t lanes, uint32_t ending_bytes);
attar_packed attar_packed_of(const attar_step *step, const attar_view *v);
uint64_t attar_packed_bytes(const attar_view *v);

/* Whether no result of any channel leaves 32 bits before it is clamped; all that networks hold does not. */
int attar_is_narrow(const attar_step *step);

void attar_pack_quads(const attar_step *step, const attar_view *v, uint64_t row, uint64_t first, uint64_t count,
                      const int16_t *values);

/* The border, and whether it is narrow. */
void attar_finish_quads(const attar_step *step, const attar_view *v);

/* Bytes of weights from block to block. */
static inline uint64_t attar_block_bytes(const attar_view *v)
{
    return (uint64_t)v->window.kernel[0] * v->window.kernel[1] * v->quads * v->lanes * ATTAR_QUAD;
}

/* Which block and lane an output has. */
static inline uint64_t attar_block_of(const attar_view *v, uint64_t row)
{
    return row / v->group_rows * v->blocks + row % v->group_rows / v->lanes;
}

static inline unsigned attar_lane_of(const attar_view *v, uint64_t row)
{
    return (unsigned)(row % v->group_rows % v->lanes);
}

#endif
