/* Averages and maxima over windows. */
#include "kernels.h"

typedef struct seen {
    int64_t sum;
    uint32_t most;
} seen;

/* What a window sees of one channel: the sum of its numbers, and the largest u. */
static seen look(const attar_step *step, const uint8_t *image, uint64_t row, uint64_t column, uint32_t channel)
{
    const attar_window *window = &step->op->window;
    const attar_tensor *from = step_input(step, 0);
    seen found = {0, 0};
    for (uint32_t ky = 0; ky < window->kernel[0]; ky++) {
        const int64_t y = (int64_t)(row * window->strides[0]) - window->begin[0] + (int64_t)ky * window->dilations[0];
        if (y < 0 || y >= from->dims[0])
            continue;
        for (uint32_t kx = 0; kx < window->kernel[1]; kx++) {
            const int64_t x =
                (int64_t)(column * window->strides[1]) - window->begin[1] + (int64_t)kx * window->dilations[1];
            if (x < 0 || x >= from->dims[1])
                continue;
            const uint64_t place = ((uint64_t)y * from->dims[1] + (uint64_t)x) * from->dims[2] + channel;
            const uint32_t u = integer_at(from, image, place);
            found.sum += (int64_t)u - from->zero;
            found.most = u > found.most ? u : found.most;
        }
    }
    return found;
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint64_t last = place_of_item(end, step->items, to->dims[0]);
    for (uint64_t y = place_of_item(begin, step->items, to->dims[0]); y < last; y++)
        for (uint64_t x = 0; x < to->dims[1]; x++)
            for (uint32_t channel = 0; channel < to->dims[2]; channel++) {
                const uint64_t place = y * to->dims[1] + x;
                const seen found = look(step, arena + from->offset, y, x, channel);
                uint32_t u = found.most;
                if (step->op->kind == ATTAR_AVERAGE_POOL) {
                    const attar_scaling *scaling = &step->scalings[place];
                    u = clamped(step->op, to, rescaled(found.sum, scaling->multiplier, scaling->shift));
                }
                put_integer(to, arena + to->offset, place * to->dims[2] + channel, u);
            }
}

static uint64_t items(const attar_step *step)
{
    return items_unless_packed(step, step_output(step)->dims[0]);
}

const attar_kernel attar_ref_average_pool = {ATTAR_AVERAGE_POOL, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items, run};
const attar_kernel attar_ref_max_pool = {ATTAR_MAX_POOL, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items, run};
