/* Operators that move numbers: Concat, which brings them to one format as well, Transpose and Pad. */
#include "kernels.h"

/* The place along `tensor` of the number at these positions. */
static uint64_t place_at(const attar_tensor *tensor, const uint64_t *positions)
{
    uint64_t place = 0;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        place = place * tensor->dims[axis] + positions[axis];
    return place;
}

static void positions_of(const attar_tensor *tensor, uint64_t place, uint64_t *positions)
{
    for (uint32_t axis = tensor->rank; axis-- > 0; place /= tensor->dims[axis])
        positions[axis] = place % tensor->dims[axis];
}

static uint32_t joined(const attar_step *step, const uint8_t *arena, uint64_t *positions)
{
    const uint32_t axis = step->op->axis;
    uint32_t number = 0;
    while (positions[axis] >= step_input(step, number)->dims[axis])
        positions[axis] -= step_input(step, number++)->dims[axis];
    const attar_tensor *from = step_input(step, number);
    const attar_scaling *scaling = &step->scalings[number];
    const int64_t x = number_at(from, arena + from->offset, place_at(from, positions));
    return clamped(step->op, step_output(step), rescaled(x, scaling->multiplier, scaling->shift));
}

static uint32_t transposed(const attar_step *step, const uint8_t *arena, uint64_t *positions)
{
    const attar_tensor *from = step_input(step, 0);
    uint64_t original[ATTAR_RANK_MAX];
    for (uint32_t axis = 0; axis < from->rank; axis++)
        original[step->op->axes[axis]] = positions[axis];
    return integer_at(from, arena + from->offset, place_at(from, original));
}

static uint32_t bordered(const attar_step *step, const uint8_t *arena, uint64_t *positions)
{
    const attar_tensor *from = step_input(step, 0);
    for (uint32_t axis = 0; axis < from->rank; axis++) {
        if (positions[axis] < step->op->pads[axis][0] ||
            positions[axis] - step->op->pads[axis][0] >= from->dims[axis])
            return step->op->value;
        positions[axis] -= step->op->pads[axis][0];
    }
    return integer_at(from, arena + from->offset, place_at(from, positions));
}

typedef uint32_t find(const attar_step *step, const uint8_t *arena, uint64_t *positions);

static void run_all(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end, find *moved)
{
    const attar_tensor *to = step_output(step);
    const uint64_t last = place_of_item(end, step->items, to->elements);
    for (uint64_t place = place_of_item(begin, step->items, to->elements); place < last; place++) {
        uint64_t positions[ATTAR_RANK_MAX] = {0};
        positions_of(to, place, positions);
        put_integer(to, arena + to->offset, place, moved(step, arena, positions));
    }
}

static void run_concat(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    run_all(step, arena, begin, end, joined);
}

static void run_transpose(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    run_all(step, arena, begin, end, transposed);
}

static void run_pad(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    run_all(step, arena, begin, end, bordered);
}

static uint64_t items(const attar_step *step)
{
    enum { BLOCK = 4096 };
    return items_unless_packed(step, step_output(step)->elements / BLOCK + 1);
}

const attar_kernel attar_ref_concat = {ATTAR_CONCAT, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items, run_concat};
const attar_kernel attar_ref_transpose = {ATTAR_TRANSPOSE, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items,
                                          run_transpose};
const attar_kernel attar_ref_pad = {ATTAR_PAD, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items, run_pad};
