/* Operands that broadcast: where their numbers are while the output's are counted on. Internal. */
#ifndef ATTAR_KERNELS_TEXT_SPREAD_H
#define ATTAR_KERNELS_TEXT_SPREAD_H

#include "strips.h"

/* In a run of the output's numbers an operand goes along number by number, or stays where it is; runs follow each other
 * along the axes in front, of which neighbors that do the same are one. */
typedef struct spread {
    uint64_t run;
    uint64_t along; /* 1 or 0 */
    uint32_t count; /* of axes in front, the last one first */
    uint64_t extents[ATTAR_RANK_MAX];
    uint64_t strides[ATTAR_RANK_MAX];
} spread;

/* `axes`: bit i is set where the operand runs along axis i of `to`. */
static inline spread spread_of(const attar_tensor *to, uint32_t axes)
{
    spread s = {1, 1, 0, {0}, {0}};
    uint64_t stride = 1;
    for (uint32_t axis = to->rank; axis-- > 0;) {
        const uint64_t extent = to->dims[axis], goes = axes >> axis & 1u;
        if (extent == 1)
            continue;
        if (s.count == 0 && (s.run == 1 || s.along == goes)) {
            s.run *= extent;
            s.along = goes;
        } else if (s.count > 0 && (s.strides[s.count - 1] != 0) == (goes != 0)) {
            s.extents[s.count - 1] *= extent;
        } else {
            s.extents[s.count] = extent;
            s.strides[s.count++] = goes != 0 ? stride : 0;
        }
        stride *= goes != 0 ? extent : 1;
    }
    return s;
}

static inline spread spread_of_input(const attar_step *step, uint32_t number)
{
    const attar_tensor *from = step_input(step, number);
    uint32_t axes = 0;
    for (uint32_t axis = 0; axis < from->rank; axis++)
        axes |= (from->dims[axis] > 1 ? 1u : 0) << axis;
    return spread_of(step_output(step), axes);
}

/* Where an operand is for a place of the output, and for how many places, up to `most`, it goes on as it does. */
static inline uint64_t spread_at(const spread *s, uint64_t place, uint32_t most, uint32_t *count)
{
    uint64_t row = place / s->run, found = (place - row * s->run) * s->along;
    const uint64_t left = s->run - (place - row * s->run);
    for (uint32_t i = 0; i < s->count; i++) {
        const uint64_t next = row / s->extents[i];
        found += (row - next * s->extents[i]) * s->strides[i];
        row = next;
    }
    *count = left < most ? (uint32_t)left : most;
    return found;
}

/* Numbers of an input, without their zero point, for places of the output. */
ATTAR_TEXT void take_spread(const attar_step *step, const uint8_t *arena, uint32_t input, const spread *s, uint64_t first,
                            uint32_t count, int32_t *to)
{
    const attar_tensor *from = step_input(step, input);
    const uint8_t *data = arena + from->offset;
    for (uint32_t done = 0, n; done < count; done += n) {
        const uint64_t place = spread_at(s, first + done, count - done, &n);
        int32_t *part = to + done;
        if (s->along != 0) {
            take(from, data, place, 1, (int32_t)from->zero, n, part);
        } else {
            const int32_t number = number_at(from, data, place);
            for (uint32_t i = 0; i < n; i++)
                part[i] = number;
        }
    }
}

/* The same of a constant. */
ATTAR_TEXT void take_constant(const int64_t *values, const spread *s, uint64_t first, uint32_t count, int64_t *to)
{
    for (uint32_t done = 0, n; done < count; done += n) {
        const int64_t *from = values + spread_at(s, first + done, count - done, &n);
        int64_t *part = to + done; /* an index that may wrap would make scattered stores of the loops */
        if (s->along != 0)
            for (uint32_t i = 0; i < n; i++)
                part[i] = from[i];
        else
            for (uint32_t i = 0; i < n; i++)
                part[i] = *from;
    }
}

#endif
