/* A matrix applied to the last axis. */
#include "kernels.h"

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint64_t columns = (uint64_t)step->matrix.taps * step->matrix.channels;
    const uint64_t last = place_of_item(end, step->items, to->elements);
    for (uint64_t place = place_of_item(begin, step->items, to->elements); place < last; place++) {
        const uint64_t output = place % step->matrix.rows, sample = place / step->matrix.rows;
        const int16_t *weights = (const int16_t *)step->packed + output * columns;
        const attar_channel *channel = &step->channels[output];
        int64_t sum = channel->bias;
        for (uint64_t column = 0; column < columns; column++)
            sum += (int64_t)number_at(from, arena + from->offset, sample * columns + column) * weights[column];
        put_integer(to, arena + to->offset, place,
                    clamped(step->op, to, rescaled(sum, channel->multiplier, channel->shift)));
    }
}

static uint64_t items(const attar_step *step)
{
    return items_unless_packed(step, step_output(step)->elements);
}

const attar_kernel attar_ref_dense = {ATTAR_DENSE, ATTAR_ISA_REF, NULL, attar_ref_matrix_bytes,
                                      attar_ref_matrix_pack, NULL, items, run};
