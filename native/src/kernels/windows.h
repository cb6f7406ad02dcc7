/* Which cells of a window lie inside of an image. Internal. */
#ifndef ATTAR_KERNELS_WINDOWS_H
#define ATTAR_KERNELS_WINDOWS_H

#include "kernel.h"

/* The taps of a window that lie inside: rows `first[0]` to `stop[0]` of the kernel, and so on. */
typedef struct reach {
    int64_t top, left;
    uint32_t first[2], stop[2];
} reach;

static inline void find_along(int64_t begin, uint32_t dilation, uint32_t kernel, uint32_t extent, uint32_t *first,
                              uint32_t *stop)
{
    const int64_t step = dilation;
    const int64_t missed = begin < 0 ? (-begin + step - 1) / step : 0;
    const int64_t seen = begin < extent ? (extent - begin + step - 1) / step : 0;
    *first = (uint32_t)(missed < kernel ? missed : kernel);
    *stop = (uint32_t)(seen < *first ? *first : seen < kernel ? seen : kernel);
}

static inline reach reach_of(const attar_step *step, uint64_t place)
{
    const attar_window *w = &step->op->window;
    const attar_tensor *from = step_input(step, 0);
    const uint32_t width = step_output(step)->dims[1];
    reach r;
    r.top = (int64_t)(place / width * w->strides[0]) - w->begin[0];
    r.left = (int64_t)(place % width * w->strides[1]) - w->begin[1];
    find_along(r.top, w->dilations[0], w->kernel[0], from->dims[0], &r.first[0], &r.stop[0]);
    find_along(r.left, w->dilations[1], w->kernel[1], from->dims[1], &r.first[1], &r.stop[1]);
    return r;
}

static inline const uint8_t *pixel_of(const attar_step *step, const uint8_t *image, const reach *r, uint32_t ky, uint32_t kx)
{
    const attar_tensor *from = step_input(step, 0);
    const int64_t y = r->top + (int64_t)ky * step->op->window.dilations[0];
    const int64_t x = r->left + (int64_t)kx * step->op->window.dilations[1];
    return image + (uint64_t)(y * from->dims[1] + x) * from->dims[2];
}

/* The pixel of every tap of the window at (top, left), a strip of zero points where it lies outside. */
static inline uint64_t find_pixels(const attar_step *step, const uint8_t *image, const uint8_t *border, int64_t top,
                                   int64_t left, const uint8_t **pixels)
{
    const attar_window *w = &step->op->window;
    const attar_tensor *from = step_input(step, 0);
    uint64_t tap = 0;
    for (uint32_t ky = 0; ky < w->kernel[0]; ky++) {
        const int64_t y = top + (int64_t)ky * w->dilations[0];
        for (uint32_t kx = 0; kx < w->kernel[1]; kx++) {
            const int64_t x = left + (int64_t)kx * w->dilations[1];
            const int is_inside = y >= 0 && y < from->dims[0] && x >= 0 && x < from->dims[1];
            pixels[tap++] = is_inside ? image + (uint64_t)(y * from->dims[1] + x) * from->dims[2] : border;
        }
    }
    return tap;
}

#endif
