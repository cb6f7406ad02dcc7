/* Matrices of two tensors multiplied, a row of the right one after another. Internal. */
#ifndef ATTAR_KERNELS_TEXT_MATRICES_H
#define ATTAR_KERNELS_TEXT_MATRICES_H

#include "strips.h"

/* Where the matrix of an operand begins that the `matrix`-th one of the output comes from. */
static inline uint64_t matrix_at(const attar_tensor *from, const attar_tensor *to, uint64_t matrix)
{
    uint64_t stride = (uint64_t)from->dims[to->rank - 1] * from->dims[to->rank - 2], place = 0;
    for (uint32_t axis = to->rank - 2; axis-- > 0; matrix /= to->dims[axis]) {
        place += from->dims[axis] > 1 ? matrix % to->dims[axis] * stride : 0;
        stride *= from->dims[axis];
    }
    return place;
}

/* A row of the output, from `column` on: a number of the left matrix times a row of the right one, row after row. */
ATTAR_TEXT void row_strip(const attar_step *step, const uint8_t *arena, uint64_t left_at, uint64_t right_at, uint32_t count,
                          const ending *e, int32_t *u)
{
    const attar_tensor *left = step_input(step, 0), *right = step_input(step, 1);
    const uint64_t columns = right->dims[right->rank - 1], terms = left->dims[left->rank - 1];
    const int is_narrow = step->op->accumulator_bits <= 32;
    int32_t row[STRIP];
    int64_t sums[STRIP];
    for (uint32_t i = 0; i < count; i++)
        u[i] = 0, sums[i] = 0;
    for (uint64_t term = 0; term < terms; term++) {
        const int32_t x = number_at(left, arena + left->offset, left_at + term);
        take(right, arena + right->offset, right_at + term * columns, 1, (int32_t)right->zero, count, row);
        if (is_narrow)
            for (uint32_t i = 0; i < count; i++)
                u[i] += x * row[i];
        else
            for (uint32_t i = 0; i < count; i++)
                sums[i] += (int64_t)x * row[i];
    }
    if (is_narrow)
        end_strip(u, e, count, u);
    else
        end_wide_strip(sums, e, count, u);
}

/* An item is a row of a matrix. */
ATTAR_TEXT void text_matrix_product(const attar_step *step, uint8_t *arena, uint64_t begin, uint64_t end)
{
    const attar_tensor *left = step_input(step, 0), *right = step_input(step, 1), *to = step_output(step);
    const uint64_t columns = to->dims[to->rank - 1], rows = to->dims[to->rank - 2], terms = left->dims[left->rank - 1];
    const ending e = ending_of(step, step->scalings);
    const uint64_t last = place_of_item(end, step->items, to->elements / columns);
    for (uint64_t row = place_of_item(begin, step->items, to->elements / columns); row < last; row++) {
        const uint64_t a = matrix_at(left, to, row / rows) + row % rows * terms, b = matrix_at(right, to, row / rows);
        for (uint64_t column = 0; column < columns; column += STRIP) {
            const uint32_t count = columns - column < STRIP ? (uint32_t)(columns - column) : STRIP;
            int32_t u[STRIP];
            row_strip(step, arena, a, b + column, count, &e, u);
            put(to, arena + to->offset, row * columns + column, 1, count, u);
        }
    }
}

static inline uint64_t matrix_product_items(const attar_step *step)
{
    const attar_tensor *to = step_output(step);
    const uint64_t columns = to->dims[to->rank - 1];
    return columns % 2 == 0 ? to->elements / columns : items_unless_packed(step, to->elements / columns);
}

#endif
