/* Interpolation between two cells along each axis that is looked up. With u in place of q the least integer is left out
 * of a weighted mean, and its rounding stays the same. */
#include "places.h"

/* Which axes are looked up; the others stay as they are. */
static uint32_t changed(const attar_step *step, uint32_t *axes)
{
    uint32_t count = 0;
    for (uint32_t axis = 0; axis < step_output(step)->rank; axis++)
        if (step->op->cells[axis][ATTAR_NEARER] != ATTAR_NOTHING)
            axes[count++] = axis;
    return count;
}

static uint32_t between(const attar_step *step, const uint8_t *arena, uint64_t *positions)
{
    const attar_tensor *from = step_input(step, 0);
    const uint32_t bits = step->op->weight_bits;
    uint32_t axes[ATTAR_RANK_MAX];
    const uint32_t count = changed(step, axes), shift = bits * count;
    uint64_t cell[ATTAR_RANK_MAX], sum = 0;
    for (uint32_t axis = 0; axis < from->rank; axis++)
        cell[axis] = positions[axis];
    for (uint32_t corner = 0; corner < 1u << count; corner++) { /* bit i is set where axis i has its farther cell */
        uint64_t weight = 1;
        for (uint32_t i = 0; i < count; i++) {
            const int is_far = (corner >> i & 1u) != 0;
            const uint64_t share = cell_at(step, axes[i], ATTAR_SHARE, positions[axes[i]]);
            cell[axes[i]] = cell_at(step, axes[i], is_far ? ATTAR_FARTHER : ATTAR_NEARER, positions[axes[i]]);
            weight *= is_far ? share : (UINT64_C(1) << bits) - share;
        }
        sum += weight * integer_at(from, arena + from->offset, place_at(from, cell));
    }
    return (uint32_t)((sum + (shift > 0 ? UINT64_C(1) << (shift - 1) : 0)) >> shift);
}

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    run_all(step, arena, begin, end, between);
}

const attar_kernel attar_ref_interpolate = {ATTAR_INTERPOLATE, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items_of_blocks,
                                            run};
