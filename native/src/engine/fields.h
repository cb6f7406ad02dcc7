/* What the readers of operators share: small fields, and what may be asked of tensors and constants. Internal. */
#ifndef ATTAR_ENGINE_FIELDS_H
#define ATTAR_ENGINE_FIELDS_H

#include "operators.h"

/* Accumulators: eq. 4 of Ge et al. beyond 48 bits leaves too little for a multiplier. */
enum { ACCUMULATOR_BITS_MIN = 2, ACCUMULATOR_BITS_MAX = 48 };

static inline void expect(reader *r, int holds)
{
    if (!holds)
        reader_fail(r, ATTAR_BAD_PROGRAM);
}

static inline const attar_tensor *input_of(const building *b, const attar_operator *op, uint32_t i)
{
    return &b->tensors[op->inputs[i]];
}

static inline const attar_tensor *output_of(const building *b, const attar_operator *op)
{
    return &b->tensors[op->output];
}

static inline int same_dims(const attar_tensor *a, const attar_tensor *b)
{
    int same = a->rank == b->rank;
    for (uint32_t axis = 0; same && axis < a->rank; axis++)
        same = a->dims[axis] == b->dims[axis];
    return same;
}

static inline int same_format(const attar_tensor *a, const attar_tensor *b)
{
    return a->bits == b->bits && a->zero == b->zero && a->scale == b->scale && a->is_signed == b->is_signed;
}

/* Whether every axis of `a` is 1 or that of `b`. */
static inline int broadcasts(const attar_tensor *a, const attar_tensor *b)
{
    int fits = a->rank == b->rank;
    for (uint32_t axis = 0; fits && axis < a->rank; axis++)
        fits = a->dims[axis] == b->dims[axis] || a->dims[axis] == 1;
    return fits;
}

static inline void read_limits(reader *r, const building *b, attar_operator *op)
{
    op->low = read_count(r, 0, output_of(b, op)->top);
    op->high = read_count(r, op->low, output_of(b, op)->top);
}

static inline void read_width(reader *r, attar_operator *op)
{
    op->accumulator_bits = read_count(r, ACCUMULATOR_BITS_MIN, ACCUMULATOR_BITS_MAX);
}

static inline uint32_t read_constant_of(reader *r, const building *b, unsigned sources)
{
    const uint32_t number = read_count(r, 0, b->constant_count);
    if (number == 0)
        return ATTAR_NOTHING;
    expect(r, (sources >> b->constants[number - 1].source & 1u) != 0);
    return number - 1;
}

/* An inline constant has just so many numbers; one of the table is held against its tensor when it is loaded. */
static inline int holds(const building *b, uint32_t number, uint64_t count)
{
    if (number == ATTAR_NOTHING)
        return 1;
    const attar_constant *constant = &b->constants[number];
    return constant->source <= ATTAR_TABLE_FLOATS || constant->count == count;
}

/* How many numbers run along those axes whose bit is set. */
static inline uint64_t spanned(const attar_tensor *tensor, uint32_t axes)
{
    uint64_t count = 1;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        count *= (axes >> axis & 1u) != 0 ? tensor->dims[axis] : 1;
    return count;
}

/* Weights, their steps and their bias, in `rows` times `columns` numbers. Both are in operators_products.c. */
void attar_read_weights(reader *r, const building *b, attar_operator *op);
void attar_check_weights(reader *r, const building *b, const attar_operator *op, uint64_t rows, uint64_t columns);

#endif
