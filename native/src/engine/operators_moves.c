/* Operators that move integers, or put some between others: the output has the input's format. */
#include "fields.h"

void attar_read_transpose(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = output_of(b, op);
    uint32_t seen = 0;
    expect(r, op->input_count == 1 && from->rank == to->rank && same_format(from, to));
    for (uint32_t axis = 0; r->status == ATTAR_OK && axis < to->rank; axis++) {
        op->axes[axis] = read_count(r, 0, from->rank - 1);
        expect(r, (seen >> op->axes[axis] & 1u) == 0 && to->dims[axis] == from->dims[op->axes[axis]]);
        seen |= 1u << op->axes[axis];
    }
}

void attar_read_pad(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = output_of(b, op);
    op->value = read_count(r, 0, to->top);
    expect(r, op->input_count == 1 && from->rank == to->rank && same_format(from, to));
    for (uint32_t axis = 0; r->status == ATTAR_OK && axis < to->rank; axis++) {
        op->pads[axis][0] = read_count(r, 0, ATTAR_EXTENT_MAX);
        op->pads[axis][1] = read_count(r, 0, ATTAR_EXTENT_MAX);
        expect(r, to->dims[axis] == from->dims[axis] + op->pads[axis][0] + op->pads[axis][1]);
    }
}

/* The step of an axis as (magnitude << 1 | whether it goes backward). */
static int32_t read_step(reader *r)
{
    const uint32_t step = read_count(r, 2, 2u * ATTAR_EXTENT_MAX + 1);
    return (step & 1u) != 0 ? -(int32_t)(step >> 1) : (int32_t)(step >> 1);
}

void attar_read_slice(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = output_of(b, op);
    expect(r, op->input_count == 1 && from->rank == to->rank && same_format(from, to));
    for (uint32_t axis = 0; r->status == ATTAR_OK && axis < to->rank; axis++) {
        op->starts[axis] = read_count(r, 0, from->dims[axis] - 1);
        op->steps[axis] = read_step(r);
        const int64_t last = op->starts[axis] + ((int64_t)to->dims[axis] - 1) * op->steps[axis];
        expect(r, last >= 0 && last < from->dims[axis]);
    }
}

/* A constant of whole numbers up to `most`, one for each cell along an axis of the output; there may be none. */
static uint32_t read_cells(reader *r, const building *b, uint32_t extent, uint32_t most)
{
    const uint32_t number = read_constant_of(r, b, 1u << ATTAR_INLINE_INT32);
    expect(r, holds(b, number, extent));
    for (uint64_t i = 0; number != ATTAR_NOTHING && r->status == ATTAR_OK && i < extent; i++)
        expect(r, attar_load32(b->constants[number].data + 4 * i) <= most);
    return number;
}

/* An axis without cells stays as it is. */
void attar_read_pick(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0), *to = output_of(b, op);
    expect(r, op->input_count == 1 && from->rank == to->rank && same_format(from, to));
    for (uint32_t axis = 0; r->status == ATTAR_OK && axis < to->rank; axis++) {
        op->cells[axis][ATTAR_NEARER] = read_cells(r, b, to->dims[axis], from->dims[axis] - 1);
        expect(r, op->cells[axis][ATTAR_NEARER] != ATTAR_NOTHING || from->dims[axis] == to->dims[axis]);
    }
}

/* Products of weights and integers stay within 62 bits. */
static int fits_weights(const attar_operator *op, uint32_t axes)
{
    enum { PRODUCT_BITS = 62 };
    return axes * op->weight_bits + ATTAR_BITS_MAX <= PRODUCT_BITS;
}

void attar_read_interpolate(reader *r, building *b, attar_operator *op)
{
    enum { WEIGHT_BITS_MAX = 15 };
    const attar_tensor *from = input_of(b, op, 0), *to = output_of(b, op);
    uint32_t axes = 0;
    op->weight_bits = read_count(r, 0, WEIGHT_BITS_MAX);
    expect(r, op->input_count == 1 && from->rank == to->rank && same_format(from, to));
    for (uint32_t axis = 0; r->status == ATTAR_OK && axis < to->rank; axis++) {
        uint32_t *cells = op->cells[axis];
        cells[ATTAR_NEARER] = read_cells(r, b, to->dims[axis], from->dims[axis] - 1);
        if (cells[ATTAR_NEARER] == ATTAR_NOTHING) {
            expect(r, from->dims[axis] == to->dims[axis]);
            continue;
        }
        axes++;
        cells[ATTAR_FARTHER] = read_cells(r, b, to->dims[axis], from->dims[axis] - 1);
        cells[ATTAR_SHARE] = read_cells(r, b, to->dims[axis], 1u << op->weight_bits);
        expect(r, cells[ATTAR_FARTHER] != ATTAR_NOTHING && cells[ATTAR_SHARE] != ATTAR_NOTHING);
    }
    expect(r, fits_weights(op, axes));
}
