/* Transposed convolution, seen from the output: a place sums the cells whose taps meet it. */
#include "kernels.h"

/* The cell along one axis whose tap meets a place; -1 where there is none. */
static int64_t met(const attar_window *window, int axis, uint64_t place, uint32_t tap, uint32_t extent)
{
    const int64_t moved = (int64_t)place + window->begin[axis] - (int64_t)tap * window->dilations[axis];
    const int64_t cell = moved / window->strides[axis];
    return moved >= 0 && moved % window->strides[axis] == 0 && cell < extent ? cell : -1;
}

static int64_t place_sum(const attar_step *step, const uint8_t *image, uint64_t row, uint64_t column, uint32_t output)
{
    const attar_window *window = &step->op->window;
    const attar_tensor *from = step_input(step, 0);
    const uint32_t channels = step->matrix.channels;
    const uint32_t first = output / (step->matrix.rows / step->op->groups) * channels; /* of its group */
    const int16_t *weights = (const int16_t *)step->packed + (uint64_t)output * step->matrix.taps * channels;
    int64_t sum = 0;
    for (uint32_t ky = 0; ky < window->kernel[0]; ky++) {
        const int64_t y = met(window, 0, row, ky, from->dims[0]);
        for (uint32_t kx = 0; kx < window->kernel[1]; kx++, weights += channels) {
            const int64_t x = met(window, 1, column, kx, from->dims[1]);
            if (y < 0 || x < 0)
                continue;
            const uint64_t pixel = ((uint64_t)y * from->dims[1] + (uint64_t)x) * from->dims[2] + first;
            for (uint32_t c = 0; c < channels; c++)
                sum += (int64_t)number_at(from, image, pixel + c) * weights[c];
        }
    }
    return sum;
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint64_t last = place_of_item(end, step->items, to->dims[0]);
    for (uint64_t y = place_of_item(begin, step->items, to->dims[0]); y < last; y++)
        for (uint64_t x = 0; x < to->dims[1]; x++)
            for (uint32_t output = 0; output < to->dims[2]; output++) {
                const attar_channel *channel = &step->channels[output];
                const int64_t sum = place_sum(step, arena + from->offset, y, x, output) + channel->bias;
                put_integer(to, arena + to->offset, (y * to->dims[1] + x) * to->dims[2] + output,
                            clamped(step->op, to, rescaled(sum, channel->multiplier, channel->shift)));
            }
}

static uint64_t items(const attar_step *step)
{
    return items_unless_packed(step, step_output(step)->dims[0]);
}

const attar_kernel attar_ref_transposed_convolution = {ATTAR_TRANSPOSED_CONVOLUTION, ATTAR_ISA_REF, NULL,
                                                       attar_ref_matrix_bytes, attar_ref_matrix_pack, NULL,
                                                       items, run};
