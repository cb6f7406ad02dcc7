/* Operators that move numbers: Concat, which brings them to one format as well, Transpose, Pad, Slice and Pick. */
#include "places.h"

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

static uint32_t cut(const attar_step *step, const uint8_t *arena, uint64_t *positions)
{
    const attar_tensor *from = step_input(step, 0);
    for (uint32_t axis = 0; axis < from->rank; axis++) {
        const int64_t moved = (int64_t)positions[axis] * step->op->steps[axis];
        positions[axis] = (uint64_t)(step->op->starts[axis] + moved);
    }
    return integer_at(from, arena + from->offset, place_at(from, positions));
}

static uint32_t picked(const attar_step *step, const uint8_t *arena, uint64_t *positions)
{
    const attar_tensor *from = step_input(step, 0);
    for (uint32_t axis = 0; axis < from->rank; axis++)
        positions[axis] = cell_at(step, axis, ATTAR_NEARER, positions[axis]);
    return integer_at(from, arena + from->offset, place_at(from, positions));
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

static void run_slice(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    run_all(step, arena, begin, end, cut);
}

static void run_pick(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    run_all(step, arena, begin, end, picked);
}

const attar_kernel attar_ref_concat = {ATTAR_CONCAT, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks, run_concat};
const attar_kernel attar_ref_transpose = {ATTAR_TRANSPOSE, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks,
                                          run_transpose};
const attar_kernel attar_ref_pad = {ATTAR_PAD, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks, run_pad};
const attar_kernel attar_ref_slice = {ATTAR_SLICE, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks, run_slice};
const attar_kernel attar_ref_pick = {ATTAR_PICK, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks, run_pick};
