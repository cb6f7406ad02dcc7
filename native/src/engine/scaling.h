/* Real factors as multipliers and shifts, exactly as docs/integer.md says: integers alone, so that every machine comes to
 * the same ones. Internal. */
#ifndef ATTAR_ENGINE_SCALING_H
#define ATTAR_ENGINE_SCALING_H

#include <stdint.h>

#include "attar/status.h"

enum { ATTAR_MULTIPLIER_BITS = 31, ATTAR_PRODUCT_BITS = 63, ATTAR_SHIFT_MAX = 62 };

/* above / below * 2^exponent, both between 1 and 2^57. */
typedef struct factor {
    uint64_t above;
    uint64_t below;
    int exponent;
} factor;

/* Products of float32 numbers above 0, at most two each, the lower one times a whole number as well: up to 2^32 beside
 * one float, 1 beside two. */
factor attar_factor_of(const float *above, unsigned n_above, const float *below, unsigned n_below, uint64_t times);

/* The multipliers of one factor or two, and their common shift; the largest has `precision` bits. */
attar_status attar_scale(const factor *factors, unsigned count, unsigned precision, int32_t *multipliers,
                         int32_t *shift);

/* The bits that a multiplier may have beside such accumulators. */
static inline unsigned attar_precision_for(unsigned accumulator_bits)
{
    const unsigned left = ATTAR_PRODUCT_BITS - accumulator_bits;
    return left < ATTAR_MULTIPLIER_BITS ? left : ATTAR_MULTIPLIER_BITS;
}

/* value / (first * second), half to even. */
attar_status attar_in_units(float value, float first, float second, int64_t *units);

#endif
