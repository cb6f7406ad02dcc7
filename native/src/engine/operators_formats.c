/* Operators that bring numbers to another format: alone, by a table, joined, compared, as shares of a sum. */
#include "fields.h"

enum { TABLE_BITS_MAX = 12 };

void attar_read_requantize(reader *r, building *b, attar_operator *op)
{
    read_limits(r, b, op);
    expect(r, op->input_count == 1 && same_dims(input_of(b, op, 0), output_of(b, op)));
}

void attar_read_table(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0);
    op->weights = read_constant_of(r, b, 1u << ATTAR_INLINE_INT8 | 1u << ATTAR_INLINE_INT16);
    expect(r, op->input_count == 1 && same_dims(from, output_of(b, op)) && from->bits <= TABLE_BITS_MAX);
    expect(r, op->weights != ATTAR_NOTHING);
    expect(r, r->status != ATTAR_OK || holds(b, op->weights, (uint64_t)from->top + 1));
    if (r->status == ATTAR_OK && b->constants[op->weights].source == ATTAR_INLINE_INT16) {
        const uint8_t *entries = b->constants[op->weights].data;
        for (uint32_t i = 0; i <= from->top; i++)
            expect(r, attar_load16(entries + 2 * i) <= output_of(b, op)->top);
    } else if (r->status == ATTAR_OK) {
        for (uint32_t i = 0; i <= from->top; i++)
            expect(r, b->constants[op->weights].data[i] <= output_of(b, op)->top);
    }
}

void attar_read_concat(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *to = output_of(b, op);
    uint64_t joined = 0;
    read_limits(r, b, op);
    op->axis = read_count(r, 0, ATTAR_RANK_MAX - 1);
    expect(r, op->axis < to->rank);
    for (uint32_t i = 0; r->status == ATTAR_OK && i < op->input_count; i++) {
        const attar_tensor *from = input_of(b, op, i);
        expect(r, from->rank == to->rank);
        for (uint32_t axis = 0; axis < to->rank; axis++)
            expect(r, axis == op->axis || from->dims[axis] == to->dims[axis]);
        joined += from->dims[op->axis];
    }
    expect(r, r->status != ATTAR_OK || joined == to->dims[op->axis]);
}

void attar_read_extreme(reader *r, building *b, attar_operator *op)
{
    read_limits(r, b, op);
    op->is_least = read_count(r, 0, 1);
    for (uint32_t i = 0; r->status == ATTAR_OK && i < op->input_count; i++)
        expect(r, broadcasts(input_of(b, op, i), output_of(b, op)));
}

/* Its table has an entry for every distance; that of none makes every sum ATTAR_SHARE_ONE at least. */
void attar_read_softmax(reader *r, building *b, attar_operator *op)
{
    const attar_tensor *from = input_of(b, op, 0);
    read_limits(r, b, op);
    op->axis = read_count(r, 0, ATTAR_RANK_MAX - 1);
    op->weights = read_constant_of(r, b, 1u << ATTAR_INLINE_INT32);
    expect(r, op->input_count == 1 && same_dims(from, output_of(b, op)) && op->axis < from->rank);
    expect(r, from->bits <= TABLE_BITS_MAX && op->weights != ATTAR_NOTHING);
    expect(r, holds(b, op->weights, (uint64_t)from->top + 1));
    if (r->status != ATTAR_OK)
        return;
    const uint8_t *entries = b->constants[op->weights].data;
    expect(r, attar_load32(entries) == ATTAR_SHARE_ONE);
    for (uint32_t i = 0; i <= from->top; i++)
        expect(r, attar_load32(entries + 4 * i) <= ATTAR_SHARE_ONE);
}
