/* What one number costs with one table, to a fraction of a bit: the rate that an optimiser weighs against the error. */
#include "levels.h"

/* 16384 times log2(1 + i / 32). */
static const uint16_t LOG2[33] = {
    0, 727, 1433, 2118, 2784, 3432, 4062, 4676, 5274, 5858, 6428,
    6984, 7527, 8059, 8578, 9086, 9584, 10071, 10549, 11017, 11476, 11926,
    12368, 12802, 13228, 13646, 14057, 14461, 14858, 15249, 15634, 16012, 16384
};

/* 16384 times the logarithm of 1 to 4096, interpolated: the error is below 2 units. */
static uint32_t log2_of(uint32_t frequency)
{
    unsigned whole = 0;
    while (frequency >> (whole + 1) != 0)
        whole++;
    const uint32_t fraction = (frequency << (ATTAR_LEVELS_TOTAL_LOG2 - whole)) - ATTAR_LEVELS_SLOTS; /* of 4096 */
    const uint32_t step = fraction / 128;
    const uint32_t low = LOG2[step];
    const uint32_t high = LOG2[step < 32 ? step + 1 : 32];
    return 16384u * whole + low + (high - low) * (fraction % 128) / 128;
}

attar_extra attar_extra_of(const attar_levels_model *model, uint32_t magnitude, uint8_t table)
{
    attar_extra extra = {0, 0, 0, 0};
    const unsigned class_ = attar_class_of(magnitude);
    const unsigned top = model->top[table];
    extra.is_escape = model->is_open && top > 0 && class_ >= top;
    if (extra.is_escape) {
        const uint32_t excess = magnitude - attar_class_base(top);
        while (((uint64_t)excess + 1) >> (extra.width + 1) != 0)
            extra.width++;
        extra.ones = extra.width;
        extra.field = excess + 1 - (UINT32_C(1) << extra.width);
    } else {
        extra.width = attar_class_bits(class_);
        extra.field = magnitude - attar_class_base(class_);
    }
    return extra;
}

uint64_t attar_levels_price(const attar_levels_model *model, uint32_t k, int32_t value)
{
    const uint32_t last = 2u * model->top[k];
    const uint32_t token = value == INT32_MIN ? ATTAR_LEVELS_TOKENS_MAX : attar_token_of(value);
    if (token > last && (last == 0 || !model->is_open || value == INT32_MIN))
        return LEVELS_PRICE_OF_NEVER;
    const uint32_t own = token > last ? last - (token & 1u) : token;
    const uint32_t frequency = (uint32_t)model->starts[k][own + 1] - model->starts[k][own];
    const attar_extra extra = attar_extra_of(model, attar_magnitude_of(value), (uint8_t)k);
    const uint64_t beside = extra.ones + extra.width + (extra.is_escape ? 1u : 0u);
    return LEVELS_PRICE_OF_BIT * (beside + ATTAR_LEVELS_TOTAL_LOG2) - log2_of(frequency);
}

attar_status attar_levels_rates(const attar_levels_model *model, int32_t reach, float *bits, size_t bits_size)
{
    if (reach < 0 || model->tables > ATTAR_LEVELS_TABLES_MAX ||
        bits_size / (2 * (size_t)reach + 1) < (size_t)model->tables)
        return ATTAR_BAD_ARGUMENT;
    for (uint32_t k = 0; k < model->tables; k++)
        for (int32_t value = -reach; value <= reach; value++)
            *bits++ = (float)attar_levels_price(model, k, value) / (float)LEVELS_PRICE_OF_BIT;
    return ATTAR_OK;
}

attar_status attar_levels_cost(const float *bits, size_t bits_size, int32_t reach, const uint8_t *tables,
                               const int32_t *values, size_t n, float *costs)
{
    const size_t width = 2 * (size_t)reach + 1;
    if (reach < 0)
        return ATTAR_BAD_ARGUMENT;
    for (size_t i = 0; i < n; i++) {
        if (values[i] < -reach || values[i] > reach || ((size_t)tables[i] + 1) * width > bits_size)
            return ATTAR_BAD_SYMBOL;
        costs[i] = bits[(size_t)tables[i] * width + (size_t)(values[i] + reach)];
    }
    return ATTAR_OK;
}
