/* Integers of tensors, and the arithmetic that ends every operator. Internal. */
#ifndef ATTAR_KERNELS_INTEGERS_H
#define ATTAR_KERNELS_INTEGERS_H

#include "../codec/bytes.h"
#include "kernel.h"

/* The i-th u of a tensor whose bytes begin at `data`. A hostile program may read a tensor of 5 bits where it has put one
 * of 8: only the bits of the format count, so that no u is beyond what tables and accumulators were made for. */
static inline uint32_t integer_at(const attar_tensor *tensor, const uint8_t *data, uint64_t i)
{
    if (tensor->storage == 8)
        return data[i] & tensor->top;
    if (tensor->storage == 16)
        return ((const uint16_t *)(const void *)data)[i] & tensor->top;
    return (uint32_t)data[i / 2] >> (i % 2 * 4) & tensor->top;
}

/* The neighbor in a shared byte stays as it is. */
static inline void put_integer(const attar_tensor *tensor, uint8_t *data, uint64_t i, uint32_t u)
{
    if (tensor->storage == 8) {
        data[i] = (uint8_t)u;
    } else if (tensor->storage == 16) {
        ((uint16_t *)(void *)data)[i] = (uint16_t)u;
    } else {
        const unsigned shift = (unsigned)(i % 2 * 4);
        data[i / 2] = (uint8_t)((data[i / 2] & (15u << (4 - shift))) | u << shift);
    }
}

/* The i-th number in steps: u without the zero point. */
static inline int32_t number_at(const attar_tensor *tensor, const uint8_t *data, uint64_t i)
{
    return (int32_t)integer_at(tensor, data, i) - (int32_t)tensor->zero;
}

/* (value * multiplier + half) >> shift; no product here comes near the ends of 64 bits. */
static inline int64_t rescaled(int64_t value, int32_t multiplier, int32_t shift)
{
    const int64_t half = shift > 0 ? INT64_C(1) << (shift - 1) : 0;
    return (value * multiplier + half) >> shift;
}

/* Whether no result leaves 32 bits before it is clamped. */
static inline int stays_narrow(const attar_step *step, int32_t multiplier, int32_t shift)
{
    const int64_t most = (INT64_C(1) << (step->op->accumulator_bits - 1)) - 1;
    return rescaled(most, multiplier, shift) < INT64_C(1) << 30;
}

/* What ends all channels of an operator. */
typedef struct limits {
    int32_t zero;
    int32_t low;
    int32_t high;
} limits;

static inline limits limits_of(const attar_step *step)
{
    const limits found = {(int32_t)step_output(step)->zero, (int32_t)step->op->low, (int32_t)step->op->high};
    return found;
}

/* 8-bit numbers and weights with accumulators of 32 bits. */
static inline int is_in_bytes(const attar_step *step)
{
    return step_input(step, 0)->storage == 8 && step_output(step)->storage == 8 && !step->matrix.is_wide &&
           step->op->accumulator_bits <= 32;
}

/* The output's u for a result in its steps. */
static inline uint32_t clamped(const attar_operator *op, const attar_tensor *to, int64_t result)
{
    const int64_t u = result + (int64_t)to->zero;
    return u < op->low ? op->low : u > op->high ? op->high : (uint32_t)u;
}

/* The i-th number of an inline constant of integers. */
static inline int64_t constant_at(const attar_constant *constant, uint64_t i)
{
    const uint8_t *data = constant->data;
    if (constant->source == ATTAR_INLINE_INT8)
        return (int8_t)data[i];
    if (constant->source == ATTAR_INLINE_INT16)
        return (int16_t)attar_load16(data + 2 * i);
    if (constant->source == ATTAR_INLINE_INT32)
        return (int32_t)attar_load32(data + 4 * i);
    return (int64_t)attar_load64(data + 8 * i);
}

/* Two numbers of 4 bits share a byte, so that such an output can't be divided at any place. */
static inline uint64_t items_unless_packed(const attar_step *step, uint64_t items)
{
    return step_output(step)->storage == 4 ? 1 : items;
}

/* Which of `places` belong to items `begin` to `end` of `items`. */
static inline uint64_t place_of_item(uint64_t item, uint64_t items, uint64_t places)
{
    return item == items ? places : places / items * item;
}

#endif
