/* Operators that multiply: layers with weights, constants, and tensors with each other. */
#include "fields.h"

/* Weights and their steps, which come with those of the table; a bias. */
void attar_read_weights(reader *r, const building *b, attar_operator *op)
{
    op->weight_bits = read_count(r, 2, ATTAR_BITS_MAX);
    const unsigned table = 1u << ATTAR_TABLE_INTEGERS;
    op->weights = read_constant_of(r, b, table | 1u << ATTAR_INLINE_INT8 | 1u << ATTAR_INLINE_INT16);
    op->scales = read_constant_of(r, b, 1u << ATTAR_INLINE_FLOAT32);
    op->bias = read_constant_of(r, b, 1u << ATTAR_TABLE_FLOATS | 1u << ATTAR_INLINE_FLOAT32 |
                                          1u << ATTAR_INLINE_INT32 | 1u << ATTAR_INLINE_INT64);
    expect(r, op->weights != ATTAR_NOTHING);
    if (r->status == ATTAR_OK)
        expect(r, (b->constants[op->weights].source == ATTAR_TABLE_INTEGERS) == (op->scales == ATTAR_NOTHING));
}

void attar_check_weights(reader *r, const building *b, const attar_operator *op, uint64_t rows, uint64_t columns)
{
    expect(r, columns <= ATTAR_REDUCTION_MAX && rows * columns <= ATTAR_ELEMENTS_MAX);
    expect(r, holds(b, op->weights, rows * columns) && holds(b, op->bias, rows));
    expect(r, holds(b, op->scales, rows) || holds(b, op->scales, 1));
}

void attar_read_dense(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = output_of(b, op);
    read_limits(r, b, op);
    read_width(r, op);
    op->channels = read_count(r, 1, ATTAR_EXTENT_MAX);
    op->is_transposed = read_count(r, 0, 1);
    attar_read_weights(r, b, op);
    expect(r, op->input_count == 1 && from->rank >= 1 && from->rank == to->rank);
    if (r->status != ATTAR_OK)
        return;
    const uint32_t last = from->rank - 1;
    for (uint32_t axis = 0; axis < last; axis++)
        expect(r, from->dims[axis] == to->dims[axis]);
    expect(r, from->dims[last] % op->channels == 0);
    attar_check_weights(r, b, op, to->dims[last], from->dims[last]);
}

void attar_read_scale_shift(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *to = output_of(b, op);
    read_limits(r, b, op);
    read_width(r, op);
    op->weight_axes = read_count(r, 0, (1u << ATTAR_RANK_MAX) - 1);
    op->bias_axes = read_count(r, 0, (1u << ATTAR_RANK_MAX) - 1);
    attar_read_weights(r, b, op);
    expect(r, op->input_count == 1 && same_dims(input_of(b, op, 0), to));
    expect(r, op->scales != ATTAR_NOTHING && op->bias != ATTAR_NOTHING);
    if (r->status != ATTAR_OK)
        return;
    expect(r, b->constants[op->bias].source >= ATTAR_INLINE_INT32 && b->constants[op->bias].source != ATTAR_INLINE_FLOAT32);
    expect(r, holds(b, op->weights, spanned(to, op->weight_axes)) && holds(b, op->bias, spanned(to, op->bias_axes)));
    expect(r, holds(b, op->scales, 1));
}

void attar_read_two(reader *r, building *b, attar_operator *op)
{
    read_limits(r, b, op);
    if (op->kind == ATTAR_PRODUCT)
        read_width(r, op);
    else
        op->axes[0] = read_count(r, 0, 1); /* whether the second is taken away */
    expect(r, op->input_count == 2);
    for (uint32_t i = 0; r->status == ATTAR_OK && i < 2; i++)
        expect(r, broadcasts(input_of(b, op, i), output_of(b, op)));
}

/* Slopes, which are numbers by a step that all share. */
void attar_read_parametric_relu(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *to = output_of(b, op);
    read_limits(r, b, op);
    read_width(r, op);
    op->weight_axes = read_count(r, 0, (1u << ATTAR_RANK_MAX) - 1);
    op->weights = read_constant_of(r, b, 1u << ATTAR_INLINE_INT8 | 1u << ATTAR_INLINE_INT16);
    op->scales = read_constant_of(r, b, 1u << ATTAR_INLINE_FLOAT32);
    expect(r, op->input_count == 1 && same_dims(input_of(b, op, 0), to));
    expect(r, op->weights != ATTAR_NOTHING && op->scales != ATTAR_NOTHING);
    expect(r, holds(b, op->weights, spanned(to, op->weight_axes)) && holds(b, op->scales, 1));
}

/* (..., rows, terms) times (..., terms, columns). */
void attar_read_matrix_product(reader *r, building *b, attar_operator *op)
{
    read_limits(r, b, op);
    read_width(r, op);
    expect(r, op->input_count == 2);
    if (r->status != ATTAR_OK)
        return;
    const attar_tensor *left = input_of(b, op, 0), *right = input_of(b, op, 1), *to = output_of(b, op);
    expect(r, to->rank >= 2 && left->rank == to->rank && right->rank == to->rank);
    for (uint32_t axis = 0; r->status == ATTAR_OK && axis + 2 < to->rank; axis++) {
        expect(r, left->dims[axis] == to->dims[axis] || left->dims[axis] == 1);
        expect(r, right->dims[axis] == to->dims[axis] || right->dims[axis] == 1);
    }
    if (r->status != ATTAR_OK)
        return;
    const uint32_t row = to->rank - 2, column = to->rank - 1;
    expect(r, left->dims[row] == to->dims[row] && right->dims[column] == to->dims[column]);
    expect(r, left->dims[column] == right->dims[row]);
}
