/* Interpolation between cells, and what it shares with picking them: the last axis that is looked up is walked, those in
 * front are worked out once for each walk, and those behind it lie together. Internal. */
#ifndef ATTAR_KERNELS_TEXT_CELLS_H
#define ATTAR_KERNELS_TEXT_CELLS_H

#include "strips.h"

/* The last axis with cells, or the first one. */
static inline uint32_t walked_axis(const attar_step *step)
{
    uint32_t axis = step_output(step)->rank - 1;
    while (axis > 0 && step->op->cells[axis][ATTAR_NEARER] == ATTAR_NOTHING)
        axis--;
    return axis;
}

/* How many numbers lie together behind an axis. */
static inline uint64_t together(const attar_tensor *tensor, uint32_t axis)
{
    uint64_t count = 1;
    while (++axis < tensor->rank)
        count *= tensor->dims[axis];
    return count;
}

/* What constant `which` of an axis says about a place along it. */
static inline uint32_t said_at(const attar_step *step, uint32_t axis, int which, uint64_t place)
{
    return attar_load32(step->program->constants[step->op->cells[axis][which]].data + 4 * place);
}

/* Where numbers are weighed, and how much. */
typedef struct corners {
    uint32_t count;
    uint64_t places[1 << ATTAR_RANK_MAX];
    uint64_t weights[1 << ATTAR_RANK_MAX];
} corners;

/* Every corner at the cells of one more axis, `stride` from each other; what weighs nothing is left out. */
static inline void add_axis(const attar_step *step, uint32_t axis, uint64_t place, uint64_t stride, corners *all)
{
    if (step->op->cells[axis][ATTAR_NEARER] == ATTAR_NOTHING) {
        for (uint32_t i = 0; i < all->count; i++)
            all->places[i] += place * stride;
        return;
    }
    const uint64_t one = UINT64_C(1) << step->op->weight_bits, share = said_at(step, axis, ATTAR_SHARE, place);
    const uint32_t ends[2] = {said_at(step, axis, ATTAR_NEARER, place), said_at(step, axis, ATTAR_FARTHER, place)};
    const uint32_t before = all->count;
    uint32_t count = share < one ? before : 0;
    for (uint32_t i = 0; share > 0 && i < before; i++) {
        all->places[count + i] = all->places[i] + ends[1] * stride;
        all->weights[count + i] = all->weights[i] * share;
    }
    for (uint32_t i = 0; share < one && i < before; i++) {
        all->places[i] += ends[0] * stride;
        all->weights[i] *= one - share;
    }
    all->count = count + (share > 0 ? before : 0);
}

/* The corners of a walk, as the axes in front of the walked one have them. */
static inline void find_corners(const attar_step *step, uint64_t walk, uint32_t walked, corners *all)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    uint64_t stride = together(from, walked) * from->dims[walked];
    all->count = 1;
    all->places[0] = 0;
    all->weights[0] = 1;
    for (uint32_t axis = walked; axis-- > 0; walk /= to->dims[axis]) {
        add_axis(step, axis, walk % to->dims[axis], stride, all);
        stride *= from->dims[axis];
    }
}

/* Weighted means of `count` numbers next to each other; 62 bits hold them, and mostly 31. */
ATTAR_TEXT void weigh(const attar_step *step, const uint8_t *data, const corners *all, uint64_t first, uint32_t shift,
                      uint32_t count, int32_t *u)
{
    const attar_tensor *from = step_input(step, 0);
    const int is_narrow = shift + from->bits <= 31;
    int32_t x[STRIP];
    int64_t sums[STRIP];
    const int64_t half = shift > 0 ? INT64_C(1) << (shift - 1) : 0;
    for (uint32_t i = 0; i < count; i++)
        if (is_narrow)
            u[i] = (int32_t)half;
        else
            sums[i] = half;
    for (uint32_t corner = 0; corner < all->count; corner++) {
        const int64_t weight = (int64_t)all->weights[corner];
        take(from, data, all->places[corner] + first, 1, 0, count, x);
        if (is_narrow)
            for (uint32_t i = 0; i < count; i++)
                u[i] += x[i] * (int32_t)weight;
        else
            for (uint32_t i = 0; i < count; i++)
                sums[i] += x[i] * weight;
    }
    if (is_narrow)
        for (uint32_t i = 0; i < count; i++)
            u[i] >>= shift;
    else
        for (uint32_t i = 0; i < count; i++)
            u[i] = (int32_t)(sums[i] >> shift);
}

static inline uint64_t walks_of(const attar_step *step)
{
    const attar_tensor *to = step_output(step);
    const uint32_t walked = walked_axis(step);
    return to->elements / together(to, walked) / to->dims[walked];
}

ATTAR_TEXT void text_interpolate(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *from = step_input(step, 0), *to = step_output(step);
    const uint32_t walked = walked_axis(step), extent = to->dims[walked];
    const uint64_t length = together(to, walked), last = place_of_item(end, step->items, walks_of(step) * extent);
    uint32_t shift = 0;
    for (uint32_t axis = 0; axis < to->rank; axis++)
        shift += step->op->cells[axis][ATTAR_NEARER] == ATTAR_NOTHING ? 0 : step->op->weight_bits;
    corners fronts, all;
    fronts.count = 0;
    uint64_t known = UINT64_MAX;
    for (uint64_t place = place_of_item(begin, step->items, walks_of(step) * extent); place < last; place++) {
        if (place / extent != known)
            find_corners(step, known = place / extent, walked, &fronts);
        all.count = fronts.count;
        for (uint32_t i = 0; i < fronts.count; i++) {
            all.places[i] = fronts.places[i];
            all.weights[i] = fronts.weights[i];
        }
        add_axis(step, walked, place % extent, length, &all);
        for (uint64_t first = 0; first < length; first += STRIP) {
            const uint32_t count = length - first < STRIP ? (uint32_t)(length - first) : STRIP;
            int32_t u[STRIP];
            weigh(step, arena + from->offset, &all, first, shift, count, u);
            put(to, arena + to->offset, place * length + first, 1, count, u);
        }
    }
}

/* A place of the walked axis each. */
static inline uint64_t interpolate_items(const attar_step *step)
{
    const uint64_t places = walks_of(step) * step_output(step)->dims[walked_axis(step)];
    return together(step_output(step), walked_axis(step)) % 2 == 0 ? places : items_unless_packed(step, places);
}

/* Corners are found for every place of the walked axis, which pays where some numbers lie together behind it. */
static inline int interpolate_fits(const attar_step *step)
{
    enum { TOGETHER_MIN = 4 };
    return step_output(step)->rank > 0 && together(step_output(step), walked_axis(step)) >= TOGETHER_MIN;
}

#endif
