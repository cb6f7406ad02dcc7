#include "scaling.h"

enum { FRACTION_BITS = 23, LEAST_EXPONENT = -149, BITS_OF_64 = 64 };

/* A float32 number above 0 as mantissa * 2^exponent. */
static uint64_t mantissa_of(float value, int *exponent)
{
    const union {
        float value;
        uint32_t bits;
    } of = {value};
    const uint32_t fraction = of.bits & ((UINT32_C(1) << FRACTION_BITS) - 1);
    const int raised = (int)(of.bits >> FRACTION_BITS & 0xffu);
    *exponent = LEAST_EXPONENT + (raised > 0 ? raised - 1 : 0);
    return raised > 0 ? fraction | UINT32_C(1) << FRACTION_BITS : fraction;
}

factor attar_factor_of(const float *above, unsigned n_above, const float *below, unsigned n_below, uint64_t times)
{
    factor found = {1, times, 0};
    int exponent;
    for (unsigned i = 0; i < n_above; i++) {
        found.above *= mantissa_of(above[i], &exponent);
        found.exponent += exponent;
    }
    for (unsigned i = 0; i < n_below; i++) {
        found.below *= mantissa_of(below[i], &exponent);
        found.exponent -= exponent;
    }
    return found;
}

static int length(uint64_t value)
{
    int bits = 0;
    for (; value != 0; value >>= 1)
        bits++;
    return bits;
}

/* The e with 2^e <= factor < 2^(e + 1). */
static int exponent_of(const factor *f)
{
    const int guess = length(f->above) - length(f->below);
    const int is_less = guess >= 0 ? f->above < f->below << guess : f->above << -guess < f->below;
    return guess - is_less + f->exponent;
}

/* factor * 2^shift, half to even; the result must stay below 2^63. Long division, one bit of the quotient at a time:
 * no number here takes more than 64 bits, and there are few divisions to do. */
static uint64_t rounded(const factor *f, int shift)
{
    const int moved = f->exponent + shift;                      /* above * 2^moved / below is wanted */
    const int cut = moved < 0 ? (moved > -60 ? -moved : 60) : 0; /* bits of `above` behind the point; 60 hold them all */
    const uint64_t left_over = f->above & ((UINT64_C(1) << cut) - 1);
    uint64_t quotient = 0, remainder = 0;
    for (int bit = BITS_OF_64 - 1 + (moved > 0 ? moved : 0); bit >= (moved < 0 ? cut : 0); bit--) {
        const int place = moved > 0 ? bit - moved : bit;
        remainder = remainder << 1 | (place >= 0 ? f->above >> place & 1u : 0);
        quotient <<= 1;
        if (remainder >= f->below) {
            remainder -= f->below;
            quotient |= 1u;
        }
    }
    if (moved < -cut)
        return quotient; /* far below a half */
    const uint64_t twice = remainder << 1 | (cut > 0 ? left_over >> (cut - 1) : 0);
    const uint64_t beyond = cut > 0 ? left_over & ((UINT64_C(1) << (cut - 1)) - 1) : 0;
    if (twice > f->below || (twice == f->below && (beyond > 0 || (quotient & 1u) != 0)))
        quotient++;
    return quotient;
}

attar_status attar_scale(const factor *factors, unsigned count, unsigned precision, int32_t *multipliers,
                         int32_t *shift)
{
    int largest = exponent_of(&factors[0]);
    for (unsigned i = 1; i < count; i++)
        largest = exponent_of(&factors[i]) > largest ? exponent_of(&factors[i]) : largest;
    int moved = (int)precision - 1 - largest;
    moved = moved < ATTAR_SHIFT_MAX ? moved : ATTAR_SHIFT_MAX;
    for (unsigned i = 0; moved >= 0 && i < count; i++)
        if (rounded(&factors[i], moved) == UINT64_C(1) << precision) { /* rounded up to a bit more */
            moved--;
            break;
        }
    if (moved < 0)
        return ATTAR_BAD_PROGRAM;
    uint32_t all = 0;
    for (unsigned i = 0; i < count; i++) {
        multipliers[i] = (int32_t)rounded(&factors[i], moved);
        all |= (uint32_t)multipliers[i];
    }
    for (; moved > 0 && (all & 1u) == 0; moved--, all >>= 1)
        for (unsigned i = 0; i < count; i++)
            multipliers[i] >>= 1;
    *shift = moved;
    return ATTAR_OK;
}

attar_status attar_in_units(float value, float first, float second, int64_t *units)
{
    const float magnitude = value < 0 ? -value : value;
    const float steps[2] = {first, second};
    *units = 0;
    if (value - value != 0)
        return ATTAR_BAD_PROGRAM;
    if (magnitude == 0)
        return ATTAR_OK;
    const factor f = attar_factor_of(&magnitude, 1, steps, 2, 1);
    if (exponent_of(&f) >= ATTAR_SHIFT_MAX - 1)
        return ATTAR_BAD_PROGRAM;
    const int64_t found = (int64_t)rounded(&f, 0);
    *units = value < 0 ? -found : found;
    return ATTAR_OK;
}
