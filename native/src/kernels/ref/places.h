/* Where numbers are: positions along the axes of a tensor, and the same place in another one. Internal. */
#ifndef ATTAR_KERNELS_REF_PLACES_H
#define ATTAR_KERNELS_REF_PLACES_H

#include "kernels.h"

/* The place along `tensor` of the number at these positions. */
static inline uint64_t place_at(const attar_tensor *tensor, const uint64_t *positions)
{
    uint64_t place = 0;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        place = place * tensor->dims[axis] + positions[axis];
    return place;
}

static inline void positions_of(const attar_tensor *tensor, uint64_t place, uint64_t *positions)
{
    for (uint32_t axis = tensor->rank; axis-- > 0; place /= tensor->dims[axis])
        positions[axis] = place % tensor->dims[axis];
}

/* What constant `which` of an axis says about a place along it; the place itself where there is none. */
static inline uint64_t cell_at(const attar_step *step, uint32_t axis, int which, uint64_t place)
{
    const uint32_t number = step->op->cells[axis][which];
    return number == ATTAR_NOTHING ? place : attar_load32(step->program->constants[number].data + 4 * place);
}

/* Places along the output, and the place of the same number in something that broadcasts to it. */
typedef struct walk {
    uint64_t strides[ATTAR_RANK_MAX];
} walk;

/* `axes`: bit i is set where the operand runs along axis i of `to`. */
static inline walk walk_of(const attar_tensor *to, uint32_t axes)
{
    walk found = {{0}};
    uint64_t stride = 1;
    for (uint32_t axis = to->rank; axis-- > 0;)
        if ((axes >> axis & 1u) != 0) {
            found.strides[axis] = stride;
            stride *= to->dims[axis];
        }
    return found;
}

static inline uint32_t axes_of(const attar_tensor *from)
{
    uint32_t axes = 0;
    for (uint32_t axis = 0; axis < from->rank; axis++)
        axes |= (from->dims[axis] > 1 ? 1u : 0) << axis;
    return axes;
}

static inline uint64_t place_in(const walk *operand, const attar_tensor *to, uint64_t place)
{
    uint64_t found = 0;
    for (uint32_t axis = to->rank; axis-- > 0; place /= to->dims[axis])
        found += place % to->dims[axis] * operand->strides[axis];
    return found;
}

typedef uint32_t find(const attar_step *step, const uint8_t *arena, uint64_t *positions);

static inline void run_all(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end, find *moved)
{
    const attar_tensor *to = step_output(step);
    const uint64_t last = place_of_item(end, step->items, to->elements);
    for (uint64_t place = place_of_item(begin, step->items, to->elements); place < last; place++) {
        uint64_t positions[ATTAR_RANK_MAX] = {0};
        positions_of(to, place, positions);
        put_integer(to, arena + to->offset, place, moved(step, arena, positions));
    }
}

/* Blocks that are large enough to be worth a thread's while. */
static inline uint64_t items_of_blocks(const attar_step *step)
{
    enum { BLOCK = 4096 };
    return items_unless_packed(step, step_output(step)->elements / BLOCK + 1);
}

#endif
