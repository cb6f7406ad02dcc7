/* Shares along an axis: exponentials from a table, one division for each sum. */
#include "kernels.h"

/* The numbers along the axis at one place of the others. */
typedef struct line {
    uint64_t first;
    uint64_t stride;
    uint64_t count;
} line;

static line line_at(const attar_step *step, uint64_t number)
{
    const attar_tensor *to = step_output(step);
    line found = {0, 1, to->dims[step->op->axis]};
    for (uint32_t axis = to->rank; --axis > step->op->axis;)
        found.stride *= to->dims[axis];
    found.first = number / found.stride * found.stride * found.count + number % found.stride;
    return found;
}

static uint32_t largest_of(const attar_tensor *from, const uint8_t *data, const line *along)
{
    uint32_t most = 0;
    for (uint64_t i = 0; i < along->count; i++) {
        const uint32_t u = integer_at(from, data, along->first + i * along->stride);
        most = u > most ? u : most;
    }
    return most;
}

static void share(const attar_step *step, uint8_t *arena, const line *along)
{
    enum { SHARE_BITS = 31, ONE_BITS = 61 };
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint8_t *table = step->program->constants[step->op->weights].data, *data = arena + from->offset;
    const uint32_t most = largest_of(from, data, along);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < along->count; i++)
        sum += attar_load32(table + 4 * (most - integer_at(from, data, along->first + i * along->stride)));
    const uint64_t reciprocal = ((UINT64_C(1) << ONE_BITS) + sum / 2) / sum;
    for (uint64_t i = 0; i < along->count; i++) {
        const uint64_t place = along->first + i * along->stride;
        const uint64_t part = attar_load32(table + 4 * (most - integer_at(from, data, place))) * reciprocal;
        const int64_t whole = (int64_t)((part + (UINT64_C(1) << (SHARE_BITS - 1))) >> SHARE_BITS);
        put_integer(to, arena + to->offset, place,
                    clamped(step->op, to, rescaled(whole, step->scalings->multiplier, step->scalings->shift)));
    }
}

static uint64_t lines_of(const attar_step *step)
{
    return step_output(step)->elements / step_output(step)->dims[step->op->axis];
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const uint64_t last = place_of_item(end, step->items, lines_of(step));
    for (uint64_t number = place_of_item(begin, step->items, lines_of(step)); number < last; number++) {
        const line along = line_at(step, number);
        share(step, arena, &along);
    }
}

static uint64_t items(const attar_step *step)
{
    return items_unless_packed(step, lines_of(step));
}

const attar_kernel attar_ref_softmax = {ATTAR_SOFTMAX, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items, run};
