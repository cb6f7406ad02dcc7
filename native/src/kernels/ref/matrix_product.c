/* Matrices of two tensors multiplied; the axes in front of them broadcast. */
#include "../text/matrices.h"
#include "kernels.h"

static void run(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *left = step_input(step, 0), *right = step_input(step, 1), *to = step_output(step);
    const uint64_t columns = to->dims[to->rank - 1], rows = to->dims[to->rank - 2], terms = left->dims[to->rank - 1];
    const uint64_t last = place_of_item(end, step->items, to->elements);
    for (uint64_t place = place_of_item(begin, step->items, to->elements); place < last; place++) {
        const uint64_t column = place % columns, row = place / columns % rows, matrix = place / columns / rows;
        const uint64_t a = matrix_at(left, to, matrix) + row * terms, b = matrix_at(right, to, matrix) + column;
        int64_t sum = 0;
        for (uint64_t i = 0; i < terms; i++)
            sum += (int64_t)number_at(left, arena + left->offset, a + i) *
                   number_at(right, arena + right->offset, b + i * columns);
        put_integer(to, arena + to->offset, place,
                    clamped(step->op, to, rescaled(sum, step->scalings->multiplier, step->scalings->shift)));
    }
}

/* A row of a matrix each. */
static uint64_t items(const attar_step *step)
{
    const attar_tensor *to = step_output(step);
    return items_unless_packed(step, to->elements / to->dims[to->rank - 1]);
}

const attar_kernel attar_ref_matrix_product = {ATTAR_MATRIX_PRODUCT, ATTAR_ISA_REF, NULL, NULL, NULL, NULL, items, run};
