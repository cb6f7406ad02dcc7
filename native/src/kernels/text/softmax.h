/* Shares along an axis, strip after strip of a line: the largest, the sum of exponentials, one division, the shares.
 * Internal. */
#ifndef ATTAR_KERNELS_TEXT_SOFTMAX_H
#define ATTAR_KERNELS_TEXT_SOFTMAX_H

#include "strips.h"

/* The numbers along the axis at one place of the others. */
typedef struct line {
    uint64_t first;
    uint64_t stride;
    uint64_t count;
} line;

static inline uint64_t lines_of(const attar_step *step)
{
    return step_output(step)->elements / step_output(step)->dims[step->op->axis];
}

static inline line line_at(const attar_step *step, uint64_t number)
{
    const attar_tensor *to = step_output(step);
    line found = {0, 1, to->dims[step->op->axis]};
    for (uint32_t axis = to->rank; --axis > step->op->axis;)
        found.stride *= to->dims[axis];
    found.first = number / found.stride * found.stride * found.count + number % found.stride;
    return found;
}

/* The table as words that lie where words may lie. */
static inline uint64_t exponential_bytes(const attar_step *step)
{
    return 4 * step->program->constants[step->op->weights].count;
}

static inline void align_exponentials(const attar_step *step)
{
    const attar_constant *table = &step->program->constants[step->op->weights];
    for (uint64_t i = 0; i < table->count; i++)
        ((uint32_t *)step->packed)[i] = attar_load32(table->data + 4 * i);
}

ATTAR_TEXT int32_t largest_in(const int32_t *u, uint32_t count, int32_t most)
{
    for (uint32_t i = 0; i < count; i++)
        most = u[i] > most ? u[i] : most;
    return most;
}

/* Replaces u by its exponential. */
ATTAR_TEXT uint64_t look_up_strip(const uint32_t *table, int32_t most, uint32_t count, int32_t *u)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        u[i] = (int32_t)table[most - u[i]];
    for (uint32_t i = 0; i < count; i++)
        sum += (uint32_t)u[i];
    return sum;
}

/* Replaces exponentials by the u of their shares. */
ATTAR_TEXT void share_strip(uint32_t reciprocal, const ending *e, uint32_t count, int32_t *exponentials)
{
    enum { SHARE_BITS = 31 };
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t part = (uint64_t)(uint32_t)exponentials[i] * reciprocal;
        exponentials[i] = (int32_t)((part + (UINT64_C(1) << (SHARE_BITS - 1))) >> SHARE_BITS);
    }
    end_strip(exponentials, e, count, exponentials);
}

ATTAR_TEXT void share_line(const attar_step *step, uint8_t *arena, const line *along, const ending *e)
{
    enum { ONE_BITS = 61 };
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint8_t *data = arena + from->offset;
    const int is_short = along->count <= STRIP; /* and stays in its strip */
    int32_t strip[STRIP], most = 0;
    uint32_t n;
    for (uint64_t at = 0; at < along->count; at += n) {
        n = along->count - at < STRIP ? (uint32_t)(along->count - at) : STRIP;
        take(from, data, along->first + at * along->stride, along->stride, 0, n, strip);
        most = largest_in(strip, n, most);
    }
    uint64_t sum = 0;
    for (uint64_t at = 0; at < along->count; at += n) {
        n = along->count - at < STRIP ? (uint32_t)(along->count - at) : STRIP;
        if (!is_short)
            take(from, data, along->first + at * along->stride, along->stride, 0, n, strip);
        sum += look_up_strip(step->packed, most, n, strip);
    }
    const uint64_t reciprocal = ((UINT64_C(1) << ONE_BITS) + sum / 2) / sum;
    for (uint64_t at = 0; at < along->count; at += n) {
        n = along->count - at < STRIP ? (uint32_t)(along->count - at) : STRIP;
        if (!is_short) {
            take(from, data, along->first + at * along->stride, along->stride, 0, n, strip);
            look_up_strip(step->packed, most, n, strip);
        }
        share_strip((uint32_t)reciprocal, e, n, strip);
        put(to, arena + to->offset, along->first + at * along->stride, along->stride, n, strip);
    }
}

ATTAR_TEXT void text_softmax(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const ending e = ending_of(step, step->scalings);
    const uint64_t last = place_of_item(end, step->items, lines_of(step));
    for (uint64_t number = place_of_item(begin, step->items, lines_of(step)); number < last; number++) {
        const line along = line_at(step, number);
        share_line(step, arena, &along, &e);
    }
}

static inline uint64_t softmax_items(const attar_step *step)
{
    return items_unless_packed(step, lines_of(step));
}

#endif
